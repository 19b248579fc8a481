/** Leases of stores on PostgreSQL, held by real processes that are killed, stopped and woken up. */

import { documentRow, startPostgres, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool } from '@varve/stores/postgres'
import { isVarveError } from 'varve/engine'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { countIn, counting, documentsOf, hasPostgres, Writer } from './postgres-world.ts'

function untilIn(error: unknown): number {
  return isVarveError(error) ? Number(error.details?.['until']) : 0
}

describe.runIf(hasPostgres)('leases on PostgreSQL', () => {
  let server: RunningPostgres
  let pool: PostgresPool
  const writers: Writer[] = []

  beforeAll(async () => {
    server = await startPostgres()
    pool = postgresPool({ url: server.url })
  })

  afterEach(async () => {
    for (const writer of writers.splice(0)) await writer.kill()
  })

  afterAll(async () => {
    await pool.close()
    await server.stop()
  })

  const start = (schema: string, leaseMs: number): Writer => {
    const writer = new Writer(server.url, schema, 'main', leaseMs)
    writers.push(writer)
    return writer
  }

  /** Opens it when the last process is dead, and checks that every answer is there, and given once. */
  const check = async (schema: string): Promise<void> => {
    for (const writer of writers) await writer.kill()
    const stores = postgres({ pool, schema, leaseMs: 1000 })
    expect(await stores.waitForRelease('main', 30_000)).toBe(true)
    const store = await stores.open('main', { pageKey: null })
    const numbers = await documentsOf(store)
    expect(numbers).toEqual(numbers.map((_, i) => i + 1))
    expect(await countIn(store)).toBe(numbers.length)
    const answered = writers.flatMap((writer) => writer.answered)
    expect(new Set(answered).size).toBe(answered.length)
    expect(answered.filter((number) => number > numbers.length)).toEqual([])
    await store.close()
  }

  test('a second opener is told where the store is open and until when', async () => {
    const stores = postgres({ pool, schema: 'told', address: 'http://one:7400', leaseMs: 60_000 })
    const before = Date.now()
    const store = await stores.open('main', { pageKey: null })
    const refused = stores.open('main', { pageKey: null })
    await expect(refused).rejects.toMatchObject({ code: 'LOCKED', retryable: true })
    await expect(refused).rejects.toHaveProperty('details.address', 'http://one:7400')
    await expect(refused).rejects.toSatisfy((error: unknown) => untilIn(error) > before + 50_000)
    await store.close()
    await (await stores.open('main', { pageKey: null })).close()
  })

  test('who waits is woken when the store is closed, long before the lease runs out', async () => {
    const stores = postgres({ pool, schema: 'woken', leaseMs: 600_000 })
    const store = await stores.open('main', { pageKey: null })
    const waiting = Promise.all([1, 2, 3].map(() => stores.waitForRelease('main', 50_000)))
    expect(await stores.waitForRelease('main', 100)).toBe(false)
    await store.close()
    expect(await waiting).toEqual([true, true, true])
    expect(await stores.waitForRelease('main', 100)).toBe(true)
    expect(await stores.waitForRelease('never-made', 100)).toBe(true)
  })

  test('waiting leaves no connection behind', async () => {
    const stores = postgres({ pool, schema: 'waited', leaseMs: 300 })
    const store = await stores.open('main', { pageKey: null })
    for (let i = 0; i < 4; i++) expect(await stores.waitForRelease('main', 20)).toBe(false)
    await store.close()
    const text = `SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN varve'`
    const listening = async (): Promise<unknown> => (await pool.run([{ text, values: [] }]))[0]
    await vi.waitFor(async () => {
      expect(await listening()).toEqual([['0']])
    })
  })

  test('a store whose last holder rests in the middle of a batch is taken from it', async () => {
    const stores = postgres({ pool, schema: 'resting' })
    await (await stores.open('main', { pageKey: null })).close()
    const holder = new Client({ connectionString: server.url })
    const ended = new Promise((resolve) => holder.on('error', resolve))
    await holder.connect()
    await holder.query(`UPDATE resting.stores SET holder = 'other', until = clock_timestamp()`)
    await holder.query('BEGIN')
    await holder.query('UPDATE resting.stores SET batch = batch + 1')
    const store = await stores.open('main', { pageKey: null })
    await ended
    await store.write(counting(0))
    await store.close()
  })

  test('a lease is renewed while nothing is written', async () => {
    const stores = postgres({ pool, schema: 'renewed', leaseMs: 300 })
    const store = await stores.open('main', { pageKey: null })
    await new Promise((resolve) => setTimeout(resolve, 900))
    await expect(stores.open('main', { pageKey: null })).rejects.toMatchObject({ code: 'LOCKED' })
    await store.write(counting(0))
    await store.close()
  })

  test('processes killed one after the other: the next goes on after the lease, and no answer is lost', async () => {
    for (let i = 0; i < 3; i++) start('killed', 700)
    const fresh = new Set(writers)
    while (fresh.size > 0) {
      const holder = await Promise.race(
        [...fresh].map(async (writer) => {
          await writer.says('open')
          return writer
        }),
      )
      await holder.says('wrote', 20)
      await holder.kill()
      fresh.delete(holder)
    }
    await check('killed')
  }, 60_000)

  test('a process that was stopped while its lease was taken cannot write when it wakes up', async () => {
    const first = start('stopped', 600)
    await first.says('wrote', 20)
    first.stop()
    const second = start('stopped', 600)
    await second.says('wrote', 20)
    const before = first.answered.length
    first.goOn()
    await first.says('LOCKED')
    await second.says('wrote', second.answered.length + 20)
    // The answer to what it wrote before it was stopped may have waited for it.
    expect(first.answered.length).toBeLessThanOrEqual(before + 1)
    await check('stopped')
  }, 60_000)

  test('a holder that lost its lease answers every call with who has it', async () => {
    const mine = postgres({ pool, schema: 'taken', leaseMs: 300 })
    const store = await mine.open('main', { pageKey: null })
    const other = postgresPool({ url: server.url })
    // As if this process had been away for longer than its lease.
    await pool.run([{ text: `UPDATE taken.stores SET until = clock_timestamp() - interval '1 s'`, values: [] }])
    const theirs = await postgres({ pool: other, schema: 'taken', address: 'elsewhere', leaseMs: 60_000 }).open(
      'main',
      {
        pageKey: null,
      },
    )
    const lost = { code: 'LOCKED', details: { store: 'main', address: 'elsewhere' } }
    await expect(store.write(counting(0))).rejects.toMatchObject(lost)
    await expect(store.value('count')).rejects.toMatchObject(lost)
    await expect(store.feeds()).rejects.toMatchObject(lost)
    await expect(store.documents([documentRow(1).tag])).rejects.toMatchObject(lost)
    await theirs.write(counting(0))
    await store.close()
    expect(await countIn(theirs)).toBe(1)
    await theirs.close()
    await other.close()
  })
})

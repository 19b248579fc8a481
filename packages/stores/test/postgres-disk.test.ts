/** PostgreSQL on a disk that is full: what is answered is there, and writing goes on once there is room. */

import { randomBytes } from 'node:crypto'
import { isTested, smallDiskProgram, startPostgres, type OnDisk, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool } from '@varve/stores/postgres'
import { isVarveError, type Store, type VarveError } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { countIn, counting, documentsOf, hasPostgres } from './postgres-world.ts'

describe.runIf(hasPostgres && isTested(smallDiskProgram()))('PostgreSQL on a full disk', () => {
  const cleanups: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  })

  async function start(onDisk: OnDisk): Promise<{ readonly server: RunningPostgres; readonly pool: PostgresPool }> {
    // A server in want of pieces of its log takes old ones: with few of them it soon needs a new one.
    const server = await startPostgres({ onDisk, settings: { wal_keep_size: '0', min_wal_size: '2MB' } })
    cleanups.push(() => server.stop())
    const pool = postgresPool({ url: server.url, reconnectMs: 500 })
    cleanups.push(() => pool.close())
    return { server, pool }
  }

  /** Counts with large batches until one fails; tells how many were answered, and how. */
  async function countUntilFull(store: Store): Promise<{ readonly count: number; readonly error: VarveError }> {
    for (let count = await countIn(store); count < 1_000; count++) {
      const { values = new Map(), ...rest } = counting(count)
      // Random, because the server packs what can be packed.
      const large = new Map([...values, [`large${count}`, new Uint8Array(randomBytes(100_000))]])
      try {
        await store.write({ ...rest, values: large })
      } catch (error) {
        if (!isVarveError(error)) throw error
        return { count, error }
      }
    }
    throw new Error('the disk is not full')
  }

  async function isWhole(store: Store, count: number): Promise<void> {
    expect(await countIn(store)).toBe(count)
    expect(await documentsOf(store)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  }

  test('writes fail, reads and the lease go on, and so do writes once there is room', async () => {
    const { server, pool } = await start({ what: 'all but the log', mebibytes: 96 })
    const store = await postgres({ pool, schema: 'full', leaseMs: 900 }).open('main', { pageKey: null })
    for (let count = 0; count < 5; count++) await store.write(counting(count))
    await server.disk?.fill(2_000_000)
    const { count, error } = await countUntilFull(store)
    expect(count).toBeGreaterThan(5)
    expect(error).toMatchObject({ code: 'STORE_FAILED', retryable: true, details: { postgres: '53100' } })
    expect(error.message).toMatch(/disk of .* is full: make room/)
    // For longer than a lease.
    for (const end = performance.now() + 2_000; performance.now() < end;) {
      await isWhole(store, count)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect((await countUntilFull(store)).count).toBe(count)
    await server.disk?.makeRoom()
    for (let more = 0; more < 20; more++) await store.write(counting(count + more))
    await isWhole(store, count + 20)
    await store.close()
    expect(server.runs).toBe(true)
  }, 60_000)

  test('a server that ends because its log has no room loses nothing, and goes on when it is started again', async () => {
    const { server, pool } = await start({ what: 'log', mebibytes: 24 })
    const stores = postgres({ pool, schema: 'ended' })
    let store = await stores.open('main', { pageKey: null })
    for (let count = 0; count < 5; count++) await store.write(counting(count))
    await server.disk?.fill()
    const { count, error } = await countUntilFull(store)
    expect(error.code).toBe('STORE_FAILED')
    await expect(store.value('count')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    // It tries to recover first, which needs room too.
    while (server.runs) await new Promise((resolve) => setTimeout(resolve, 50))
    await server.disk?.makeRoom()
    await server.restart()
    // Whoever wrote was told that nobody knows whether the last one is there: when it is, the store is to be opened again.
    const found = await countIn(store).catch(async (reason: unknown) => {
      if (!isVarveError(reason) || reason.details?.['reopen'] !== true) throw reason
      await store.close()
      store = await stores.open('main', { pageKey: null })
      return countIn(store)
    })
    expect([count, count + 1]).toContain(found)
    for (let more = 0; more < 20; more++) await store.write(counting(found + more))
    await isWhole(store, found + 20)
    await store.close()
  }, 60_000)
})

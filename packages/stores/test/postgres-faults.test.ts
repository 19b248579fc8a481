/** PostgreSQL behind a bad network, killed, restarted and failed over: no answered batch is lost, none is written twice. */

import { documentRow, FaultProxy, startPostgres, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool, type PostgresPoolOptions } from '@varve/stores/postgres'
import { isVarveError, type Store } from 'varve/engine'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { countIn, counting, documentsOf, hasPostgres } from './postgres-world.ts'

describe.runIf(hasPostgres)('faults between us and PostgreSQL', () => {
  let server: RunningPostgres
  const pools: PostgresPool[] = []

  const poolOf = (options: PostgresPoolOptions): PostgresPool => {
    const pool = postgresPool(options)
    pools.push(pool)
    return pool
  }

  const through = (proxy: FaultProxy): string => server.url.replace(`:${server.port}/`, `:${proxy.port}/`)

  beforeEach(async ({ task }) => {
    server = await startPostgres({ standby: task.name.includes('standby') })
  })

  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.close()
    await server.stop()
  })

  /** Counts while `disturb` does its work, one write after the other; every one of them must be answered. */
  async function countWhile(store: Store, disturb: () => Promise<void>): Promise<number> {
    let over = false
    const disturbing = disturb().finally(() => {
      over = true
    })
    let count = await countIn(store)
    for (let more = 10; more > 0; count++) {
      await store.write(counting(count))
      if (over) more--
    }
    await disturbing
    return count
  }

  async function isWhole(store: Store, count: number): Promise<void> {
    expect(await countIn(store)).toBe(count)
    expect(await documentsOf(store)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  }

  test('connections cut in the middle of writes and answers', async () => {
    const proxy = await FaultProxy.open(server.port)
    const stores = postgres({ pool: poolOf({ url: through(proxy), max: 3 }), schema: 'cut' })
    const store = await stores.open('main', { pageKey: null })
    const faults = [
      () => proxy.cut(true),
      () => proxy.cut(false),
      () => proxy.truncate('server'),
      () => proxy.truncate('client'),
      () => proxy.halfOpen('server')(),
    ]
    const count = await countWhile(store, async () => {
      for (let i = 0; i < 60; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5 + ((i * 7) % 23)))
        faults[i % faults.length]?.()
      }
    })
    await isWhole(store, count)
    await store.close()
    await proxy.close()
  }, 60_000)

  test('opening and closing through cuts never locks a store against its own process', async () => {
    const proxy = await FaultProxy.open(server.port)
    const stores = postgres({ pool: poolOf({ url: through(proxy), max: 2 }), schema: 'reopened', leaseMs: 600_000 })
    for (let i = 0; i < 25; i++) {
      const cutting = new Promise<void>((resolve) => {
        setTimeout(() => {
          if (i % 2 === 0) proxy.truncate('client')
          else proxy.cut(true)
          resolve()
        }, i % 5)
      })
      const store = await stores.open('main', { pageKey: null })
      await cutting
      await store.write(counting(i))
      await store.close()
    }
    await isWhole(await stores.open('main', { pageKey: null }), 25)
    await proxy.close()
  })

  test('a batch whose answer is lost is not written again, and its outcome is known before anything is read', async () => {
    const proxy = await FaultProxy.open(server.port)
    const pool = poolOf({ url: through(proxy), max: 2, reconnectMs: 300 })
    const store = await postgres({ pool, schema: 'lost' }).open('main', { pageKey: null })
    await store.write(counting(0))
    proxy.halfOpen('both')
    const write = store.write(counting(1))
    proxy.refuse()
    await expect(write).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: false })
    await expect(store.value('count')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    proxy.accept()
    // Nothing of it reached the server: now that is certain, and the number is free again.
    expect(await countIn(store)).toBe(1)
    await store.write(counting(1))
    await isWhole(store, 2)
    await store.close()
    await proxy.close()
  })

  test('the server killed and started again while writes are under way', async () => {
    const store = await postgres({ pool: poolOf({ url: server.url, reconnectMs: 30_000 }), schema: 'killed' }).open(
      'main',
      { pageKey: null },
    )
    const count = await countWhile(store, async () => {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100 + i * 37))
        await server.kill()
        await server.restart()
      }
      await server.restart()
    })
    await isWhole(store, count)
    await store.close()
  }, 60_000)

  test('a standby is promoted in the middle of writes', async () => {
    const { standby } = server
    if (standby === null) throw new Error('there is no standby')
    const urls = [server.url, standby.url]
    const provider = postgres({ pool: poolOf({ url: urls, reconnectMs: 30_000 }), schema: 'failover' })
    const store = await provider.open('main', { pageKey: null })
    const count = await countWhile(store, async () => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      await server.kill()
      await standby.promote()
    })
    await isWhole(store, count)
    await store.close()
    const pool = poolOf({ url: urls })
    expect(pool.figures).toEqual({ connections: 0, idle: 0, waiting: 0 })
    expect(await pool.health()).toMatchObject({ ok: true, problem: null, ...pool.figures })
    expect(pool.figures).toEqual({ connections: 1, idle: 1, waiting: 0 })
  }, 60_000)

  test('a standby alone is refused with what to do', async () => {
    const pool = poolOf({ url: server.standby?.url ?? '', reconnectMs: 100 })
    const opened = postgres({ pool, schema: 'alone' }).open('main', { pageKey: null })
    await expect(opened).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
    await expect(opened).rejects.toThrow(/read-only.*primary/)
  })

  test('a server that has lost answered batches is found out, and nothing more is written to it', async () => {
    const pool = poolOf({ url: server.url })
    const store = await postgres({ pool, schema: 'behind' }).open('main', { pageKey: null })
    await store.write(counting(0))
    await pool.run([{ text: 'UPDATE behind.stores SET batch = batch - 1', values: [] }])
    const lost = { code: 'STORE_FAILED', retryable: false }
    await expect(store.write(counting(1))).rejects.toMatchObject(lost)
    await expect(store.write({})).rejects.toThrow(/has lost batches/)
    await expect(store.value('count')).rejects.toMatchObject(lost)
    await store.close()
  })

  test('a server that has lost answered batches is found out before anything is read from it', async () => {
    const pool = poolOf({ url: server.url, reconnectMs: 30_000 })
    const store = await postgres({ pool, schema: 'older' }).open('main', { pageKey: null })
    await store.write(counting(0))
    expect(await store.documents([documentRow(1).tag])).toEqual([documentRow(1)])
    await pool.run([{ text: 'UPDATE older.stores SET batch = batch - 1', values: [] }])
    await server.kill()
    await server.restart()
    await expect(store.value('count')).rejects.toThrow(/has lost batches/)
    await expect(store.documents([documentRow(1).tag])).rejects.toThrow(/has lost batches/)
    await store.close()
  })

  test('what fails is said in words, without who connects', async () => {
    const { password } = new URL(server.url)
    const wrong = server.url.replace(password, 'not-the-password')
    const quick = { max: 1, reconnectMs: 100 }
    const failures = [
      postgres({ pool: poolOf({ ...quick, url: wrong }), schema: 'a' }).open('main', { pageKey: null }),
      postgres({ pool: poolOf({ ...quick, url: server.url.replace(/postgres$/, 'other') }), schema: 'a' }).readFile(
        'a',
      ),
      postgres({ pool: poolOf({ ...quick, url: server.url.replace(/:\d+\//, ':1/') }), schema: 'a' }).destroy(),
    ]
    const said: string[] = []
    for (const outcome of await Promise.allSettled(failures)) {
      const error: unknown = outcome.status === 'rejected' ? outcome.reason : null
      if (!isVarveError(error, 'STORE_FAILED')) throw new Error('expected STORE_FAILED', { cause: error })
      said.push(error.message)
      expect(JSON.stringify([error.message, error.details])).not.toMatch(/not-the-password|varve:/)
      expect(inspect(error, { depth: 9 })).not.toMatch(/not-the-password|user "|varve:/)
      expect(error.message).not.toContain(password)
    }
    expect(said.join('\n')).toMatch(/password.*\n.*no database.*\n.*No connection/)
    expect(() => postgresPool({ url: 'postgres://user:secret@:bad port' })).toThrow(/must be "postgres:/)
  })

  test('disk full, timeouts and conflicts inside the server are told, and nothing is written', async () => {
    const pool = poolOf({ url: server.url, reconnectMs: 200 })
    const store = await postgres({ pool, schema: 'inside' }).open('main', { pageKey: null })
    const raise = (code: string): Promise<unknown> =>
      pool.run([
        {
          text: `CREATE OR REPLACE FUNCTION inside.raise() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'as asked' USING ERRCODE = '${code}'; END $$`,
          values: [],
          once: true,
        },
        {
          text: 'CREATE OR REPLACE TRIGGER t BEFORE INSERT ON inside.touches EXECUTE FUNCTION inside.raise()',
          values: [],
          once: true,
        },
      ])
    const expected: readonly (readonly [string, RegExp, boolean])[] = [
      ['53100', /disk of .* is full/, true],
      ['57014', /took too long/, true],
      ['40001', /busy with the same rows/, true],
      ['54000', /larger than/, false],
      ['P0001', /look into its log/, false],
    ]
    for (const [code, words, retryable] of expected) {
      await raise(code)
      const failed = store.write({ ...counting(0), touches: [{ position: 1, document: 1 }] })
      await expect(failed).rejects.toMatchObject({ code: 'STORE_FAILED', retryable })
      await expect(failed).rejects.toThrow(words)
    }
    expect(await countIn(store)).toBe(0)
    // A batch that is refused does not take those with it that were called beside it.
    const beside = [0, 1, 2].map((count) => store.write(counting(count)))
    const refused = store.write({ touches: [{ position: 1, document: 1 }] })
    await expect(refused).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await Promise.all(beside)
    await isWhole(store, 3)
    await store.close()
  })
})

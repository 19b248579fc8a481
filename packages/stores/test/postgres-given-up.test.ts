/** A write that was given up, or whose store was lost, before its answer came: whoever wrote never goes on with a wrong belief. */

import { FaultProxy, startPostgres, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool, type PostgresPoolOptions } from '@varve/stores/postgres'
import { isVarveError, type Store } from 'varve/engine'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { countIn, counting, hasPostgres } from './postgres-world.ts'

const plain = { pageKey: null }
let server: RunningPostgres
const pools: PostgresPool[] = []

function poolOf(options: PostgresPoolOptions): PostgresPool {
  const pool = postgresPool(options)
  pools.push(pool)
  return pool
}

/** The number of batches of the store, as another connection sees it. */
async function batchesIn(direct: PostgresPool, schema: string): Promise<number> {
  const [rows = []] = await direct.ask([
    { text: `SELECT batch FROM "${schema}".stores WHERE name = 'main'`, values: [] },
  ])
  return Number(rows[0]?.[0])
}

/** Writes; resolves once it took effect and no answer can arrive any more. */
async function unanswered(
  store: Store,
  proxy: FaultProxy,
  direct: PostgresPool,
  schema: string,
): Promise<Promise<void>> {
  const before = await batchesIn(direct, schema)
  proxy.stall('client')
  const write = store.write(counting(1))
  write.catch(() => undefined)
  while ((await batchesIn(direct, schema)) === before) await new Promise((resolve) => setTimeout(resolve, 10))
  proxy.refuse()
  return Promise.resolve().then(() => write)
}

describe.runIf(hasPostgres)('a write without an answer', () => {
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.close()
  })
  afterAll(async () => {
    await server.stop()
  })
  const through = (proxy: FaultProxy): string => server.url.replace(`:${server.port}/`, `:${proxy.port}/`)

  test('that was given up and took effect ends the store, which opens again at once with it', async () => {
    const [proxy, direct] = [await FaultProxy.open(server.port), poolOf({ url: server.url })]
    const stores = postgres({
      pool: poolOf({ url: through(proxy), reconnectMs: 300 }),
      schema: 'ended',
      leaseMs: 600_000,
    })
    const store = await stores.open('main', plain)
    await store.write(counting(0))
    const began = { write: unanswered(store, proxy, direct, 'ended') }
    await expect(began.write).rejects.toMatchObject({ code: 'STORE_FAILED' })
    proxy.accept()
    const ended = { code: 'STORE_FAILED', details: { reopen: true } }
    await expect(store.write(counting(1))).rejects.toMatchObject(ended)
    await expect(store.value('count')).rejects.toMatchObject(ended)
    await store.close()
    const again = await stores.open('main', plain)
    expect(await countIn(again)).toBe(2)
    await again.close()
    await proxy.close()
  })

  test('that took effect before another took the store over is not said to be refused', async () => {
    const [proxy, direct] = [await FaultProxy.open(server.port), poolOf({ url: server.url })]
    const schema = 'doubtful'
    const store = await postgres({ pool: poolOf({ url: through(proxy) }), schema, leaseMs: 1_000 }).open('main', plain)
    await store.write(counting(0))
    const write = { answer: unanswered(store, proxy, direct, schema) }
    write.answer.catch(() => undefined)
    const others = postgres({ pool: direct, schema })
    let other: Store | null = null
    while (other === null) {
      other = await others.open('main', plain).catch((error: unknown) => {
        if (isVarveError(error, 'LOCKED')) return null
        throw error
      })
      if (other === null) await others.waitForRelease('main', 2_000)
    }
    expect(await countIn(other)).toBe(2)
    proxy.accept()
    await expect(write.answer).rejects.toMatchObject({
      code: 'LOCKED',
      retryable: false,
      details: { outcome: 'unknown' },
    })
    await expect(store.write(counting(2))).rejects.toMatchObject({ code: 'LOCKED' })
    await store.close()
    await other.close()
    await proxy.close()
  })
})

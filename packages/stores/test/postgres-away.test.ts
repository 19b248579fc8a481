/** Closing while PostgreSQL is away: it ends soon, and loses nothing. */

import { FaultProxy } from '@varve/testkit'
import { postgres, postgresPool } from '@varve/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  countIn,
  counting,
  documentsOf,
  hasPostgres,
  startPostgresWorld,
  type PostgresWorld,
} from './postgres-world.ts'

/** Milliseconds: 5 s and some for what follows them, on a slow machine. */
const soonMs = 9_000

describe.runIf(hasPostgres)('closing while PostgreSQL is away', () => {
  let world: PostgresWorld
  beforeAll(async () => {
    world = await startPostgresWorld()
  })
  afterAll(() => world.stop())

  for (const [what, leave] of [
    ['refuses', (proxy: FaultProxy) => proxy.refuse()],
    ['hangs', (proxy: FaultProxy) => proxy.swallow()],
  ] as const) {
    test(`a server that ${what} delays it by seconds, for all stores together`, async () => {
      const proxy = await FaultProxy.open(world.server.port)
      const pool = postgresPool({ url: world.server.url.replace(`:${world.server.port}/`, `:${proxy.port}/`) })
      const stores = postgres({ pool, schema: what, leaseMs: 2_000 })
      const open = await Promise.all(['one', 'two', 'three'].map((name) => stores.open(name, { pageKey: null })))
      const [first] = open
      if (first === undefined) throw new Error('no store is open')
      for (let count = 0; count < 5; count++) await first.write(counting(count))
      leave(proxy)
      const underWay = first.write(counting(5)).catch((error: unknown) => error)
      const begun = performance.now()
      for (const store of open) await store.close()
      await pool.close()
      expect(performance.now() - begun).toBeLessThan(soonMs)
      expect(await underWay).toMatchObject({ code: 'STORE_FAILED' })
      await proxy.close()
      const again = postgres({ pool: world.pool, schema: what })
      expect(await again.waitForRelease('one', 60_000)).toBe(true)
      const store = await again.open('one', { pageKey: null })
      const found = await countIn(store)
      expect([5, 6]).toContain(found)
      await store.write(counting(found))
      expect(await documentsOf(store)).toEqual(Array.from({ length: found + 1 }, (_, i) => i + 1))
      await store.close()
    }, 60_000)
  }
})

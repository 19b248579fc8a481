/** Closing while MongoDB is away: it ends soon, says what it could not do, and loses nothing. */

import { isTested, mongodbProgram } from '@varve/testkit'
import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { systemEnv } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countIn, counting, documentsOf } from './postgres-world.ts'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

/** Milliseconds: 5 s and some for what follows them, on a slow machine. */
const soonMs = 9_000

describe.runIf(isTested(mongodbProgram()))('closing while MongoDB is away', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  for (const [what, leave, comeBack] of [
    ['has ended', () => world.server.kill(), () => world.server.restart()],
    ['hangs', async () => world.server.signal('SIGSTOP'), async () => world.server.signal('SIGCONT')],
  ] as const) {
    test(`a server that ${what} delays it by seconds, for all stores together`, async () => {
      const said: string[] = []
      const env = systemEnv({ log: (_, message) => void said.push(message) })
      const client = mongodbClient({ url: world.server.url })
      const database = world.database()
      const stores = mongodb({ client, database, env, leaseMs: 6_000 })
      const open = await Promise.all(['one', 'two', 'three'].map((name) => stores.open(name, { pageKey: null })))
      const [first] = open
      if (first === undefined) throw new Error('no store is open')
      for (let count = 0; count < 5; count++) await first.write(counting(count))
      await leave()
      const underWay = first.write(counting(5)).catch((error: unknown) => error)
      const begun = performance.now()
      for (const store of open) await store.close()
      await client.close()
      expect(performance.now() - begun).toBeLessThan(soonMs)
      expect(said.filter((message) => message.includes('lease runs out by itself'))).toHaveLength(3)
      expect(await underWay).toMatchObject({ code: 'STORE_FAILED' })
      await comeBack()
      const again = mongodb({ client: world.client, database, leaseMs: 6_000, waitMs: 60_000 })
      const store = await again.open('one', { pageKey: null })
      const found = await countIn(store)
      expect([5, 6]).toContain(found)
      await store.write(counting(found))
      expect(await documentsOf(store)).toEqual(Array.from({ length: found + 1 }, (_, i) => i + 1))
      await store.close()
    }, 90_000)
  }
})

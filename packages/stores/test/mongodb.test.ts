/** The MongoDB adapter against the storage contract, and against the memory store. */

import { isTested, mongodbProgram, storeSuite } from '@varve/testkit'
import { mongodb } from '@varve/stores/mongodb'
import { decorateStores, recent, retry, systemEnv } from 'varve/engine'
import { afterAll, beforeAll, describe, it, test } from 'vitest'
import { agreesWithMemory } from './agreement.ts'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

describe.runIf(isTested(mongodbProgram()))('a replica set', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  const providers = {
    mongodb: (database: string) => mongodb({ client: world.client, database, cacheBytes: 0 }),
    'mongodb, with heads and commits kept and retries': (database: string) =>
      retry(decorateStores(mongodb({ client: world.client, database }), recent), { attempts: 3, env: systemEnv() }),
  }
  for (const [name, make] of Object.entries(providers)) {
    const provider = async () => {
      const database = world.database()
      return { provider: make(database), cleanup: () => world.drop(database) }
    }
    storeSuite({ name, provider, test: { describe, it } })
  }

  test('memory and MongoDB agree', async () => {
    await agreesWithMemory(mongodb({ client: world.client, database: world.database() }), 60)
  }, 120_000)
})

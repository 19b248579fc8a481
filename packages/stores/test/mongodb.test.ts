/** The MongoDB adapter against the storage contract, and against the memory store. */

import fc from 'fast-check'
import { arbitraryBatch, historyOf, mongodbProgram, storeSuite } from '@varve/testkit'
import { mongodb } from '@varve/stores/mongodb'
import { decorateStores, memory, recent, retry, systemEnv } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

describe.runIf(mongodbProgram() !== null || process.env['CI'] === 'true')('a replica set', () => {
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
    const turns = fc.array(fc.array(arbitraryBatch, { maxLength: 4 }), { minLength: 1, maxLength: 3 })
    const database = world.database()
    const stores = mongodb({ client: world.client, database })
    let run = 0
    await fc.assert(
      fc.asyncProperty(turns, async (history) => {
        run++
        const expected = await historyOf(memory(), 'main', history)
        expect(await historyOf(stores, `run-${run}`, history)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})

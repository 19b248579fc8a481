/** MongoDB behind a bad network: no answered batch is lost, and none is written twice. */

import { FaultProxy, isTested, mongodbProgram } from '@varve/testkit'
import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { isVarveError } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'
import { countIn, counting, documentsOf } from './postgres-world.ts'

describe.runIf(isTested(mongodbProgram()))('faults between us and MongoDB', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  /** Not by the names that the replica set has for its servers, which lead past the proxy. */
  const through = (proxy: FaultProxy): string => `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`

  test('connections cut in the middle of writes and answers', async () => {
    const proxy = await FaultProxy.open(world.server.port)
    const client = mongodbClient({ url: through(proxy), waitMs: 60_000 })
    const store = await mongodb({ client, database: world.database(), leaseMs: 60_000 }).open('main', { pageKey: null })
    const faults = [
      () => proxy.cut(true),
      () => proxy.truncate('server'),
      () => proxy.cut(false),
      () => proxy.truncate('client'),
    ]
    let over = false
    const disturbing = (async () => {
      for (let i = 0; i < 24; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20 + ((i * 37) % 90)))
        faults[i % faults.length]?.()
      }
      over = true
    })()
    let count = 0
    for (let more = 5; more > 0; count++) {
      // A read may be cut off; a write is answered, or left nothing.
      for (;;) {
        try {
          await store.write(counting(count))
          break
        } catch (error) {
          if (!isVarveError(error, 'STORE_FAILED') || !error.retryable) throw error
        }
      }
      if (over) more--
    }
    await disturbing
    expect(await countIn(store)).toBe(count)
    expect(await documentsOf(store)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    await store.close()
    await client.close()
    await proxy.close()
  }, 180_000)
})

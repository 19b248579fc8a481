/** MongoDB on a disk that is full: what was answered is there, and writing goes on once there is room and it runs again. */

import { randomBytes } from 'node:crypto'
import { isTested, mongodbProgram, smallDiskProgram, startMongodb, type RunningMongodb } from '@varve/testkit'
import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { isVarveError, type Store, type VarveError } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countIn, counting, documentsOf } from './postgres-world.ts'

describe.runIf(isTested(mongodbProgram()) && isTested(smallDiskProgram()))('MongoDB on a full disk', () => {
  let server: RunningMongodb
  beforeAll(async () => {
    server = await startMongodb({ diskMebibytes: 256 })
  }, 180_000)
  afterAll(() => server?.stop())

  /** Counts until a write fails; tells how many were answered, and how. */
  async function countUntilFull(store: Store): Promise<{ readonly count: number; readonly error: VarveError }> {
    for (let count = await countIn(store); count < 1_000; count++) {
      const { values = new Map(), ...rest } = counting(count)
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

  test('writes end with what to do, and all that was answered is there', async () => {
    // A server that cannot write its journal answers no write any more, until it ends by itself.
    const client = mongodbClient({ url: server.url, waitMs: 2_000, answerMs: 2_000 })
    const stores = mongodb({ client, database: 'full', leaseMs: 4_000, waitMs: 30_000 })
    const store = await stores.open('main', { pageKey: null })
    for (let count = 0; count < 5; count++) await store.write(counting(count))
    await server.disk?.fill()
    const { count, error } = await countUntilFull(store)
    expect(error).toMatchObject({ code: 'STORE_FAILED' })
    expect(error.message).toMatch(/open it again|try again|check the servers/)
    await server.disk?.makeRoom()
    await server.restart()
    await store.close()
    const again = await stores.open('main', { pageKey: null })
    const found = await countIn(again)
    expect([count, count + 1]).toContain(found)
    for (let more = 0; more < 5; more++) await again.write(counting(found + more))
    expect(await documentsOf(again)).toEqual(Array.from({ length: found + 5 }, (_, i) => i + 1))
    await again.close()
    await client.close()
  }, 120_000)
})

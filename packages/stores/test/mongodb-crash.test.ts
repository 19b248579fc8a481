/** Processes and servers that end at the worst moment: what was answered is there, whole, and nothing else in part. */

import { answersOf, isTested, mongodbProgram } from '@varve/testkit'
import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { isVarveError, memory, type Store } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchAt, extent } from './mongodb-batches.ts'
import { StoreProcess } from './mongodb-process.ts'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

const leaseMs = 1_500

/** What a store answers after the first `count` batches. */
async function expectedAfter(count: number): Promise<unknown> {
  const store = await memory().open('main', { pageKey: null })
  for (let n = 0; n < count; n++) await store.write(batchAt(n))
  return answersOf(store, extent)
}

describe.runIf(isTested(mongodbProgram()))('crashes', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  const openAgain = (database: string): Promise<Store> =>
    mongodb({ client: world.client, database, leaseMs, waitMs: 30_000 }).open('main', { pageKey: null })

  /** Everything that was answered, and at most what was under way. */
  async function holdsAtLeast(store: Store, written: number): Promise<void> {
    const { commits } = await store.stats()
    expect(commits).toBeGreaterThanOrEqual(written)
    expect(commits).toBeLessThanOrEqual(written + 1)
    expect(await answersOf(store, extent)).toEqual(await expectedAfter(commits))
  }

  for (const crashAt of ['fence', 'rows', 'commit', 'committed']) {
    for (const crashRound of [1, 3]) {
      test(`a process that ends at "${crashAt}" of round ${crashRound} is taken over from`, async () => {
        const database = world.database()
        const child = new StoreProcess({
          url: world.server.url,
          database,
          store: 'main',
          count: 400,
          crashAt,
          crashRound,
          leaseMs,
        })
        await child.ended()
        expect(child.lines.at(-1)).not.toBe('closed')
        const store = await openAgain(database)
        await holdsAtLeast(store, child.written)
        const { commits } = await store.stats()
        await store.write(batchAt(commits))
        await store.close()
        const again = await openAgain(database)
        expect(await answersOf(again, extent)).toEqual(await expectedAfter(commits + 1))
        await again.close()
      })
    }
  }

  test('a process that is killed in the middle of its writes loses none that was answered', async () => {
    const database = world.database()
    const child = new StoreProcess({ url: world.server.url, database, store: 'main', count: 100_000, leaseMs })
    await child.said(60)
    await child.kill()
    const store = await openAgain(database)
    await holdsAtLeast(store, child.written)
    await store.close()
  })

  test('a server that is killed and started again loses nothing, and the store goes on by itself', async () => {
    const database = world.database()
    const client = mongodbClient({ url: world.server.url, waitMs: 90_000 })
    const store = await mongodb({ client, database, leaseMs: 90_000 }).open('main', { pageKey: null })
    let next = 0
    for (; next < 10; next++) await store.write(batchAt(next))
    for (let turn = 0; turn < 2; turn++) {
      await world.server.kill()
      const underWay = store.write(batchAt(next++))
      await world.server.restart()
      await underWay
      for (let n = 0; n < 5; n++) await store.write(batchAt(next++))
      expect(await answersOf(store, extent)).toEqual(await expectedAfter(next))
    }
    await store.close()
    await client.close()
    const again = await openAgain(database)
    expect(await answersOf(again, extent)).toEqual(await expectedAfter(next))
    await again.close()
  }, 180_000)

  test('a write of which nobody knows whether it is there ends the store until it is opened again', async () => {
    const database = world.database()
    const client = mongodbClient({ url: world.server.url, waitMs: 1_000 })
    const store = await mongodb({ client, database, leaseMs: 3_000 }).open('main', { pageKey: null })
    await store.write(batchAt(0))
    const killed = world.server.kill()
    const values = new Map([['last', Uint8Array.of(1)]])
    const error = await store.write({ values }).catch((reason: unknown) => reason)
    await killed
    expect(isVarveError(error, 'STORE_FAILED') && error.details?.['outcome']).toBe('unknown')
    await world.server.restart()
    await expect(store.value('state')).rejects.toThrow('open it again')
    await expect(store.write(batchAt(1))).rejects.toThrow('open it again')
    await store.close()
    await client.close()
    const again = await openAgain(database)
    expect([null, Uint8Array.of(1)]).toContainEqual(await again.value('last'))
    await again.write({ values: new Map([['last', null]]) })
    expect(await answersOf(again, extent)).toEqual(await expectedAfter(1))
    await again.close()
  }, 180_000)
})

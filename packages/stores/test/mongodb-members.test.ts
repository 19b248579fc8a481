/** A MongoDB of three members whose primary changes, ends, rests and is cut off: nothing that was answered is lost. */

import {
  answersOf,
  isTested,
  mongodbProgram,
  sampleBytes,
  startMongodbMembers,
  type RunningMembers,
} from '@varve/testkit'
import { mongodb, mongodbClient, type MongodbClient } from '@varve/stores/mongodb'
import { MongoClient } from 'mongodb'
import { memory, type Store, type StoreProvider } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchAt, extent } from './mongodb-batches.ts'
import { StoreProcess } from './mongodb-process.ts'

/** What a store answers after the first `count` batches. */
async function expectedAfter(count: number): Promise<unknown> {
  const store = await memory().open('main', { pageKey: null })
  for (let n = 0; n < count; n++) await store.write(batchAt(n))
  return answersOf(store, extent)
}

describe.runIf(isTested(mongodbProgram()))('a MongoDB of three members', () => {
  let set: RunningMembers
  let client: MongodbClient
  let databases = 0

  beforeAll(async () => {
    set = await startMongodbMembers()
    client = mongodbClient({ url: set.url })
  }, 180_000)
  afterAll(async () => {
    await client.close()
    await set.stop()
  })

  const freshStores = (leaseMs = 15_000): StoreProvider =>
    mongodb({ client, database: `members-${++databases}`, leaseMs })

  const others = (member: unknown) => set.members.filter((each) => each !== member)

  /**
   * Writes one batch after the other while `disturb` does its work, and reads beside that. All of it must be answered,
   * and no answer may be older than what was written before it was asked for. `goesOn` resolves once writes are answered
   * again. Returns how many were written.
   */
  async function underLoad(store: Store, disturb: (goesOn: () => Promise<void>) => Promise<void>): Promise<number> {
    const now = { isOver: false, written: 0 }
    const goesOn = async (): Promise<void> => {
      const { written } = now
      while (now.written < written + 3) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const states = new Map<string, number>()
    const write = async (): Promise<void> => {
      states.set(sampleBytes(40, now.written).join(), now.written)
      await store.write(batchAt(now.written))
      now.written++
    }
    const reading = async (): Promise<void> => {
      while (!now.isOver) {
        // What is in memory is answered without a turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve))
        const before = now.written - 1
        const state = (await store.value('state'))?.join() ?? ''
        expect(states.get(state)).toBeGreaterThanOrEqual(before)
        const [newest] = await store.commitHeads([before])
        expect(newest?.no).toBe(before)
      }
    }
    const writing = async (): Promise<void> => {
      while (!now.isOver) await write()
    }
    for (let n = 0; n < 5; n++) await write()
    const disturbing = disturb(goesOn).finally(() => {
      now.isOver = true
    })
    await Promise.all([disturbing, writing(), reading(), reading()])
    for (let n = 0; n < 5; n++) await write()
    return now.written
  }

  async function isWhole(store: Store, stores: StoreProvider, written: number): Promise<void> {
    const expected = await expectedAfter(written)
    expect(await answersOf(store, extent)).toEqual(expected)
    await store.close()
    const again = await stores.open('main', { pageKey: null })
    expect(await answersOf(again, extent)).toEqual(expected)
    await again.close()
  }

  test('a primary that steps down', async () => {
    const stores = freshStores()
    const store = await stores.open('main', { pageKey: null })
    const written = await underLoad(store, async () => {
      for (let turn = 0; turn < 2; turn++) {
        await (await set.primary()).stepDown()
        await set.primary()
      }
    })
    await isWhole(store, stores, written)
  }, 60_000)

  test('stores are opened, written and closed through elections', async () => {
    const stores = freshStores()
    const now = { isOver: false, written: 0 }
    const disturbing = (async () => {
      for (let turn = 0; turn < 2; turn++) {
        await (await set.primary()).stepDown()
        await set.primary()
      }
    })().finally(() => {
      now.isOver = true
    })
    while (!now.isOver) {
      const store = await stores.open('main', { pageKey: null })
      await store.write(batchAt(now.written++))
      await store.close()
      await stores.writeFile('note', Uint8Array.of(now.written & 255))
      expect(await stores.readFile('note')).toEqual(Uint8Array.of(now.written & 255))
    }
    await disturbing
    await isWhole(await stores.open('main', { pageKey: null }), stores, now.written)
  }, 60_000)

  test('a primary that is killed', async () => {
    const stores = freshStores()
    const store = await stores.open('main', { pageKey: null })
    const primary = await set.primary()
    const written = await underLoad(store, async (goesOn) => {
      await primary.kill()
      await goesOn()
    })
    await primary.restart()
    await isWhole(store, stores, written)
  }, 60_000)

  test('a primary that rests until another one is elected, and wakes', async () => {
    const stores = freshStores()
    const store = await stores.open('main', { pageKey: null })
    const written = await underLoad(store, async (goesOn) => {
      const primary = await set.primary()
      primary.signal('SIGSTOP')
      await goesOn()
      primary.signal('SIGCONT')
      await set.whole()
    })
    await isWhole(store, stores, written)
  }, 60_000)

  test('a primary that is cut off takes a write which the others never get, and undoes it', async () => {
    const stores = freshStores()
    const store = await stores.open('main', { pageKey: null })
    for (let n = 0; n < 5; n++) await store.write(batchAt(n))
    const primary = await set.primary()
    const direct = await MongoClient.connect(`mongodb://127.0.0.1:${primary.port}/?directConnection=true`)
    const batches = direct.db(`members-${databases}`).collection('varve_batches')
    const countOf = () => batches.countDocuments({}, { readConcern: { level: 'local' } })
    const marks = direct.db('marks').collection<{ readonly _id: string }>('marks')
    const mark = (_id: string) => marks.insertOne({ _id }, { writeConcern: { w: 1 } })
    await marks.insertOne({ _id: 'whole' }, { writeConcern: { w: 3 } })
    const before = await countOf()
    for (const other of others(primary)) other.signal('SIGSTOP')
    // The answer to what they asked for before; they ask for nothing after it.
    await mark('sent')
    const underWay = store.write(batchAt(5))
    while ((await countOf()) === before) await new Promise((resolve) => setTimeout(resolve, 5))
    await mark('undone')
    primary.signal('SIGSTOP')
    for (const other of others(primary)) other.signal('SIGCONT')
    await set.primary(others(primary))
    await underWay
    for (let n = 6; n < 10; n++) await store.write(batchAt(n))
    primary.signal('SIGCONT')
    await set.whole()
    const left = (await client.connect()).db('marks').collection<{ readonly _id: string }>('marks')
    expect(await left.countDocuments({ _id: 'undone' })).toBe(0)
    await direct.close()
    await isWhole(store, stores, 10)
  }, 60_000)

  test('who rests with the primary, and wakes after another took over, writes nothing any more', async () => {
    const leaseMs = 1_500
    const database = `members-${++databases}`
    const child = new StoreProcess({ url: set.url, database, store: 'main', count: 100_000, leaseMs })
    await child.said(20)
    const primary = await set.primary()
    primary.signal('SIGSTOP')
    child.signal('SIGSTOP')
    await set.primary(others(primary))
    const stores = mongodb({ client, database, leaseMs, waitMs: 30_000 })
    const store = await stores.open('main', { pageKey: null })
    const { commits } = await store.stats()
    for (let n = commits; n < commits + 5; n++) await store.write(batchAt(n))
    primary.signal('SIGCONT')
    child.signal('SIGCONT')
    await child.ended()
    expect(child.lines.at(-1)).toBe('failed LOCKED')
    expect(child.written).toBeLessThanOrEqual(commits)
    await set.whole()
    for (let n = commits + 5; n < commits + 10; n++) await store.write(batchAt(n))
    await isWhole(store, stores, commits + 10)
  }, 60_000)
})

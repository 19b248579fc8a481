/** Several windows of one origin: one engine, the same data, and an engine that takes over when the first ends. */

import { isVarveError, memory, type Doc } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import { TabsWorld, type Window } from './tabs-world.ts'
import type { SharedCollection } from '../src/page/collection.ts'

interface Person {
  readonly name: string
  readonly age?: number
}

const passphrase = 'correct horse'
let world = new TabsWorld()

async function founded(window: Window, lock: { readonly passphrase?: string } = {}): Promise<SharedCollection<Person>> {
  const tenant = await window.engine.createTenant({ name: 'acme', user: 'ada', ...lock })
  return (await tenant.database('crm')).collection<Person>('people', { indexes: ['name'] })
}

async function people(window: Window): Promise<SharedCollection<Person>> {
  const tenant = await window.engine.openTenant()
  return (await tenant.database('crm')).collection<Person>('people')
}

/** Resolves once `docs` says so. */
function seen(collection: SharedCollection<Person>, enough: (docs: Doc<Person>[]) => boolean): Promise<Doc<Person>[]> {
  return new Promise((resolve, reject) => {
    const stop = collection.find().watch(
      (docs) => {
        if (!enough(docs)) return
        stop()
        resolve(docs)
      },
      { onError: reject },
    )
  })
}

afterEach(async () => {
  await world.end()
  world = new TabsWorld()
})

describe('two windows', () => {
  test('share one engine: what one writes the other reads, and sees live', async () => {
    const [one, two] = [world.window(), world.window()]
    const mine = await founded(one)
    const theirs = await people(two)
    const coming = seen(theirs, (docs) => docs.length === 2)
    const { id, ov } = await mine.create({ name: 'Ada' })
    await mine.createMany([{ name: 'Grace' }])
    expect(ov).toBe(0)
    expect((await theirs.get(id))?.name).toBe('Ada')
    expect((await coming).map(({ name }) => name)).toEqual(['Ada', 'Grace'])
    expect(one.page.role).toBe('leader')
    expect(two.page.role).toBe('follower')
  })

  test('have every kind of call: queries, versions, receipts, differences, transactions', async () => {
    const [one, two] = [world.window(), world.window()]
    await founded(one)
    const theirs = await people(two)
    const made = await theirs.create({ name: 'Ada', age: 36 })
    expect(await made.receipt()).toMatchObject({ ov: 0, record: expect.any(Number) })
    await theirs.patch(made.id, { age: 37 })
    const versions = []
    for await (const { ov, doc } of theirs.history(made.id)) versions.push([ov, doc?.age])
    expect(versions).toEqual([
      [0, 36],
      [1, 37],
    ])
    expect(await theirs.diff(made.id, 0, 1)).toMatchObject([{ path: 'age' }])
    expect(
      await theirs
        .find({ age: { $gt: 36 } })
        .sort({ name: 1 })
        .limit(5)
        .toArray(),
    ).toHaveLength(1)
    expect(await theirs.find().count()).toBe(1)
    const found = []
    for await (const doc of theirs.find()) found.push(doc.name)
    expect(found).toEqual(['Ada'])
    const tenant = await two.engine.openTenant()
    const database = await tenant.database('crm')
    const answer = await database.transact(async (tx) => {
      const inside = tx.collection<Person>('people')
      const before = await inside.get(made.id)
      await inside.patch(made.id, { age: (before?.age ?? 0) + 1 })
      await inside.create({ name: 'Grace' })
      return before?.age
    })
    expect(answer).toBe(37)
    expect((await theirs.get(made.id))?.age).toBe(38)
    const past = await database.asOf({ record: 0 })
    expect((await past.collection<Person>('people').get(made.id))?.age).toBe(36)
  })

  test('a page without the passphrase is kept out', async () => {
    const [one, two] = [world.window(), world.window()]
    await founded(one, { passphrase })
    expect((await two.engine.openTenant({ passphrase })).name).toBe('acme')
    await expect(two.engine.openTenant({ passphrase: 'wrong' })).rejects.toMatchObject({ code: 'WRONG_PASSPHRASE' })
    await expect(two.engine.openTenant()).rejects.toMatchObject({ code: 'WRONG_PASSPHRASE' })
  })

  test('errors come with code and details, and those of a transaction with their words', async () => {
    const window = world.window()
    const mine = await founded(window)
    const { id } = await mine.create({ name: 'Ada' })
    await expect(mine.create({ name: 'Ada' }, { id })).rejects.toMatchObject({ code: 'EXISTS' })
    await expect(mine.patch(id, { age: 1 }, { expectedOv: 7 })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { expected: 7, actual: 0 },
    })
    const database = await (await window.engine.openTenant()).database('crm')
    const failing = database.transact(async (tx) => {
      await tx.collection<Person>('people').patch(id, { age: 1 })
      throw new Error('the application changed its mind')
    })
    await expect(failing).rejects.toThrow('changed its mind')
    expect((await mine.get(id))?.age).toBeUndefined()
  })

  test('a call is given up by its signal, and functions are no data', async () => {
    const mine = await founded(world.window())
    const abort = new AbortController()
    const call = mine.find().toArray({ signal: abort.signal })
    abort.abort(new Error('no longer wanted'))
    await expect(call).rejects.toThrow('no longer wanted')
    const wrong: object = { name: 'Ada', shout: () => 'Ada' }
    await expect(mine.create(Object.assign({ name: '' }, wrong))).rejects.toMatchObject({ code: 'INVALID' })
  })
})

describe('when the window with the engine ends', () => {
  test('another takes over: queries go on being live, and writes are made there', async () => {
    const [one, two] = [world.window(), world.window()]
    const mine = await founded(one)
    await mine.create({ name: 'Ada' })
    const theirs = await people(two)
    const coming = seen(theirs, (docs) => docs.length === 2)
    one.close()
    await theirs.create({ name: 'Grace' })
    expect((await coming).map(({ name }) => name)).toEqual(['Ada', 'Grace'])
    expect(two.page.role).toBe('leader')
    await expect(mine.get('x')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('what was made is made once, and what nobody knows says so', async () => {
    const windows = [world.window(), world.window(), world.window()]
    const [first] = windows
    if (first === undefined) throw new Error('there are three')
    await founded(first)
    const outcomes = new Map<string, 'made' | 'unknown'>()
    const write = async (window: Window, at: number): Promise<void> => {
      const collection = await people(window)
      for (let n = 0; n < 40; n++) {
        const name = `${at}/${n}`
        try {
          await collection.create({ name })
          outcomes.set(name, 'made')
        } catch (error) {
          if (!isVarveError(error, 'OFFLINE')) throw error
          expect(error.details).toMatchObject({ outcome: 'unknown' })
          outcomes.set(name, 'unknown')
        }
      }
    }
    const writing = windows.map((window, at) => write(window, at))
    for (let kill = 0; kill < 12; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      windows.find(({ page }) => page.role === 'leader')?.crash()
    }
    await Promise.all(writing)
    const found = new Map<string, number>()
    for (const { name } of await (await people(first)).find().toArray()) found.set(name, (found.get(name) ?? 0) + 1)
    for (const [name, outcome] of outcomes) {
      const times = found.get(name) ?? 0
      expect([name, times]).toEqual([name, outcome === 'made' ? 1 : Math.min(times, 1)])
    }
    expect(outcomes.size).toBe(120)
  })

  test('a transaction of a page that is gone writes nothing', async () => {
    const [one, two] = [world.window(), world.window()]
    const mine = await founded(one)
    const database = await (await two.engine.openTenant()).database('crm')
    let began = (): void => undefined
    const running = new Promise<void>((resolve) => {
      began = resolve
    })
    const call = database.transact(async (tx) => {
      await tx.collection<Person>('people').create({ name: 'Ada' })
      began()
      await new Promise(() => undefined)
    })
    await running
    two.close()
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await mine.find().count()).toBe(0)
  })
})

test('without Web Locks a second window reads, and says why it does not write', async () => {
  world = new TabsWorld({ locks: false, store: memory() })
  const one = world.window()
  const mine = await founded(one)
  const { id } = await mine.create({ name: 'Ada' })
  const two = world.window()
  const theirs = await people(two)
  expect((await theirs.get(id))?.name).toBe('Ada')
  await expect(theirs.create({ name: 'Grace' })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(two.page.role).toBe('reader')
})

test('engines of different names share nothing', async () => {
  const [one, two] = [world.window('acme/ada'), world.window('acme/grace')]
  await founded(one)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(one.page.role).toBe('leader')
  expect(two.page.role).toBe('leader')
})

/** Views of the past: keys that come and go, times, what repeated questions cost, and how much is kept. */

import { expect, test } from 'vitest'
import { decorate, decorateStores, replicaOf } from '../src/engine.ts'
import { PastCache } from '../src/database/past.ts'
import { makeSpace, noRules } from '../src/database/space.ts'
import { memory, type StoreProvider } from '../src/index.ts'
import { usableIndexes } from '../src/database/seal-query.ts'
import { wholeRange } from '../src/query/order-key.ts'
import { coded, failure, found, HandClock, joined, type Data } from './engine-world.ts'
import { ada, adaWithout, plain, sealWorld } from './seal-world.ts'

async function people(store: StoreProvider = memory(), clock = new HandClock()) {
  const { tenant } = await found(store, clock.env())
  const database = await tenant.database('crm')
  return { tenant, database, clock, collection: database.collection<Data>('people', { indexes: ['age'] }) }
}

function counting(): { readonly store: StoreProvider; readonly reads: string[] } {
  const reads: string[] = []
  const store = decorateStores(memory(), (inner) =>
    decorate(inner, (method, call) => {
      reads.push(method)
      return call()
    }),
  )
  return { store, reads }
}

test('G4 a time means what was recorded until then, whoever wrote it when', async () => {
  const { tenant, database, collection, clock } = await people()
  const bob = await joined(tenant, 'bob', { env: clock.env() })
  const copy = await bob.tenant.database('crm')
  await copy.sync(database)
  await collection.create({ id: 'ada', age: 1 })
  const early = new Date(clock.tick())
  clock.tick()
  await copy.collection('people').create({ id: 'bob', age: 2 })
  const written = new Date(clock.tick())
  clock.tick()
  await copy.sync(database)
  const at = async (time: Date): Promise<number> => (await database.asOf(time)).collection('people').find().count()
  expect([await at(new Date(0)), await at(early), await at(written), await at(new Date(clock.tick()))]).toEqual([
    0, 1, 1, 2,
  ])
})

test('what is pending is not part of any past', async () => {
  const { tenant, database, collection } = await people()
  await collection.create({ id: 'ada', age: 1 })
  const bob = await joined(tenant, 'bob')
  const copy = await bob.tenant.database('crm')
  await copy.sync(database)
  await copy.collection('people').patch('ada', { age: 2 })
  await copy.collection('people').create({ id: 'bob' })
  const view = (await copy.asOf({ record: 0 })).collection<Data>('people')
  expect(await view.find().toArray()).toMatchObject([{ id: 'ada', age: 1, _system: { pending: false } }])
  expect(await view.get('bob')).toBeNull()
})

test('documents of the past disappear with their keys, and come back with them', async () => {
  const { tenant, database, collection } = await people()
  await tenant.keys.create('secret')
  await collection.create({ id: 'open', age: 1 })
  await collection.create({ id: 'hidden', age: 2 }, { key: 'secret' })
  await collection.patch('open', { age: 3 }, { key: 'secret' })
  await collection.patch('open', { age: 4 })
  const view = (await database.asOf({ record: 2 })).collection<Data>('people')
  const seen = async (): Promise<unknown> =>
    (await view.find().sort({ id: 1 }).toArray()).map(({ id, age }) => [id, age])
  expect(await seen()).toEqual([
    ['hidden', 2],
    ['open', 3],
  ])
  const file = await tenant.keys.export(['secret'], 'password')
  await tenant.keys.remove('secret')
  expect(await seen()).toEqual([['open', 1]])
  await tenant.keys.import(file, 'password')
  expect(await seen()).toEqual([
    ['hidden', 2],
    ['open', 3],
  ])
})

test('sealed values of the past are seen with their key alone', async () => {
  const { a, b, people: writer, blind, giveKey } = await sealWorld('memory')
  await writer.create(ada)
  await writer.patch('ada', { name: 'Eve' })
  await b.sync(a)
  const past = (await b.asOf({ record: 0 })).collection<Data>(blind.name)
  const asking = past.find({ ssn: ada['ssn'] ?? null })
  expect((await past.find().toArray()).map(plain)).toEqual([adaWithout])
  expect(await failure(() => asking.toArray())).toEqual(coded('KEY_MISSING'))
  await giveKey()
  expect((await past.find().toArray()).map(plain)).toEqual([ada])
  expect(await asking.count()).toBe(1)
})

test('a question asked again reads no documents, also after later writes, and uses the declared indexes', async () => {
  const { store, reads } = counting()
  const { database, collection } = await people(store)
  await collection.createMany(Array.from({ length: 300 }, (_, i) => ({ id: `p${i}`, age: i % 30 })))
  for (let i = 0; i < 20; i++) await collection.patch(`p${i}`, { age: 100 })
  const view = (await database.asOf({ record: 10 })).collection<Data>('people')
  const query = view.find({ age: { $lt: 5 } }).sort({ age: -1 })
  const first = await query.toArray()
  await collection.patch('p40', { age: 1 })
  await collection.create({ id: 'new', age: 1 })
  reads.length = 0
  expect(await query.toArray()).toEqual(first)
  expect(await query.count()).toBe(first.length)
  expect(await view.find({ id: 'new' }).count()).toBe(0)
  expect(await query.explain()).toMatchObject({ path: 'age', sorted: true })
  expect(reads).toEqual([])
})

test('indexes over lists of the past answer like those of now', async () => {
  const { database } = await people()
  const collection = database.collection<Data>('things', { indexes: ['list'] })
  await collection.create({ id: 'both', list: [1, 9] })
  await collection.create({ id: 'one', list: [4] })
  const query = (await database.asOf({ record: 1 })).collection<Data>('things').find({ list: { $gt: 5, $lt: 3 } })
  for (let twice = 0; twice < 2; twice++) {
    expect((await query.toArray()).map(({ id }) => id)).toEqual(['both'])
    expect((await query.sort({ list: -1 }).toArray()).map(({ id }) => id)).toEqual(['both'])
  }
  expect(await query.explain()).toMatchObject({ path: 'list' })
})

test('a few documents by id are not worth reading all of them', async () => {
  const { store, reads } = counting()
  const { database, collection } = await people(store)
  await collection.createMany(Array.from({ length: 300 }, (_, i) => ({ id: `p${i}`, age: i })))
  await collection.patch('p1', { age: -1 })
  const view = (await database.asOf({ record: 0 })).collection<Data>('people')
  reads.length = 0
  expect(await view.find({ id: { $in: ['p1', 'p2'] } }).toArray()).toMatchObject([{ age: 1 }, { age: 2 }])
  expect(reads).not.toContain('scan')
})

test('a view can be watched and tells what it holds once', async () => {
  const { database, collection } = await people()
  await collection.create({ id: 'ada', age: 1 })
  const view = (await database.asOf({ record: 0 })).collection<Data>('people')
  const live = view.find().live()
  let heard = 0
  live.subscribe(() => heard++)
  await live.settled()
  await collection.patch('ada', { age: 2 })
  expect(live.current()).toMatchObject([{ id: 'ada', age: 1 }])
  expect(heard).toBe(1)
})

test('a past that is worked out while others write is the same', async () => {
  const { database, collection } = await people()
  await collection.createMany(Array.from({ length: 600 }, (_, i) => ({ id: `p${i}`, age: i })))
  for (let i = 0; i < 30; i++) await collection.patch(`p${i}`, { age: 1000 + i })
  for (const record of [25, 3]) {
    const asked = (await database.asOf({ record })).collection<Data>('people').find({ age: { $gte: 1000 } })
    const writes = Array.from({ length: 300 }, (_, i) => collection.patch(`p${i * 2}`, { age: 5000 + i }))
    expect(await asked.count()).toBe(record)
    await Promise.all(writes)
    expect(await asked.count()).toBe(record)
  }
})

test('the last record stays as it was while others write after it', async () => {
  const { database, collection } = await people()
  await collection.createMany(Array.from({ length: 600 }, (_, i) => ({ id: `p${i}`, age: i })))
  const asked = (await database.asOf({ record: 0 })).collection<Data>('people').find({ age: { $lt: 1000 } })
  const first = asked.count()
  const writes = [collection.create({ id: 'later', age: 1 }), collection.patch('p599', { age: 1000 })]
  expect(await first).toBe(600)
  await Promise.all(writes)
  expect(await asked.count()).toBe(600)
})

test('pages of the past go on where they ended, from the first question on', async () => {
  const { database, collection } = await people()
  await collection.createMany(Array.from({ length: 60 }, (_, i) => ({ id: `p${(i * 7) % 60}`, age: i % 3 })))
  const query = (await database.asOf({ record: 0 })).collection<Data>('people').find({ age: 1 }).limit(7)
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { items, next }: { items: readonly { id: string }[]; next: string | null } = await (
      cursor === '' ? query : query.after(cursor)
    ).page()
    seen.push(...items.map(({ id }) => id))
    cursor = next
  }
  expect(seen).toHaveLength(20)
  expect(new Set(seen).size).toBe(20)
})

test('many records asked for at once are worked out one after the other, each from the one before', async () => {
  const { store, reads } = counting()
  const { database, collection } = await people(store)
  await collection.createMany(Array.from({ length: 300 }, (_, i) => ({ id: `p${i}`, age: i })))
  for (let i = 0; i < 8; i++) await collection.patch(`p${i}`, { age: -1 })
  reads.length = 0
  const counts = [8, 7, 6, 5, 4].map(async (record) =>
    (await database.asOf({ record })).collection('people').find({ age: -1 }).count(),
  )
  expect(await Promise.all(counts)).toEqual([8, 7, 6, 5, 4])
  // The documents of now are gone through once, and the end of that seen.
  expect(reads.filter((method) => method === 'scan').length).toBeLessThanOrEqual(3)
})

test('an index of the past is read as far as it is asked for', async () => {
  const { database, collection } = await people()
  await collection.createMany(Array.from({ length: 900 }, (_, i) => ({ id: `p${i}`, age: i })))
  const space = makeSpace(replicaOf(database), 'people', noRules)
  const past = await new PastCache(replicaOf(database), 1e9).get(space, 0)
  const no = past?.infos(usableIndexes(space))[0]?.no ?? 0
  for (const reverse of [false, true]) {
    const [page] = past?.range(no, wholeRange, reverse, []) ?? []
    expect(page?.length).toBeLessThanOrEqual(256)
    expect(page?.[0]?.doc['age']).toBe(reverse ? 899 : 0)
  }
})

test('what was asked for least recently is let go when there is no room', async () => {
  const { database, collection } = await people()
  for (let i = 0; i < 30; i++) await collection.create({ id: `p${i}`, age: i, text: 'x'.repeat(100) })
  const space = makeSpace(replicaOf(database), 'people', noRules)
  const whole = (await new PastCache(replicaOf(database), 1e9).get(space, 29))?.bytes ?? 0
  const cache = new PastCache(replicaOf(database), 2 * whole)
  for (const record of [29, 28, 29, 27]) await cache.get(space, record)
  expect([29, 28, 27].map((record) => cache.held(space, record) !== null)).toEqual([true, false, true])
})

test('a collection that is too large to hold answers all the same', async () => {
  const { database, collection } = await people()
  for (let i = 0; i < 30; i++) await collection.create({ id: `p${i}`, age: i })
  const space = makeSpace(replicaOf(database), 'people', noRules)
  const cache = new PastCache(replicaOf(database), 1000)
  expect([await cache.get(space, 3), await cache.get(space, 28)]).toEqual([null, null])
})

test('a record that is not there is NOT_FOUND', async () => {
  const { database } = await people()
  expect(await failure(() => database.asOf({ record: 0 }))).toEqual(coded('NOT_FOUND'))
  expect((await database.asOf({ record: -1 })).record).toBe(-1)
})

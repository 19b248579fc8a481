/** What MongoDB itself cannot keep in one document or order, and the engine on top of it. */

import { commitRow, documentRow, indexRow, isTested, mongodbProgram, sampleBytes } from '@varve/testkit'
import { mongodb } from '@varve/stores/mongodb'
import { createTenant, openTenant } from 'varve'
import { firstDocument, type IndexRow, type StoreProvider } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

interface ServerStatus {
  readonly metrics: { readonly commands: Readonly<Record<string, { readonly total: number }>> }
}

const mb = 1024 * 1024

describe.runIf(isTested(mongodbProgram()))('rows', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  const storesOf = (database: string): StoreProvider => mongodb({ client: world.client, database })

  test('values and heads beyond the size of a document come back exactly, and leave nothing behind', async () => {
    const database = world.database()
    let store = await storesOf(database).open('main', { pageKey: null })
    const value = sampleBytes(18 * mb)
    const state = JSON.stringify(['é'.repeat(9 * mb)])
    await store.write({ values: new Map([['large', value]]), documents: [documentRow(1, { state })] })
    // First from memory, then from the rows, which `stats` waits for.
    for (let turn = 0; turn < 2; turn++) {
      expect(Buffer.compare((await store.value('large')) ?? new Uint8Array(0), value)).toBe(0)
      expect((await store.documentsByNo([firstDocument(1) + 1]))[0]?.state === state).toBe(true)
      expect((await store.stats()).stateBytes).toBe(Buffer.byteLength(state))
    }
    await store.close()
    store = await storesOf(database).open('main', { pageKey: null })
    expect(Buffer.compare((await store.value('large')) ?? new Uint8Array(0), value)).toBe(0)
    await store.write({ values: new Map([['large', sampleBytes(5)]]), documents: [documentRow(1, { state: '[1]' })] })
    expect(await store.value('large')).toEqual(sampleBytes(5))
    await store.write({ values: new Map([['large', null]]) })
    expect((await store.stats()).stateBytes).toBe(3)
    await store.close()
    const driver = await world.client.connect()
    expect(await driver.db(database).collection('varve_rows').countDocuments()).toBe(2)
  })

  test('a batch of many documents of the log is one batch', async () => {
    const database = world.database()
    let store = await storesOf(database).open('main', { pageKey: null })
    const commits = [1, 2, 3].map((no) => commitRow(no, { bodies: sampleBytes(8 * mb, no) }))
    await expect(
      store.write({ commits: [...commits, commitRow(3)], values: new Map([['v', Uint8Array.of(1)]]) }),
    ).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await store.write({ commits })
    await store.close()
    store = await storesOf(database).open('main', { pageKey: null })
    expect((await store.stats()).bodyBytes).toBe(24 * mb)
    const [part] = await store.bodies([{ commit: 2, offset: 5 * mb - 3, size: 10 }])
    expect(part).toEqual(commits[1]?.bodies.slice(5 * mb - 3, 5 * mb + 7))
    await store.close()
  })

  test('text of any kind comes back exactly', async () => {
    const database = world.database()
    const texts = ['\ud800', 'a\udc00b', '\0', '$set', 'a.b', '\u{10ffff}', '__proto__', '']
    let store = await storesOf(database).open('main', { pageKey: null })
    await store.write({
      documents: texts.map((state, i) => documentRow(i, { state })),
      values: new Map(['$set', 'a.b', '\0', '__proto__', ''].map((name) => [name, sampleBytes(3)])),
      snapshots: texts.map((state, i) => ({ document: firstDocument(1), place: i, state })),
      indexRows: ['$set', 'a.b', '\0', ''].map((id) => indexRow(1, [0, 1, 2, 255], id)),
    })
    for (let turn = 0; turn < 2; turn++) {
      expect((await store.scan(1, 0, 99)).map(({ state }) => state)).toEqual(texts)
      expect([...(await store.values('')).keys()]).toEqual(['', '\0', '$set', '__proto__', 'a.b'])
      expect((await store.snapshot(firstDocument(1), 2))?.state).toBe(texts[1])
      await store.close()
      store = await storesOf(database).open('main', { pageKey: null })
    }
    await store.close()
  })

  test('a range of an index and the heads behind it are one command, whatever memory holds of them', async () => {
    const database = world.database()
    const store = await storesOf(database).open('main', { pageKey: null })
    const driver = await world.client.connect()
    const numbers = Array.from({ length: 150 }, (_, no) => no)
    const head = (no: number, text = 'old'): string => JSON.stringify([no, text])
    const row = (no: number): IndexRow => indexRow(1, [no], `d${no}`, firstDocument(1) + no)
    const read = async (reverse: boolean): Promise<readonly (string | null)[]> => {
      const range = { from: null, to: null }
      const hits = await store.scanIndex({ index: 1, range, reverse, after: null, limit: 500 })
      return hits.map(({ state }) => state)
    }
    const asked = async (): Promise<number> => {
      const status: ServerStatus = JSON.parse(JSON.stringify(await driver.db('admin').command({ serverStatus: 1 })))
      const { commands } = status.metrics
      return ['find', 'aggregate', 'getMore'].reduce((sum, name) => sum + Number(commands[name]?.total), 0)
    }
    await store.write({ documents: numbers.map((no) => documentRow(no, { state: head(no) })) })
    await store.write({ indexRows: numbers.slice(1).map(row) })
    await store.stats()
    const before = await asked()
    expect(await read(false)).toEqual(numbers.slice(1).map((no) => head(no)))
    expect((await asked()) - before).toBe(1)
    // An index row and a head of which only memory knows.
    await store.write({ indexRows: [row(0)], documents: [documentRow(7, { state: head(7, 'new') })] })
    const now = numbers.map((no) => head(no, no === 7 ? 'new' : 'old'))
    expect(await read(false)).toEqual(now)
    expect(await read(true)).toEqual(now.toReversed())
    await store.stats()
    // Index rows that were written before they named the row of their document.
    await driver
      .db(database)
      .collection('varve_rows')
      .updateMany({}, { $unset: { row: '' } })
    expect(await read(false)).toEqual(now)
    await store.close()
  })

  test('the log is trimmed, and keeps the fences', async () => {
    const database = world.database()
    for (let turn = 0; turn < 3; turn++) {
      const store = await storesOf(database).open('main', { pageKey: null })
      for (let n = 0; n < 120; n++) await store.write({ values: new Map([['v', Uint8Array.of(n)]]) })
      await store.close()
    }
    const batches = (await world.client.connect()).db(database).collection('varve_batches')
    expect(await batches.countDocuments({ fence: false })).toBe(0)
    expect(await batches.countDocuments({ fence: true })).toBe(3)
  })

  test('a database lives in it: written, closed, opened again, verified', async () => {
    const store = storesOf(world.database())
    let tenant = await createTenant({ name: 'acme', user: 'ada', store })
    const options = { indexes: ['age'], search: { fields: { name: {} } } }
    let people = (await tenant.database('crm')).collection<Person>('people', options)
    const made = await Promise.all([1, 2, 3, 4].map((age) => people.create({ name: `Person ${age}`, age })))
    const first = made[0]?.id ?? ''
    await people.update(first, { name: 'Grace', age: 7 })
    await people.delete(made[1]?.id ?? '')
    await tenant.close()
    tenant = await openTenant({ store })
    const crm = await tenant.database('crm')
    people = crm.collection<Person>('people', options)
    expect(await people.get(first)).toMatchObject({ name: 'Grace', age: 7 })
    expect((await people.getVersion(first, 0))?.name).toBe('Person 1')
    const found: number[] = []
    for await (const { age } of people.find({ age: { $gte: 3 } }).sort({ age: 1 })) found.push(age)
    expect(found).toEqual([3, 4, 7])
    expect((await crm.verify()).ok).toBe(true)
    await tenant.close()
  })

  test('documents of open databases are readable by other programs, those of sealed ones are not', async () => {
    const database = world.database()
    const heads = (_: string, collection: string): string => `${collection}_head`
    const plain = mongodb({ client: world.client, database })
    const store = mongodb({ client: world.client, database, heads })
    let tenant = await createTenant({ name: 'acme', user: 'ada', store: plain })
    let people = (await tenant.database('crm', { mode: 'open' })).collection<Person>('people', { indexes: ['age'] })
    const secret = (await tenant.database('private')).collection<Person>('secrets')
    const before = await people.create({ name: 'Before', age: 1 })
    await secret.create({ name: 'Hidden', age: 1 })
    await tenant.close()

    tenant = await openTenant({ store })
    const crm = await tenant.database('crm')
    people = crm.collection<Person>('people', { indexes: ['age', 'address.city'] })
    const made = await people.create({ name: 'Ada', age: 36, address: { city: 'London', odd$: 1, 'a.b': 2 } })
    await people.update(made.id, { name: 'Ada', age: 37, address: { city: 'Paris', odd$: 1, 'a.b': 2 } })
    await people.delete(before.id)
    await tenant.close()
    const db = (await world.client.connect()).db(database)
    const rows = await db
      .collection('people_head')
      .find({}, { sort: { age: 1 } })
      .toArray()
    expect(rows).toMatchObject([
      { _id: before.id, name: 'Before', _system: { deleted: true, ov: 1 } },
      {
        _id: made.id,
        name: 'Ada',
        age: 37,
        address: { city: 'Paris', odd$: 1, 'a．b': 2 },
        _system: { ov: 1, deleted: false },
        metaIndexed: { age: 37, address: { city: 'Paris' } },
      },
    ])
    const indexes = await db.collection('people_head').indexes()
    expect(indexes.map(({ key: parts }) => Object.keys(parts)[0])).toContain('metaIndexed.address.city')
    const names = (await db.listCollections().toArray()).map(({ name }) => name)
    expect(names.filter((name) => name.endsWith('_head'))).toEqual(['people_head'])
    await store.destroy()
    expect(await db.collection('people_head').countDocuments()).toBe(0)
  })
})

interface Person {
  readonly name: string
  readonly age: number
  readonly address?: Readonly<Record<string, string | number>>
}

/** Unique indexes: refused where they are seen, reported where nobody could see them. */

import { describe, expect, test } from 'vitest'
import type { Collection, CollectionOptions, Database } from '../src/index.ts'
import { coded, failure, found, HandClock, joined, threeCopies, type Data } from './engine-world.ts'

const unique: CollectionOptions<Data> = { indexes: [{ paths: ['email'], unique: true }] }
const people = (database: Database, options = unique): Collection<Data> => database.collection<Data>('people', options)

async function crm(mode: 'sealed' | 'open' = 'sealed'): Promise<Database> {
  const { tenant } = await found()
  return tenant.database('crm', { mode })
}

describe('a write on a replica that sees the value', () => {
  test('fails at once, naming the index and the other document', async () => {
    const docs = people(await crm())
    await docs.create({ email: 'a@x' }, { id: 'ada' })
    await expect(docs.create({ email: 'a@x' }, { id: 'eve' })).rejects.toThrow(
      coded('EXISTS', { index: ['email'], id: 'ada' }),
    )
    await docs.create({ email: 'b@x' }, { id: 'bob' })
    await expect(docs.patch('bob', { email: 'a@x' })).rejects.toThrow(coded('EXISTS', { id: 'ada' }))
    await expect(docs.createMany([{ email: 'c@x' }, { email: 'c@x' }])).rejects.toThrow(coded('EXISTS'))
    expect(await docs.find().count()).toBe(2)
    expect(await docs.duplicates()).toEqual([])
  })

  test('counts missing as null, elements of arrays one by one, and the values of several paths together', async () => {
    const database = await crm()
    const docs = people(database)
    await docs.create({ name: 'no address' }, { id: 'one' })
    await expect(docs.create({ email: null }, { id: 'two' })).rejects.toThrow(coded('EXISTS', { id: 'one' }))
    await docs.create({ email: ['a@x', 'b@x', 'a@x'] }, { id: 'many' })
    await expect(docs.create({ email: 'b@x' })).rejects.toThrow(coded('EXISTS', { id: 'many' }))
    const both = database.collection<Data>('rooms', { indexes: [{ paths: ['house', 'no'], unique: true }] })
    await both.create({ house: 'a', no: 1 })
    await both.create({ house: 'a', no: 2 })
    await both.create({ house: 'b', no: 1 }, { id: 'b1' })
    await expect(both.create({ house: 'b', no: 1 })).rejects.toThrow(coded('EXISTS', { id: 'b1' }))
    // Two arrays: which elements belong together, the rows do not say.
    await both.create({ house: ['b', 'c'], no: [1, 2] })
  })

  test('sees what other writes of the same moment take, and what they give up', async () => {
    const docs = people(await crm())
    const settled = await Promise.allSettled([1, 2, 3].map(() => docs.create({ email: 'a@x' })))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    const [ada] = await docs.find().toArray()
    const id = ada?.id ?? ''
    await Promise.all([docs.patch(id, { email: 'new@x' }), docs.create({ email: 'a@x' }, { id: 'next' })])
    await Promise.all([docs.delete('next'), docs.create({ email: 'a@x' }, { id: 'third' })])
    await expect(docs.restore('next')).rejects.toThrow(coded('EXISTS', { id: 'third' }))
  })

  test('may swap values in a transaction', async () => {
    const database = await crm()
    const docs = people(database)
    await docs.create({ email: 'a@x' }, { id: 'a' })
    await docs.create({ email: 'b@x' }, { id: 'b' })
    await database.transact(async (tx) => {
      await tx.collection<Data>('people').patch('a', { email: 'b@x' })
      await tx.collection<Data>('people').patch('b', { email: 'a@x' })
    })
    expect(await docs.get('a')).toMatchObject({ email: 'b@x' })
    await expect(database.transact((tx) => tx.collection<Data>('people').patch('a', { email: 'a@x' }))).rejects.toThrow(
      coded('EXISTS', { id: 'b' }),
    )
  })

  test('tells values apart that share the beginning of a key', async () => {
    const docs = people(await crm())
    const long = 'x'.repeat(400)
    await docs.create({ email: `${long}1` }, { id: 'one' })
    await docs.create({ email: `${long}2` })
    await expect(docs.create({ email: `${long}1` })).rejects.toThrow(coded('EXISTS', { id: 'one' }))
    expect(await docs.duplicates()).toEqual([])
  })

  test('duplicates that were there before are reported, and keep nobody from changing something else', async () => {
    const database = await crm()
    const plain = people(database, { indexes: ['email'] })
    await plain.createMany([
      { id: 'a', email: 'x' },
      { id: 'b', email: 'x' },
      { id: 'c', email: 'y' },
    ])
    const docs = people(database)
    expect(await docs.duplicates()).toEqual([{ paths: ['email'], values: ['x'], ids: ['a', 'b'] }])
    await docs.patch('a', { name: 'still possible' })
    await database.transact(async (tx) => {
      for (const id of ['a', 'b']) await tx.collection<Data>('people').patch(id, { n: 1 })
    })
    await expect(docs.create({ email: 'x' })).rejects.toThrow(coded('EXISTS'))
    await docs.patch('b', { email: 'z' })
    expect(await docs.duplicates()).toEqual([])
    // Rules of a handle that says nothing about it do not undo it; an explicit false does.
    await expect(people(database, { indexes: ['email'] }).create({ email: 'x' })).rejects.toThrow(coded('EXISTS'))
    await people(database, { indexes: [{ paths: ['email'], unique: false }] }).create({ email: 'x' })
  })
})

describe('two devices that do not see each other', () => {
  test.each(['open', 'sealed'] as const)('%s: the recorder refuses the second, where it reads', async (mode) => {
    const { a, b, c } = await threeCopies(mode)
    for (const each of [a, b, c]) await people(each).find().first()
    await people(b).create({ email: 'a@x' }, { id: 'first' })
    const late = await people(c).create({ email: 'a@x' }, { id: 'second' })
    const receipt = late.receipt()
    receipt.catch(() => undefined)
    await b.sync(a)
    await c.sync(a)
    const error = await failure(() => receipt)
    expect(error).toMatchObject({ code: 'EXISTS' })
    // Receipts are not sealed: what is in a sealed database is not named.
    expect(String(error).includes('first')).toBe(mode === 'open')
    expect(await people(c).find().toArray()).toMatchObject([{ id: 'first' }])
    expect(await c.refused()).toMatchObject([{ code: 'EXISTS' }])
    expect(await people(a).duplicates()).toEqual([])
    for (const each of [a, b, c]) expect(await each.verify()).toMatchObject({ ok: true })
  })

  test('within one exchange, and with entries that come late', async () => {
    const clock = new HandClock()
    const { a, b, c } = await threeCopies('open', { a: clock.env(), b: clock.env(), c: clock.env() })
    for (const each of [a, b, c]) await people(each).find().first()
    await people(a).create({ email: 'old' }, { id: 'one' })
    await Promise.all([b.sync(a), c.sync(a)])
    // Earlier in time, recorded later: the later value stays, so this one takes nothing.
    clock.tick()
    await people(b).patch('one', { email: 'early' })
    clock.tick()
    await people(c).patch('one', { email: 'late' })
    await c.sync(a)
    await people(a).create({ email: 'early' }, { id: 'two' })
    await b.sync(a)
    expect(await b.refused()).toEqual([])
    expect(await people(b).get('one')).toMatchObject({ email: 'late' })
    // Two devices in turn, many values at once.
    for (let i = 0; i < 5; i++) await people(b).create({ email: `n${i}` }, { id: `b${i}` })
    for (let i = 3; i < 8; i++) await people(c).create({ email: `n${i}` }, { id: `c${i}` })
    await b.sync(a)
    await c.sync(a)
    expect((await c.refused()).map(({ documents }) => documents[0]?.id)).toEqual(['c3', 'c4'])
    expect(await people(a).duplicates()).toEqual([])
  })

  test('a recorder that does not know of the index lets both in, and all who do know report them', async () => {
    const { tenant } = await found()
    const other = await joined(tenant, 'bob')
    const [a, b] = [await tenant.database('crm'), await other.tenant.database('crm')]
    await b.sync(a)
    await people(b).create({ email: 'a@x' }, { id: 'first' })
    await a.collection<Data>('people').create({ email: 'a@x' }, { id: 'second' })
    await b.sync(a)
    const expected = [{ paths: ['email'], values: ['a@x'], ids: ['first', 'second'] }]
    expect(await people(b).duplicates()).toEqual(expected)
    expect(await people(a).duplicates()).toEqual(expected)
  })
})

test.each<[unknown, string]>([
  ['email', 'indexes'],
  [[1], 'indexes[0]'],
  [[[]], 'indexes[0]'],
  [[['a', 'a']], 'indexes[0]'],
  [[{ paths: ['a'], unique: 1 }], 'indexes[0].unique'],
  [[{ paths: ['a'], sparse: true }], 'indexes[0].sparse'],
  [[{ paths: 'a' }], 'indexes[0].paths'],
])('indexes %j are refused, naming %s', async (indexes, path) => {
  const database = await crm()
  const options: CollectionOptions<unknown> = JSON.parse(JSON.stringify({ indexes }))
  expect(await failure(() => database.collection('people', options))).toMatchObject({
    code: 'INVALID',
    details: { path },
  })
})

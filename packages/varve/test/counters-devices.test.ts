/** Counters on several devices: what is pending, what cannot be read here, and when its key comes. */

import { expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import type { CounterRule } from '../src/index.ts'
import { found, joined, threeCopies, type Data } from './engine-world.ts'
import { sealWorld } from './seal-world.ts'

test('what is pending counts when it is recorded, or on request', async () => {
  const { a, b } = await threeCopies()
  await b.counters.define([{ name: 'r', countUnique: ['n'] }])
  const docs = b.collection<Data>('events')
  await docs.create({ id: 'x', n: 1 })
  await docs.patch('x', { n: 2 })
  const nothing = { created: 0, updated: 0, rules: { r: { created: 0, unique: { n: 0 } } } }
  const everything = { created: 1, updated: 1, rules: { r: { created: 1, updated: 1, unique: { n: 2 } } } }
  expect(await b.counters.totals({ collection: 'events' })).toMatchObject(nothing)
  expect(await b.counters.totals({ collection: 'events', pending: true })).toMatchObject(everything)
  expect(await b.counters.totals({ collection: 'events' })).toMatchObject(nothing)
  await b.sync(a)
  expect(await b.counters.totals({ collection: 'events' })).toMatchObject(everything)
  expect(await b.counters.totals({ collection: 'events', pending: true })).toMatchObject(everything)
  expect(await a.counters.totals({ collection: 'events' })).toMatchObject({ created: 1, updated: 1 })
  expect(await b.counters.verify()).toEqual({ ok: true, problems: [] })
})

test('one id created on two devices is created once', async () => {
  const { a, b, c } = await threeCopies()
  for (const [database, n] of [
    [b, 1],
    [c, 2],
  ] as const)
    await database.collection<Data>('events').create({ id: 'x', n })
  await b.sync(a)
  await c.sync(a)
  await b.sync(a)
  for (const database of [a, b, c]) {
    expect(await database.counters.totals({ collection: 'events' })).toMatchObject({ created: 1, updated: 1 })
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  }
})

test('without the key operations count and contents do not; when it comes, all of it is counted', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  await first.tenant.keys.create('doctors')
  const a = await first.tenant.database('crm')
  const rules: CounterRule[] = [
    { name: 'all' },
    { name: 'named', countUnique: ['n'] },
    { name: 'notes', collections: ['notes'] },
  ]
  const b = await second.tenant.database('crm')
  await b.counters.define(rules)
  const notes = a.collection<Data>('notes', { key: 'doctors' })
  for (let n = 0; n < 5; n++) await notes.create({ id: `s${n}`, n })
  await notes.patch('s1', { n: 9 })
  await b.sync(a)
  const blind = await b.counters.totals()
  expect(blind).toMatchObject({ created: 5, updated: 1 })
  expect(blind.rules).toEqual({
    all: { created: 5, updated: 1, deleted: 0 },
    named: { created: 0, updated: 0, deleted: 0, unique: { n: 0 } },
    notes: { created: 5, updated: 1, deleted: 0 },
  })
  expect(await b.counters.verify()).toEqual({ ok: true, problems: [] })
  await second.tenant.keys.import(await first.tenant.keys.export(['doctors'], 'correct horse'), 'correct horse')
  expect((await b.counters.totals({ collection: 'notes' })).rules['named']).toEqual({
    created: 5,
    updated: 1,
    deleted: 0,
    unique: { n: 6 },
  })
  await notes.patch('s2', { n: 10 })
  await b.sync(a)
  expect((await b.counters.totals()).rules['named']).toMatchObject({ updated: 2, unique: { n: 7 } })
  expect(await b.counters.verify()).toEqual({ ok: true, problems: [] })
  await second.tenant.keys.remove('doctors')
  expect((await b.counters.totals()).rules['named']).toMatchObject({ created: 0, unique: { n: 0 } })
  expect(await b.counters.verify()).toEqual({ ok: true, problems: [] })
})

test('a sealed attribute that cannot be read is not taken for missing', async () => {
  const world = await sealWorld()
  const { a, b, people } = world
  const rules: CounterRule[] = [
    { name: 'all' },
    { name: 'adults', when: { age: { $gte: 18 } } },
    { name: 'without', when: { ssn: { $exists: false } } },
    { name: 'numbers', countUnique: ['ssn'] },
  ]
  await b.counters.define(rules)
  await people.create({ id: 'ada', age: 36, ssn: '1' })
  await people.create({ id: 'bob', age: 3, ssn: '2' })
  await people.create({ id: 'cy', age: 20 })
  await b.sync(a)
  const created = async () =>
    Object.entries((await b.counters.totals({ collection: 'people' })).rules).map(([name, rule]) => [
      name,
      rule.created,
      rule.unique,
    ])
  const others = [
    ['all', 3, undefined],
    ['adults', 2, undefined],
    ['without', 1, undefined],
  ]
  expect(await created()).toEqual([...others, ['numbers', 1, { ssn: 0 }]])
  await world.giveKey()
  expect(await created()).toEqual([...others, ['numbers', 3, { ssn: 2 }]])
  expect(await b.counters.verify()).toEqual({ ok: true, problems: [] })
})

test('a collection whose name cannot be read yet is counted by its name', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  await first.tenant.keys.create('doctors')
  const a = await first.tenant.database('crm')
  const b = await second.tenant.database('crm')
  await a.collection<Data>('notes', { key: 'doctors' }).create({ n: 1 })
  await b.sync(a)
  expect(b.collections()).toEqual([])
  expect(await b.counters.totals({ collection: 'notes' })).toMatchObject({ created: 1 })
  expect(await b.counters.totals({ collections: ['notes', 'others'] })).toMatchObject({ created: 1 })
  expect(await b.counters.totals({ collection: 'others' })).toMatchObject({ created: 0 })
})

test('what was counted under a removed key is erased with it', async () => {
  const { tenant } = await found()
  await tenant.keys.create('doctors')
  const database = await tenant.database('crm')
  await database.counters.define([{ name: 'r', measure: { path: 'n', stats: ['max', 'median'] } }])
  await database.collection<Data>('notes', { key: 'doctors' }).create({ n: 4242.5 })
  await tenant.keys.remove('doctors')
  expect([...(await replicaOf(database).store.values('counter/')).keys()]).toEqual([])
  expect((await database.counters.totals()).rules['r']?.measure).toEqual({
    n: { count: 0, max: null, median: null, medianOf: 0 },
  })
})

/** Requirement B5: sealed attributes of open databases, for readers and writers with the key and without it. */

import { describe, expect, test } from 'vitest'
import type { Database } from '../src/index.ts'
import { coded, failure, found, gather, joined, reopened, type Data } from './engine-world.ts'
import { ada, adaWithout, password, plain, sealWorld } from './seal-world.ts'

async function sound(...databases: readonly Database[]): Promise<void> {
  for (const database of databases) expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
}

describe.each(['memory', 'sqlite'] as const)('sealed attributes on %s', (store) => {
  test('B5 who holds the key sees the values, who does not sees the rest and what is missing', async () => {
    const { a, b, people, blind } = await sealWorld(store)
    await people.create(ada)
    expect(plain(await people.get('ada'))).toEqual(ada)
    expect((await people.get('ada'))?._system).not.toHaveProperty('sealed')
    await b.sync(a)
    const seen = await blind.get('ada')
    expect(plain(seen)).toEqual(adaWithout)
    expect(seen?._system.sealed).toEqual(['address.street', 'ssn'])
    expect(await blind.find({ name: 'Ada' }).toArray()).toEqual([seen])
    expect(await blind.find({ 'address.city': 'Ulm' }).count()).toBe(1)
    expect((await gather(b.changes()))[0]?.doc).toEqual(seen)
    expect(await blind.getVersion('ada', 0)).toEqual(seen)
    expect(await (await b.asOf({ record: 0 })).collection('people').get('ada')).toEqual(seen)
    await sound(a, b)
  })

  test('B5 values appear when the key arrives and go with it, and changes() tells', async () => {
    const { a, b, people, blind, giveKey, second } = await sealWorld(store)
    await people.createMany([ada, { ...ada, id: 'eve' }, { id: 'open', name: 'Zoe' }])
    await b.sync(a)
    const cursor = b.cursor()
    await giveKey()
    const told = await gather(b.changes({ since: cursor }))
    expect(told.map(({ id, kind, doc }) => [id, kind, doc?.['ssn']])).toEqual([
      ['ada', 'created', ada['ssn']],
      ['eve', 'created', ada['ssn']],
    ])
    expect(plain(await blind.get('ada'))).toEqual(ada)
    const later = b.cursor()
    await second.tenant.keys.remove('hr')
    expect((await gather(b.changes({ since: later }))).map(({ id }) => id).toSorted()).toEqual(['ada', 'eve'])
    expect(plain(await blind.get('ada'))).toEqual(adaWithout)
    const last = b.cursor()
    await giveKey()
    expect((await gather(b.changes({ since: last }))).map(({ id }) => id).toSorted()).toEqual(['ada', 'eve'])
    await sound(a, b)
  })

  test('B5 a key that came while the database was closed is told when it opens', async () => {
    const { a, b, people, first, second } = await sealWorld(store)
    await people.create(ada)
    await b.sync(a)
    const cursor = b.cursor()
    const again = await reopened(second)
    await again.tenant.keys.import(await first.tenant.keys.export(['hr'], password), password)
    const opened = await again.tenant.database('crm')
    expect((await gather(opened.changes({ since: cursor }))).map(({ id }) => id)).toEqual(['ada'])
    expect(plain(await opened.collection<Data>('people').get('ada'))).toEqual(ada)
    const reread = await reopened(again)
    const once = await reread.tenant.database('crm')
    expect(await gather(once.changes({ since: opened.cursor() }))).toEqual([])
  })

  test('B5 rotation: old versions keep opening, new values need the new one, the same value is sealed anew', async () => {
    const { a, b, people, blind, first, giveKey } = await sealWorld(store)
    await people.create(ada)
    await giveKey()
    await b.sync(a)
    await first.tenant.keys.rotate('hr')
    expect(plain(await people.get('ada'))).toEqual(ada)
    await people.create({ ...ada, id: 'eve' })
    expect((await people.patch('ada', { ssn: ada['ssn'] })).changed).toBe(true)
    expect((await people.patch('ada', { ssn: ada['ssn'] })).changed).toBe(false)
    await b.sync(a)
    expect((await blind.get('ada'))?._system.sealed).toEqual(['ssn'])
    expect((await blind.get('eve'))?._system.sealed).toEqual(['address.street', 'ssn'])
    expect(plain(await blind.getVersion('ada', 0))).toEqual(ada)
    await giveKey()
    expect(plain(await blind.get('eve'))).toEqual({ ...ada, id: 'eve' })
    expect(plain(await blind.get('ada'))).toEqual(ada)
    await sound(a, b)
  })
})

test('B5 without `key` the database key seals: members read it, nodes do not', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  const a = await first.tenant.database('crm', { mode: 'open' })
  const b = await second.tenant.database('crm', { mode: 'open' })
  await a.collection<Data>('people', { seal: ['ssn'] }).create({ id: 'x', ssn: '1' })
  await b.sync(a)
  expect(plain(await b.collection<Data>('people').get('x'))).toEqual({ id: 'x', ssn: '1' })
})

test('B5 in a sealed database the option has no effect: everything is sealed already', async () => {
  const { tenant } = await found()
  const db = await tenant.database('crm')
  const people = db.collection<Data>('people', { seal: ['ssn'], indexes: ['ssn'] })
  await people.create({ id: 'x', ssn: '1' })
  expect(await people.find({ ssn: '1' }).count()).toBe(1)
})

test('B5 everything a writer with the key can do is sealed: objects above, parts inside, enrichments, transactions', async () => {
  const { a, b, people, blind, giveKey } = await sealWorld()
  await people.create(ada)
  await people.update('ada', { ...ada, ssn: 's2', address: { street: 't2', city: 'Bern', zip: '1' } })
  await people.patch('ada', { address: { street: 't3', city: 'Graz' } })
  await people.patch('ada', { $set: { 'address.city': 'Wien', ssn: { no: 1, list: [1] } } })
  await people.patch('ada', { $inc: { 'ssn.no': 2 }, $push: { 'ssn.list': 2 }, $set: { 'ssn.x': true } })
  await people.patch('ada', { $addToSet: { 'ssn.list': { $each: [2, 3] } }, $pull: { 'ssn.list': 1 } })
  await people.enrich('ada', [{ address: { street: 't4', floor: 2 } }, { ssn: { y: 1 } }], { functionId: 'f' })
  await a.transact(async (tx) => {
    const inside = tx.collection<Data>('people')
    await inside.patch('ada', { $inc: { 'ssn.no': 10 } })
    expect((await inside.get('ada'))?.['ssn']).toMatchObject({ no: 13 })
    await inside.patch('ada', { $set: { 'ssn.z': 1 }, $unset: { 'ssn.y': '' } })
    await inside.create({ id: 'eve', ssn: 'needle' })
  })
  expect(plain(await people.get('ada'))).toEqual({
    ...ada,
    ssn: { no: 13, list: [2, 3], x: true, z: 1 },
    address: { street: 't4', city: 'Wien', floor: 2 },
  })
  expect((await people.get('ada'))?._system.functionIds).toEqual(['f'])
  await b.sync(a)
  for await (const { doc } of blind.history('ada')) {
    expect(doc).not.toHaveProperty('ssn')
    expect(doc).not.toHaveProperty('address.street')
    expect(doc?._system.sealed).toEqual(['address.street', 'ssn'])
  }
  await people.patch('ada', { $unset: { 'address.street': '' } })
  await people.patch('ada', { ssn: null })
  await b.sync(a)
  expect((await blind.get('ada'))?._system.sealed).toEqual(['ssn'])
  await giveKey()
  expect(plain(await blind.get('ada'))).toEqual(plain(await people.get('ada')))
  expect(await blind.get('eve')).toMatchObject({ ssn: 'needle' })
  await sound(a, b)
})

test('B5 a device without the key writes the rest; what it cannot see stays', async () => {
  const { a, b, people, blind } = await sealWorld()
  await people.create(ada)
  await b.sync(a)
  const seen = plain(await blind.get('ada'))
  await blind.update('ada', { ...seen, name: 'Ada L.' })
  await blind.patch('ada', { address: { city: 'Bern' } })
  await blind.enrich('ada', { address: { zip: '3000' }, tags: ['x'] })
  await b.transact((tx) => tx.collection<Data>('people').patch('ada', { $inc: { age: 1 } }))
  await b.sync(a)
  expect(plain(await people.get('ada'))).toEqual({
    ...ada,
    name: 'Ada L.',
    age: 37,
    tags: ['x'],
    address: { street: 'needle-street 1', city: 'Bern', zip: '3000' },
  })
  await sound(a, b)
})

test('B5 what is sealed cannot be written in the clear by who lacks the key or the rule; removing it is possible', async () => {
  const { a, b, people, blind, giveKey, first } = await sealWorld()
  await people.create(ada)
  await b.sync(a)
  const writes: readonly (() => Promise<unknown>)[] = [
    () => blind.patch('ada', { ssn: 'x' }),
    () => blind.patch('ada', { 'ssn.part': 'x' }),
    () => blind.patch('ada', { $inc: { ssn: 1 } }),
    () => blind.patch('ada', { $push: { ssn: 1 } }),
    () => blind.patch('ada', { $addToSet: { 'address.street': 1 } }),
    () => blind.patch('ada', { address: { street: 'x' } }),
    () => blind.update('ada', { ...adaWithout, ssn: 'x' }),
    () => blind.enrich('ada', { ssn: 'x' }),
    () => b.transact((tx) => tx.collection<Data>('people').patch('ada', { ssn: 'x' })),
  ]
  for (const write of writes) expect(await failure(write)).toEqual(coded('KEY_MISSING', { path: expect.any(String) }))
  const ruled = b.collection<Data>('people', { seal: ['ssn'], key: 'hr' })
  expect(await failure(() => ruled.create({ id: 'new', ssn: '1' }))).toEqual(
    coded('KEY_MISSING', { path: 'ssn', key: 'hr' }),
  )
  await ruled.create({ id: 'new', name: 'n' })
  await giveKey()
  // Without the rule, with the key: sealed again under the same key.
  await blind.patch('ada', { address: { street: 'other', city: 'Rom' } })
  await b.sync(a)
  expect(await people.get('ada')).toMatchObject({ address: { street: 'other', city: 'Rom' } })
  const third = await joined(first.tenant, 'cleo')
  const c = await third.tenant.database('crm', { mode: 'open' })
  await c.sync(a)
  expect((await c.collection<Data>('people').get('ada'))?._system.sealed).toEqual(['address.street', 'ssn'])
  await c.collection<Data>('people').patch('ada', { $unset: { ssn: '' } })
  await c.sync(a)
  expect(await people.get('ada')).not.toHaveProperty('ssn')
})

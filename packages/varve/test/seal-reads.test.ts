/** Requirement B5: histories, restores, queries and declarations over sealed attributes, with the key and without. */

import { expect, test } from 'vitest'
import type { ViewDefinition } from '../src/index.ts'
import { afterTest, coded, failure, found, gather, untyped, type Data } from './engine-world.ts'
import { ada, adaWithout, byText, plain, sealWorld } from './seal-world.ts'

test('B5 versions, differences and times show sealed values to who holds the key, and name them to others', async () => {
  const { a, b, people, blind, giveKey } = await sealWorld()
  await people.create(ada)
  const then = new Date((await people.get('ada'))?._system.updatedAt ?? '')
  await people.patch('ada', { ssn: 's2', name: 'A' })
  await people.patch('ada', { $unset: { ssn: '' } })
  await b.sync(a)
  expect(await people.diff('ada', 0, 1)).toEqual([
    { path: 'name', kind: 'changed', before: 'Ada', after: 'A' },
    { path: 'ssn', kind: 'changed', before: ada['ssn'], after: 's2' },
  ])
  expect(await blind.diff('ada', 0, 1)).toEqual([
    { path: 'name', kind: 'changed', before: 'Ada', after: 'A' },
    { path: 'ssn', kind: 'changed' },
  ])
  expect(await blind.diff('ada', 1, 2)).toEqual([{ path: 'ssn', kind: 'removed' }])
  expect(await blind.diff('ada', 2, 1)).toEqual([{ path: 'ssn', kind: 'added' }])
  expect((await gather(blind.history('ada'))).map(({ paths }) => paths)).toEqual([
    ['name', 'age', 'address', 'ssn'],
    ['name', 'ssn'],
    ['ssn'],
  ])
  expect(plain(await blind.getAsOf('ada', then))).toEqual(adaWithout)
  await giveKey()
  expect(plain(await blind.getAsOf('ada', then))).toEqual(ada)
  expect(plain(await blind.getVersion('ada', 1))).toMatchObject({ ssn: 's2' })
  expect(await blind.diff('ada', 0, 1)).toEqual(await people.diff('ada', 0, 1))
  const past = await b.asOf({ record: 0 })
  expect(await past.collection<Data>('people').find({ ssn: 'needle-078-05-1120' }).count()).toBe(1)
})

test('B5 a restore brings sealed values back without the key; what was in the clear before the rule needs it', async () => {
  const { a, b, people, blind, giveKey } = await sealWorld()
  const before = a.collection<Data>('early')
  await before.create({ id: 'x', ssn: 'clear' })
  const early = a.collection<Data>('early', { seal: ['ssn'], key: 'hr' })
  await early.patch('x', { ssn: 'sealed' })
  await people.create(ada)
  await people.patch('ada', { ssn: 's2', address: 'none' })
  await b.sync(a)
  await blind.restore('ada', { ov: 0 })
  expect(await failure(() => b.collection<Data>('early').restore('x', { ov: 0 }))).toEqual(
    coded('KEY_MISSING', { path: 'ssn' }),
  )
  await b.sync(a)
  expect(plain(await people.get('ada'))).toEqual(ada)
  await people.delete('ada')
  await b.sync(a)
  expect((await gather(b.changes())).find(({ id }) => id === 'ada')?.doc).toBeNull()
  await blind.restore('ada')
  expect((await blind.get('ada'))?._system.sealed).toEqual(['address.street', 'ssn'])
  expect(await blind.restoreAll({ cv: 1 })).toEqual({ planned: 1, restored: 1 })
  await b.sync(a)
  expect(plain(await people.get('ada'))).toMatchObject({ ssn: 's2', address: 'none' })
  await giveKey()
  await b.collection<Data>('early').restore('x', { ov: 0 })
  await b.sync(a)
  expect(await early.get('x')).toMatchObject({ ssn: 'clear' })
  expect((await b.verify()).problems).toEqual([])
})

test('B5 conflicts of sealed values: later writer wins, values only for who holds the key, same values are none', async () => {
  const { a, b, people, blind, giveKey, second } = await sealWorld()
  await giveKey()
  await people.createMany([ada, { ...ada, id: 'eve' }])
  await b.sync(a)
  const ruled = b.collection<Data>('people', { seal: ['ssn', 'address.street'], key: 'hr' })
  await people.patch('ada', { ssn: 'from a' })
  await ruled.patch('ada', { ssn: 'from b' })
  await people.patch('eve', { ssn: 'same' })
  await ruled.patch('eve', { ssn: 'same' })
  await b.sync(a)
  await a.sync(b)
  const shown = await people.conflicts('ada')
  expect(shown).toMatchObject([{ path: 'ssn', winner: {}, loser: {} }])
  const values = shown.flatMap(({ winner, loser }) => [winner.value, loser.value])
  expect(values.map((value) => JSON.stringify(value)).toSorted(byText)).toEqual(['"from a"', '"from b"'])
  expect(plain(await people.get('ada'))).toEqual(plain(await blind.get('ada')))
  expect(await people.conflicts('eve')).toEqual([])
  await second.tenant.keys.remove('hr')
  const [hidden] = await blind.conflicts('ada')
  expect(hidden).toMatchObject({
    winner: { value: undefined, sealed: true },
    loser: { value: undefined, sealed: true },
  })
})

test('B5 what somebody wrote in the clear at the same time folds alike everywhere', async () => {
  const { a, b, people, blind, giveKey } = await sealWorld()
  await people.create({ id: 'x', name: 'n', address: { city: 'c' } })
  await b.sync(a)
  await people.patch('x', { ssn: 's', address: { street: 'hidden', city: 'c' } })
  await blind.patch('x', { $inc: { ssn: 2 }, $set: { 'address.street.no': 4 } })
  await blind.enrich('x', { tags: ['t'] })
  await b.sync(a)
  await a.sync(b)
  const here = await people.get('x')
  expect(here).toMatchObject({ ssn: 's', name: 'n', tags: ['t'] })
  expect((await blind.get('x'))?._system.ov).toBe(here?._system.ov)
  await giveKey()
  expect(plain(await blind.get('x'))).toEqual(plain(here))
  expect([(await a.verify()).problems, (await b.verify()).problems]).toEqual([[], []])
})

test('B5 upsert works beside sealed attributes and refuses them as keys', async () => {
  const { a, b, people, blind } = await sealWorld()
  const first = await people.upsert(['name'], { name: 'Ada', ssn: 's1' })
  await people.upsert(['name'], { name: 'Ada', ssn: 's2', age: 1 })
  expect(await people.get(first.id)).toMatchObject({ ssn: 's2', age: 1 })
  await b.sync(a)
  await blind.upsert(['name'], { name: 'Ada', age: 2 })
  expect(await failure(() => blind.upsert(['name'], { name: 'Ada', ssn: 's3' }))).toEqual(coded('KEY_MISSING'))
  expect(await failure(() => people.upsert(['ssn'], { ssn: 's2' }))).toEqual(coded('UNSUPPORTED', { path: 'ssn' }))
  expect(await failure(() => blind.upsert(['ssn'], { ssn: 's2' }))).toEqual(coded('UNSUPPORTED', { path: 'ssn' }))
  await b.sync(a)
  expect(await people.get(first.id)).toMatchObject({ ssn: 's2', age: 2 })
})

test('B5 a query on a sealed attribute answers with the key and is an error without it, never a wrong answer', async () => {
  const { a, b, people, blind, giveKey } = await sealWorld()
  await people.createMany(
    Array.from({ length: 40 }, (_, n) => ({ id: `p${n}`, n, ssn: n, address: { street: `s${n % 3}`, city: 'c' } })),
  )
  await b.sync(a)
  const queries = (docs: typeof people) => [
    docs.find({ ssn: { $gt: 30 } }).sort({ n: 1 }),
    docs.find({ ssn: { $exists: true } }),
    docs.find({ ssn: null }),
    docs.find({ $or: [{ n: -1 }, { ssn: { $ne: 3 } }] }),
    docs.find({ $nor: [{ 'address.street': 's1' }] }),
    docs.find({ address: { street: 's1', city: 'c' } }),
    docs.find().sort({ ssn: -1 }).limit(5),
    docs.find({ 'ssn.part': { $exists: false } }),
  ]
  const expected = [9, 40, 0, 39, 27, 13, 5, 40]
  for (const [i, query] of queries(people).entries()) expect(await query.toArray()).toHaveLength(expected[i] ?? -1)
  expect((await people.find().sort({ ssn: -1 }).first())?.id).toBe('p39')
  for (const query of queries(blind)) {
    expect(await failure(() => query.toArray())).toEqual(coded('KEY_MISSING', { path: expect.any(String) }))
    expect(await failure(() => query.page())).toEqual(coded('KEY_MISSING'))
  }
  expect(await failure(() => blind.find({ ssn: 3 }).count())).toEqual(coded('KEY_MISSING', { path: 'ssn' }))
  const totals = { sum: { sum: 'ssn' } }
  expect(await people.find().group([], totals)).toMatchObject([{ sum: 780 }])
  expect(await people.find().group(['address.street'], { n: { sum: 'n' } })).toHaveLength(3)
  expect(await failure(() => blind.find().group([], totals))).toEqual(coded('KEY_MISSING', { path: 'ssn' }))
  expect(await failure(() => blind.find().group(['address.street'], { n: { sum: 'n' } }))).toEqual(coded('KEY_MISSING'))
  expect(await blind.find().group(['address.city'], { n: { sum: 'n' } })).toHaveLength(1)
  const past = (await b.asOf({ record: 0 })).collection<Data>('people')
  expect(await failure(() => past.find({ ssn: 3 }).count())).toEqual(coded('KEY_MISSING', { path: 'ssn' }))
  expect(await past.find({ n: 3 }).count()).toBe(1)
  expect(
    await blind
      .find({ n: { $lt: 10 }, 'address.city': 'c' })
      .sort({ n: -1 })
      .count(),
  ).toBe(10)
  expect(await blind.find({ n: 3 }).select(['ssn']).toArray()).toMatchObject([{ id: 'p3' }])
  // With a rule, also where nothing is sealed yet.
  const ruled = b.collection<Data>('none', { seal: ['ssn'], key: 'hr' })
  expect(await failure(() => ruled.find({ ssn: 1 }).count())).toEqual(coded('KEY_MISSING', { path: 'ssn', key: 'hr' }))
  expect(await ruled.find({ name: 1 }).count()).toBe(0)
  await giveKey()
  for (const [i, query] of queries(blind).entries()) expect(await query.toArray()).toHaveLength(expected[i] ?? -1)
})

test('B5 live queries: an error while the key is missing, the answer when it comes', async () => {
  const { a, b, people, blind, giveKey, second } = await sealWorld()
  await people.create(ada)
  await b.sync(a)
  const sealed = blind.find({ ssn: 'needle-078-05-1120' }).live()
  const open = blind.find({ name: 'Ada' }).live()
  const stops = [sealed.subscribe(() => undefined), open.subscribe(() => undefined)]
  expect(await failure(() => sealed.settled())).toEqual(coded('KEY_MISSING'))
  await open.settled()
  expect(open.current()?.map(plain)).toEqual([adaWithout])
  await giveKey()
  await sealed.settled()
  await open.settled()
  expect(sealed.current()?.map(plain)).toEqual([ada])
  expect(open.current()?.map(plain)).toEqual([ada])
  await second.tenant.keys.remove('hr')
  expect(await failure(() => sealed.settled())).toEqual(coded('KEY_MISSING'))
  await open.settled()
  expect(open.current()?.map(plain)).toEqual([adaWithout])
  for (const stop of stops) stop()
})

test('B5 indexes and searches over sealed attributes are refused, and one from before is not used', async () => {
  const { a, b, people, blind } = await sealWorld()
  expect(await failure(() => a.collection('people', { indexes: ['ssn'] }))).toEqual(coded('INVALID', { path: 'ssn' }))
  expect(await failure(() => a.collection('x', { seal: ['a.b'], indexes: [['n', 'a']] }))).toEqual(
    coded('INVALID', { path: 'a' }),
  )
  expect(await failure(() => a.collection('x', { seal: ['t'], search: { fields: { t: {} } } }))).toEqual(
    coded('INVALID', { path: 't' }),
  )
  const indexed = b.collection<Data>('people', { indexes: ['ssn', 'name'] })
  await indexed.create({ id: 'early', ssn: 'clear', name: 'Zoe' })
  await people.create(ada)
  await b.sync(a)
  expect(await failure(() => indexed.find({ ssn: 'clear' }).toArray())).toEqual(coded('KEY_MISSING'))
  expect((await indexed.find({ name: 'Ada' }).explain()).path).toBe('name')
  expect(await blind.find({ name: 'Ada' }).count()).toBe(1)
  expect(await people.find({ ssn: ada['ssn'] ?? '' }).count()).toBe(1)
  expect((await b.verify()).problems).toEqual([])
})

test('B5 bad rules are refused, naming the path; more of them add up', async () => {
  const { tenant } = await found()
  const db = await tenant.database('crm', { mode: 'open' })
  const seal = (value: unknown) => () => db.collection('x', { seal: untyped(value) })
  expect(await failure(seal('ssn'))).toEqual(coded('INVALID'))
  expect(await failure(seal([1]))).toEqual(coded('INVALID'))
  expect(await failure(seal(['a..b']))).toEqual(coded('INVALID', { path: 'a..b' }))
  expect(await failure(seal(['id']))).toEqual(coded('INVALID', { path: 'id' }))
  expect(await failure(seal(['_system']))).toEqual(coded('RESERVED_NAME'))
  expect(await failure(seal(['a.$b']))).toEqual(coded('RESERVED_NAME'))
  expect(await failure(seal(['__proto__']))).toEqual(coded('RESERVED_NAME'))
  expect(await failure(seal(Array.from({ length: 65 }, (_, n) => `a${n}`)))).toEqual(coded('TOO_LARGE'))
  const before = db.collection<Data>('people')
  db.collection<Data>('people', { seal: ['ssn', 'address.street', 'ssn'] })
  db.collection<Data>('people', { seal: ['address'] })
  await before.create({ id: 'x', ssn: 's', address: { street: 't' } })
  expect(await before.get('x')).toMatchObject({ ssn: 's', address: { street: 't' } })
  const replica = JSON.stringify(await db.collection<Data>('people').get('x'))
  expect(replica).not.toContain('$sealed')
})

test('B5 a path through an array is refused: the array must be sealed as a whole', async () => {
  const { tenant } = await found()
  const db = await tenant.database('crm', { mode: 'open' })
  const docs = db.collection<Data>('x', { seal: ['contacts.phone', 'list'] })
  await docs.create({ id: 'x', list: [{ phone: 1 }] })
  const at = coded('INVALID', { path: 'contacts.phone' })
  expect(await failure(() => docs.create({ contacts: [{ phone: 1 }] }))).toEqual(at)
  expect(await failure(() => docs.patch('x', { $push: { contacts: { phone: 1 } } }))).toEqual(at)
  expect(await failure(() => docs.patch('x', { contacts: [] }))).toEqual(at)
  expect(await failure(() => docs.enrich('x', { contacts: [{ phone: 1 }] }))).toEqual(at)
  await docs.patch('x', { $push: { list: 2 } })
  expect(await docs.get('x')).toMatchObject({ list: [{ phone: 1 }, 2] })
})

test('B5 applications cannot write the form of a sealed value', async () => {
  const { a, b, people, blind } = await sealWorld()
  await people.create(ada)
  await b.sync(a)
  const forged = { $sealed: 'A'.repeat(90) }
  const writes: readonly (() => Promise<unknown>)[] = [
    () => blind.create({ id: 'x', ssn: forged }),
    () => blind.patch('ada', { name: forged }),
    () => blind.patch('ada', { $push: { tags: forged } }),
    () => blind.patch('ada', { 'name.$sealed': 'x' }),
    () => blind.enrich('ada', { name: forged }),
    () => blind.update('ada', { name: forged }),
    () => people.patch('ada', { ssn: forged }),
    () => blind.upsert(['name'], { name: 'Ada', other: forged }),
  ]
  for (const write of writes) expect(await failure(write)).toEqual(coded('RESERVED_NAME', { name: '$sealed' }))
  const text = '{"$sealed":"no value but a text about one"}'
  await blind.create({ id: 'text', text })
  expect(await blind.get('text')).toMatchObject({ text })
  expect((await blind.get('text'))?._system).not.toHaveProperty('sealed')
})

test('B5 a view that reads a sealed attribute needs the key, one that does not goes without', async () => {
  const { first, second, a, b, people, giveKey } = await sealWorld()
  await people.create(ada)
  await b.sync(a)
  const definition = (path: string): ViewDefinition => ({
    name: 'numbers',
    sources: [{ database: 'crm', collection: 'people' }],
    columns: [{ name: 'read', value: { lower: [path] } }],
  })
  const shown = async ({ tenant }: typeof first, path: string): Promise<unknown> => {
    const view = await tenant.view(definition(path))
    afterTest(async () => view.close())
    return view.rows().map((row) => ('values' in row ? row.values : null))
  }
  expect(await shown(first, 'ssn')).toEqual([{ read: ada['ssn'] }])
  expect(await shown(second, 'name')).toEqual([{ read: 'ada' }])
  expect(await failure(() => shown(second, 'ssn'))).toEqual(coded('KEY_MISSING', { path: 'ssn', id: 'ada' }))
  await giveKey()
  expect(await shown(second, 'ssn')).toEqual([{ read: ada['ssn'] }])
})

test('B5 a view that filters by a sealed attribute does not take it for missing when the key goes', async () => {
  const { second, a, b, people, giveKey } = await sealWorld()
  await people.create(ada)
  await b.sync(a)
  await giveKey()
  const view = await second.tenant.view({
    name: 'without',
    sources: [{ database: 'crm', collection: 'people', filter: { ssn: { $exists: false } } }],
  })
  expect(view.rows()).toEqual([])
  await second.tenant.keys.remove('hr')
  expect(await failure(() => view.refresh())).toEqual(coded('KEY_MISSING', { path: 'ssn', id: 'ada' }))
  expect(view.rows()).toEqual([])
  await giveKey()
  await view.refresh()
  expect(view.rows()).toEqual([])
})

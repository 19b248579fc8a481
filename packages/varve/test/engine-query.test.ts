/** Requirement tests of find (A8): the same answers with and without indexes, pages, cursors, bad filters; and schemas. */

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'
import { coded, failure, found, reopened, storeOf, untyped, type Data } from './engine-world.ts'

const rows: readonly Data[] = Array.from({ length: 120 }, (_, n) => ({
  id: `r${String(n).padStart(3, '0')}`,
  n: n % 10,
  s: n % 3 === 0 ? null : `s${n % 7}`,
  tags: [`t${n % 4}`, `t${n % 5}`],
  o: { x: n % 2 === 0 ? n : String(n) },
  ...(n % 11 === 0 ? { rare: n } : {}),
}))

const filters: readonly Data[] = [
  {},
  { n: 3 },
  { n: { $gt: 3, $lte: 6 } },
  { n: { $in: [1, 2, 99] } },
  { s: null },
  { s: { $gte: 's3' } },
  { tags: 't1' },
  { tags: { $all: ['t1', 't2'] } },
  { 'o.x': { $gt: 50 } },
  { 'o.x': { $gt: '50' } },
  { rare: { $exists: true } },
  { rare: { $exists: false }, n: 1 },
  { $or: [{ n: 1 }, { tags: 't3' }] },
  { $nor: [{ n: { $lt: 8 } }] },
  { n: { $not: { $gt: 1 } } },
  { s: { $regex: '^s[12]$' } },
  { tags: { $size: 2 }, n: { $ne: 0 } },
  { id: { $in: ['r001', 'r100', 'nope'] } },
  { '_system.ov': { $gte: 1 } },
]

describe.each(['memory', 'sqlite'] as const)('find on %s', (store) => {
  test('A8 indexed and unindexed collections answer the same, in every order, in pages', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('crm')
    const plain = database.collection<Data>('plain')
    const indexed = database.collection<Data>('indexed', { indexes: ['n', 's', 'tags', 'o.x', 'rare'] })
    for (const docs of [plain, indexed]) {
      await docs.createMany(rows)
      for (let i = 0; i < 120; i += 13) await docs.delete(`r${String(i).padStart(3, '0')}`)
      for (let i = 1; i < 40; i += 17) await docs.patch(`r${String(i).padStart(3, '0')}`, { n: 99, tags: ['t1'] })
    }
    const strip = (docs: readonly Data[]): unknown => docs.map(({ _system, ...rest }) => rest)
    for (const filter of filters) {
      const expected = await plain.find(filter).sort({ id: 1 }).toArray()
      expect(strip(await indexed.find(filter).sort({ id: 1 }).toArray())).toEqual(strip(expected))
      expect(await indexed.find(filter).count()).toBe(expected.length)
      for (const sort of [{ n: 1 }, { s: -1, n: 1 }, { 'o.x': -1 }, { tags: 1 }] as const) {
        const sorted = strip(
          await plain
            .find(filter)
            .sort({ ...sort })
            .toArray(),
        )
        const items: Data[] = []
        let next: string | null = null
        do {
          const query = indexed
            .find(filter)
            .sort({ ...sort })
            .limit(7)
          const page: { items: readonly Data[]; next: string | null } = await (
            next === null ? query : query.after(next)
          ).page()
          expect(page.items.length).toBeLessThanOrEqual(7)
          items.push(...page.items)
          next = page.next
        } while (next !== null)
        expect(strip(items)).toEqual(sorted)
      }
    }
    expect(JSON.stringify(await indexed.find({ n: 3 }).explain())).toContain('"n"')
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('A8 an index declared later covers what was there, and survives a restart', async () => {
    const world = await found(await storeOf(store))
    const docs = (await world.tenant.database('crm')).collection<Data>('people')
    await docs.createMany(rows)
    const later = (await world.tenant.database('crm')).collection<Data>('people', { indexes: ['n'] })
    expect(await later.find({ n: 4 }).count()).toBe(12)
    const { tenant } = await reopened(world)
    const again = (await tenant.database('crm')).collection<Data>('people')
    expect(await again.find({ n: 4 }).count()).toBe(12)
    expect(JSON.stringify(await again.find({ n: 4 }).explain())).toContain('"n"')
  })

  test('A8 select, first, limit, includeDeleted and iteration', async () => {
    const { tenant } = await found(await storeOf(store))
    const docs = (await tenant.database('crm')).collection<Data>('people')
    await docs.createMany(rows.slice(0, 10))
    await docs.delete('r003')
    const [row] = await docs.find({ id: 'r004' }).select(['n', 'o.x']).toArray()
    expect(row).toMatchObject({ id: 'r004', n: 4, o: { x: 4 } })
    expect(row).not.toHaveProperty('tags')
    expect(await docs.get('r004', { select: ['n'] })).not.toHaveProperty('tags')
    expect(await docs.find({ n: 50 }).first()).toBeNull()
    expect(await docs.find().limit(0).toArray()).toEqual([])
    expect(await docs.find().includeDeleted().count()).toBe(10)
    const seen: string[] = []
    for await (const { id } of docs.find().sort({ id: -1 }).limit(2)) seen.push(id)
    expect(seen).toEqual(['r009', 'r008'])
  })
})

test('A8 filters, sorts, limits and cursors that are none say INVALID', async () => {
  const { tenant } = await found()
  const docs = (await tenant.database('crm')).collection<Data>('people')
  await docs.createMany(rows.slice(0, 10))
  const bad: readonly unknown[] = [
    { $where: 'x' },
    { n: { $bogus: 1 } },
    { n: { $in: 1 } },
    { $or: [] },
    { $or: {} },
    { s: { $regex: '(' } },
    { n: { $gt: 1, plain: 2 } },
    [],
    'text',
    7,
  ]
  for (const filter of bad)
    expect([filter, await failure(() => docs.find(untyped(filter)).toArray())]).toEqual([filter, coded('INVALID')])
  let deep: Data = { n: 1 }
  for (let i = 0; i < 5000; i++) deep = { $and: [deep] }
  expect(await failure(() => docs.find(deep).toArray())).toMatchObject({ name: 'VarveError' })
  expect(await failure(() => docs.find().sort({ n: untyped(2) }))).toEqual(coded('INVALID'))
  for (const limit of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    expect(await failure(() => docs.find().limit(limit))).toEqual(coded('INVALID'))
  const { next } = await docs.find().sort({ n: 1 }).limit(3).page()
  for (const cursor of ['', 'x', `${next ?? ''}x`, (next ?? '').slice(0, -3)])
    expect([cursor, await failure(() => docs.find().sort({ n: 1 }).after(cursor).toArray())]).toEqual([
      cursor,
      expect.objectContaining({ name: 'VarveError' }),
    ])
  expect(
    await failure(() =>
      docs
        .find()
        .sort({ s: 1 })
        .after(next ?? '')
        .toArray(),
    ),
  ).toMatchObject({
    name: 'VarveError',
  })
})

interface Person {
  readonly name: string
  readonly age: number
}

const schema: StandardSchemaV1<unknown, Person> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { name, age = 18 }: { name?: unknown; age?: unknown } = untyped(value)
      if (typeof name !== 'string') return { issues: [{ message: 'must be text', path: ['name'] }] }
      if (typeof age !== 'number') return { issues: [{ message: 'must be a number', path: [{ key: 'age' }] }] }
      return { value: { name: name.trim(), age } }
    },
  },
}

test('A8 a schema refuses what does not fit and stores what it gives back', async () => {
  const { tenant } = await found()
  const database = await tenant.database('crm')
  const docs = database.collection<Person>('people', { schema })
  const { id } = await docs.create(untyped({ name: ' Ada ' }))
  expect(await docs.get(id)).toMatchObject({ name: 'Ada', age: 18 })
  await docs.update(id, { name: 'Bob  ', age: 3 })
  expect(await docs.get(id)).toMatchObject({ name: 'Bob', age: 3 })
  const before = await database.stats()
  const issue = { issues: [{ path: 'name', message: 'must be text' }] }
  expect(await failure(() => docs.create(untyped({ name: 1 })))).toEqual(coded('INVALID', issue))
  expect(await failure(() => docs.update(id, untyped({ name: 1 })))).toEqual(coded('INVALID', issue))
  expect(await failure(() => docs.patch(id, untyped({ name: 1 })))).toEqual(coded('INVALID', issue))
  expect(await failure(() => docs.patch(id, { $unset: { name: 1 } }))).toEqual(coded('INVALID'))
  expect(await failure(() => docs.enrich(id, untyped({ age: 'x' })))).toEqual(coded('INVALID'))
  expect(await failure(() => docs.createMany([{ name: 'ok', age: 1 }, untyped({ age: 1 })]))).toEqual(coded('INVALID'))
  expect(
    await failure(() => database.transact((tx) => tx.collection<Person>('people').patch(id, untyped({ age: 'x' })))),
  ).toEqual(coded('INVALID'))
  expect(await failure(() => docs.upsert(['name'], untyped({ name: 'Bob', age: 'x' })))).toEqual(coded('INVALID'))
  expect(await database.stats()).toEqual(before)
})

test('A8 a schema that answers later is UNSUPPORTED', async () => {
  const { tenant } = await found()
  const later = { '~standard': { ...schema['~standard'], validate: () => Promise.resolve({ value: {} }) } }
  const docs = (await tenant.database('crm')).collection('people', { schema: untyped(later) })
  expect(await failure(() => docs.create({}))).toEqual(coded('UNSUPPORTED'))
})

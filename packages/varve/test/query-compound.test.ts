/** Indexes over several paths: their keys, how they are kept, and how little a query reads of them. */

import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../src/encoding/json.ts'
import { compareBytes, concat } from '../src/encoding/bytes.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { replicaOf } from '../src/database/database.ts'
import { systemEnv, type Env } from '../src/index.ts'
import { compareValues } from '../src/query/compare.ts'
import { compareSortKeys } from '../src/query/sort-key.ts'
import { indexKeys, keysOf } from '../src/query/index-keys.ts'
import { anyKey, encodeOrderKey, orderKey } from '../src/query/order-key.ts'
import { parseFilter } from '../src/query/filter.ts'
import { planQuery } from '../src/query/plan.ts'
import { parseSort } from '../src/query/sort.ts'
import type { QueryPlan } from '../src/query/types.ts'
import { decodeState, encodeState, initialState, type CollectionState } from '../src/replica/state.ts'
import { found, reopened, storeOf, type Data } from './engine-world.ts'
import { attributes, value } from './query-generators.ts'

const key = encodeOrderKey

describe('keys', () => {
  test('are the keys of the paths one after the other, in their order', () => {
    expect(indexKeys(['a', 'b'], { a: 1, b: 'x' })).toEqual([concat(key(1), key('x'))])
    expect(indexKeys(['a', 'b'], { b: [] })).toEqual([concat(key(null), key(undefined))])
    fc.assert(
      fc.property(value, value, value, value, (a, b, c, d) => {
        if ([a, b, c, d].some((each) => orderKey(each).truncated)) return
        const byKey = compareBytes(concat(key(a), key(b)), concat(key(c), key(d)))
        expect(Math.sign(byKey)).toBe(Math.sign(compareSortKeys(a, c) || compareSortKeys(b, d)))
      }),
      { numRuns: 10_000 },
    )
  })

  test('the first path with several values spreads, later ones stand for all', () => {
    const doc = { a: 1, b: [1, 2], c: [3, 4, 5] }
    expect(keysOf(['a', 'b'], doc)).toEqual({
      keys: [concat(key(1), key(1)), concat(key(1), key(2))],
      several: [false, true],
    })
    expect(keysOf(['b', 'c'], doc)).toEqual({
      keys: [concat(key(1), anyKey), concat(key(2), anyKey)],
      several: [true, true],
    })
    const wide = Array.from({ length: 1_000 }, (_, i) => i)
    expect(indexKeys(['a', 'b', 'c'], { a: wide, b: wide, c: wide })).toHaveLength(1_000)
  })

  test('of any document are distinct and ascend', () => {
    fc.assert(
      fc.property(attributes, fc.subarray(['a', 'b', 'a.b', 'a.0'], { minLength: 1 }), (doc, paths) => {
        const keys = indexKeys(paths, doc)
        expect(keys.length).toBeGreaterThan(0)
        for (let i = 1; i < keys.length; i++)
          expect(compareBytes(keys[i - 1] ?? anyKey, keys[i] ?? anyKey)).toBeLessThan(0)
      }),
    )
  })
})

describe('plans', () => {
  const plan = (raw: unknown, by: unknown = {}, multikey = [false, false, false]): QueryPlan =>
    planQuery(parseFilter(raw), parseSort(by), [{ no: 0, paths: ['s', 'n', 't'], multikey }])

  test.each<[unknown, unknown, Partial<QueryPlan>]>([
    [{ s: 'x', n: { $gt: 1 } }, { n: 1 }, { sorted: true, exact: false, reverse: false, lead: [key('x'), 0] }],
    [{ s: 'x', n: { $gt: 1 } }, { n: -1 }, { sorted: true, reverse: true }],
    [{ s: 'x' }, { n: 1, t: 1 }, { sorted: true, exact: true, lead: [key('x'), 0, 1] }],
    [{ s: 'x' }, { n: -1, t: -1 }, { sorted: true, exact: true, reverse: true }],
    // The index goes one way only: the rest is sorted among equals.
    [{ s: 'x' }, { n: 1, t: -1 }, { sorted: true, exact: false, lead: [key('x'), 0] }],
    [{ s: 'x' }, { s: -1, n: 1 }, { sorted: true, reverse: false, lead: [key('x'), 1] }],
    [{ s: 'x', n: 1 }, { t: 1 }, { sorted: true, exact: true, lead: [key('x'), key(1), 0] }],
    [{ s: 'x', n: 1, t: 2 }, {}, { sorted: true, exact: true }],
    [{ s: 'x' }, {}, { sorted: false }],
    [{}, { s: 1, n: 1 }, { sorted: true, lead: [0, 1] }],
    [{ s: { $in: ['x', 'y'] } }, { n: 1 }, { sorted: false }],
    [{ s: { $in: ['x', 'y'] } }, { s: 1, n: 1 }, { sorted: true, lead: [0, 1] }],
    [{ n: 1 }, { t: 1 }, { index: null, sorted: false }],
    [{ s: { $gt: 'x' }, n: 1 }, {}, { reason: 'open range on "s"' }],
    [{ s: 'x', n: { $gt: 1, $lt: 5 } }, {}, { reason: 'equality on "s", range on "n"' }],
    [{ s: 'x', n: { $gt: 5, $lt: 1 } }, {}, { ranges: [] }],
  ])('%j sorted by %j', (raw, by, expected) => {
    expect(plan(raw, by)).toMatchObject({
      index: 0,
      paths: ['s', 'n', 't'],
      ...(expected.index === null ? { paths: null } : {}),
      ...expected,
    })
  })

  test('equality on one path with several values leaves the order of the next', () => {
    expect(plan({ s: 'x' }, { n: 1 }, [true, false, false])).toMatchObject({ sorted: true, repeats: false })
    expect(plan({ s: 'x' }, { n: 1 }, [false, true, false])).toMatchObject({ sorted: false })
    // Two such paths: rows that stand for all values are read as well.
    expect(plan({ s: 'x', n: 1 }, {}, [true, true, false]).ranges).toHaveLength(2)
  })

  test('more values than are worth it do not narrow further', () => {
    const many = Array.from({ length: 900 }, (_, i) => i)
    expect(plan({ s: { $in: many }, n: { $in: [1, 2] } }).reason).toBe('equality on "s"')
    expect(plan({ s: { $in: many.slice(0, 400) }, n: { $in: [1, 2] } }).ranges).toHaveLength(800)
  })
})

describe('state', () => {
  const indexes = [
    { no: 1, paths: ['a'], unique: false, ready: true, multikey: [true] },
    { no: 2, paths: ['a', 'b'], unique: false, ready: false, multikey: [false, true] },
    { no: 3, paths: ['a'], unique: true, ready: true, multikey: [false] },
  ]
  const counts = { documents: 1, recorded: 0, pending: 0 }
  const collection: CollectionState = { no: 1, tag: new Uint8Array(16), name: 'x', ...counts, indexes, sealed: [] }

  test('keeps indexes of one path as they always were, and reads all', () => {
    const bytes = encodeState({ ...initialState, collections: [collection] })
    expect(decodeState(bytes).collections[0]?.indexes).toEqual(indexes)
    const latin = new TextDecoder('latin1')
    expect(latin.decode(bytes)).toContain(latin.decode(encodeCbor([1, 'a', true, true])))
  })
})

describe.each(['memory', 'sqlite'] as const)('in a database on %s', (name) => {
  const packages = Array.from({ length: 2_000 }, (_, i): JsonObject => ({
    id: `p${String(i).padStart(4, '0')}`,
    section: `s${i % 4}`,
    installedSize: (i * 7919) % 1_000,
    tags: i % 5 === 0 ? ['x', `t${i % 3}`] : ['y'],
  }))

  test('a page of a filtered, sorted query reads its rows and no more', async () => {
    const opened = await found(await storeOf(name))
    const database = await opened.tenant.database('crm')
    const docs = database.collection<Data>('packages', {
      indexes: [
        ['section', 'installedSize'],
        ['tags', 'section'],
      ],
    })
    await docs.createMany(packages)
    const query = docs
      .find({ section: 's1', installedSize: { $gt: 100 } })
      .sort({ installedSize: 1 })
      .limit(50)
    expect(await query.explain()).toMatchObject({
      path: 'section',
      paths: ['section', 'installedSize'],
      sorted: true,
      exact: true,
      reason: 'equality on "section", open range on "installedSize"',
    })
    const expected = packages
      .filter((doc) => doc['section'] === 's1' && Number(doc['installedSize']) > 100)
      .toSorted((a, b) => Number(a['installedSize']) - Number(b['installedSize']) || compareValues(a['id'], b['id']))
    const { store } = replicaOf(database)
    const scan = store.scanIndex.bind(store)
    let read = 0
    const spy = vi.spyOn(store, 'scanIndex').mockImplementation(async (asked) => {
      const hits = await scan(asked)
      read += hits.length
      return hits
    })
    const ids = (all: readonly { readonly id?: unknown }[]): unknown[] => all.map(({ id }) => id)
    expect(ids(await query.toArray())).toEqual(ids(expected.slice(0, 50)))
    expect(read).toBe(50)
    read = 0
    const first = await query.page()
    expect(ids((await query.after(first.next ?? '').page()).items)).toEqual(ids(expected.slice(50, 100)))
    expect(read).toBeLessThanOrEqual(110)
    read = 0
    const back = docs.find({ section: 's1' }).sort({ installedSize: -1 }).limit(10)
    const greatest = Math.max(...expected.map((doc) => Number(doc['installedSize'])))
    expect((await back.toArray())[0]).toMatchObject({ installedSize: greatest })
    expect(read).toBeLessThan(40)
    spy.mockRestore()
    expect(await docs.find({ tags: 'x', section: 's0' }).count()).toBe(100)
    expect(await docs.find({ tags: 'x', section: 's0' }).explain()).toMatchObject({ paths: ['tags', 'section'] })
  })

  test('an index that begins with the id gives a document once, however many rows it has', async () => {
    const { tenant } = await found(await storeOf(name))
    const docs = (await tenant.database('crm')).collection<Data>('packages', { indexes: [['id', 'tags']] })
    await docs.createMany(['a', 'b', 'c'].map((id) => ({ id, tags: ['x', 'y', id] })))
    for (const direction of [1, -1] as const) {
      const query = docs.find({ id: { $gt: 'a' } }).sort({ id: direction })
      expect((await query.explain()).paths).toEqual(['id', 'tags'])
      const ids = direction === 1 ? ['b', 'c'] : ['c', 'b']
      expect((await query.toArray()).map(({ id }) => id)).toEqual(ids)
      const { items, next } = await query.limit(1).page()
      expect([...items, ...(await query.after(next ?? '').toArray())].map(({ id }) => id)).toEqual(ids)
    }
  })

  test('long reads let others have their turn', async () => {
    let now = Date.UTC(2026, 0, 1)
    const system = systemEnv({ passphraseWork: 1, now: () => (now += 20) })
    let pauses = 0
    const timer: Env['timer'] = (fn, ms) => {
      pauses++
      return system.timer(fn, ms)
    }
    const { tenant } = await found(await storeOf(name), { ...system, timer })
    const database = await tenant.database('crm')
    const docs = database.collection<Data>('packages', { indexes: [{ paths: ['installedSize'], unique: true }] })
    for (let from = 0; from < 1_200; from += 400)
      await docs.createMany(Array.from({ length: 400 }, (_, i) => ({ id: `p${from + i}`, installedSize: from + i })))
    const past = (await database.asOf({ record: 2 })).collection<Data>('packages')
    for (const read of [
      () => docs.find({ installedSize: { $gte: 0 } }).count(),
      () => docs.duplicates(),
      () => past.find().count(),
      () => past.find({ installedSize: { $gte: 0 } }).count(),
    ]) {
      pauses = 0
      await read()
      expect(pauses).toBeGreaterThan(0)
    }
  })

  test('follows changes, is there after opening again, and verifies', async () => {
    const opened = await found(await storeOf(name))
    const database = await opened.tenant.database('crm')
    const plain = database.collection<Data>('packages')
    await plain.createMany(packages.slice(0, 600))
    const options = { indexes: [['section', 'tags'], { paths: ['tags', 'installedSize'] }] }
    const docs = database.collection<Data>('packages', options)
    expect(await docs.find({ section: 's0', tags: 'x' }).count()).toBe(30)
    await docs.patch('p0000', { section: 's9', tags: ['x', 'z'], installedSize: [1, 2] })
    await docs.delete('p0020')
    expect(await docs.find({ section: 's0', tags: 'x' }).count()).toBe(28)
    expect(await docs.find({ tags: 'z', installedSize: 2 }).toArray()).toMatchObject([{ id: 'p0000' }])
    const again = await (await reopened(opened)).tenant.database('crm')
    const same = again.collection<Data>('packages', options)
    expect(await same.find({ section: 's9', tags: 'z' }).toArray()).toMatchObject([{ id: 'p0000' }])
    expect((await same.find({ section: 's9', tags: 'z' }).explain()).paths).toEqual(['section', 'tags'])
    expect(await again.verify()).toMatchObject({ ok: true })
  })
})

/** Planning and running: whatever index is used, results equal the matcher and a sort over everything. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareBytes } from '../src/encoding/bytes.ts'
import { toJson, type JsonObject } from '../src/encoding/json.ts'
import { compareText } from '../src/query/compare.ts'
import { cursorAfter } from '../src/query/cursor.ts'
import { parseFilter } from '../src/query/filter.ts'
import { matches } from '../src/query/matcher.ts'
import { indexKeys, keysOf } from '../src/query/index-keys.ts'
import { planQuery, readsAsStored, type IndexInfo } from '../src/query/plan.ts'
import { countQuery, queryPages, runQuery, type QuerySpec } from '../src/query/run.ts'
import { parseSort, sortComparator } from '../src/query/sort.ts'
import type { Candidate, QuerySource } from '../src/query/source.ts'
import type { QueryPlan } from '../src/query/types.ts'
import { attributes, filter, sort } from './query-generators.ts'

interface Row {
  readonly key: Uint8Array
  readonly candidate: Candidate
}

function idOf(doc: JsonObject): string {
  return typeof doc['id'] === 'string' ? doc['id'] : ''
}

/** A source in memory with real index rows, in small pages, that counts what is read. */
class MemorySource implements QuerySource {
  read = 0
  forwards = 0
  readonly #docs: readonly Candidate[]
  readonly #rows: ReadonlyMap<number, readonly Row[]>

  constructor(docs: readonly JsonObject[], indexes: readonly IndexInfo[]) {
    this.#docs = docs.map((doc) => ({ id: idOf(doc), doc })).toSorted((a, b) => compareText(a.id, b.id))
    this.#rows = new Map(indexes.map(({ no, paths }) => [no, this.#build(paths)]))
  }

  #build(paths: readonly string[]): readonly Row[] {
    return this.#docs
      .flatMap((candidate) => indexKeys(paths, candidate.doc).map((key) => ({ key, candidate })))
      .toSorted((a, b) => compareBytes(a.key, b.key) || compareText(a.candidate.id, b.candidate.id))
  }

  async *#pages(candidates: readonly Candidate[]): AsyncGenerator<readonly Candidate[]> {
    for (let i = 0; i < candidates.length; i += 3) {
      const page = candidates.slice(i, i + 3)
      this.read += page.length
      yield await Promise.resolve(page)
    }
  }

  scan(range: Parameters<QuerySource['scan']>[0]): AsyncIterable<readonly Candidate[]> {
    const { after } = range
    return this.#pages(this.#docs.filter(({ id }) => after === undefined || compareText(id, after) > 0))
  }

  byIds(ids: readonly string[]): AsyncIterable<readonly Candidate[]> {
    return this.#pages(ids.flatMap((id) => this.#docs.filter((candidate) => candidate.id === id)))
  }

  index(...[no, range, reverse]: Parameters<QuerySource['index']>): AsyncIterable<readonly Candidate[]> {
    const { from, to, afterId } = range
    if (!reverse) this.forwards++
    const rows = (this.#rows.get(no) ?? []).filter(({ key, candidate }) => {
      if (afterId !== undefined && compareBytes(key, from) === 0 && compareText(candidate.id, afterId) <= 0)
        return false
      return compareBytes(key, from) >= 0 && compareBytes(key, to) < 0
    })
    return this.#pages((reverse ? rows.toReversed() : rows).map((row) => row.candidate))
  }
}

/** Indexes with the truth about several keys, told or withheld. */
function indexesOver(all: readonly (readonly string[])[], docs: readonly JsonObject[], told: boolean): IndexInfo[] {
  return all.map((paths, no) => {
    const multikey = paths.map((_, i) => docs.some((doc) => keysOf(paths, doc).several[i]))
    return told ? { no, paths, multikey } : { no, paths }
  })
}

function bruteForce(docs: readonly JsonObject[], spec: QuerySpec): JsonObject[] {
  return docs.filter((doc) => matches(spec.predicate, doc)).toSorted(sortComparator(spec.order))
}

async function collect(source: QuerySource, spec: QuerySpec): Promise<JsonObject[]> {
  const docs: JsonObject[] = []
  for await (const doc of runQuery(source, spec)) docs.push(doc)
  return docs
}

const long = 'x'.repeat(300)
const ids = fc.constantFrom('a', 'b', 'c', 'id1', 'id2', 'z', '～', '😀')
const plain = fc.record({
  a: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('x', 'xy', `${long}1`, `${long}2`, null)),
  b: fc.nat(2),
})
const anyId = fc.oneof(ids, fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme' }))
const documentsOf = (doc: fc.Arbitrary<JsonObject>, maxLength: number): fc.Arbitrary<JsonObject[]> =>
  fc
    .uniqueArray(fc.tuple(anyId, doc), { maxLength, selector: ([id]) => id })
    .map((entries) => entries.map(([id, each]) => ({ ...each, id, _system: { ov: 0 } })))
const documents = fc.oneof(documentsOf(fc.oneof(attributes, plain), 14), documentsOf(plain, 24))

const byLong = fc
  .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte', '$eq'), fc.constantFrom(`${long}1`, long, 'x', 1))
  .map(([op, operand]) => ({ a: { [op]: operand } }))
const between = fc.tuple(fc.nat(3), fc.nat(3)).map(([low, high]) => ({ a: { $gte: low, $lte: high } }))
const point = fc.oneof(
  fc.constantFrom<unknown>(0, 1, 2, 'x', null, `${long}1`),
  fc.constantFrom<unknown>({ $in: [0, 1] }, { $gte: 1 }, { $gt: 0, $lt: 2 }, { $lte: 1 }),
)
const prefixed = fc.tuple(point, point).map(([a, b]) => ({ a, b }))
const named = fc.array(ids, { maxLength: 3 }).map(($in) => ({ id: { $in } }))
const anyFilter = fc.oneof(
  { weight: 6, arbitrary: filter },
  { weight: 3, arbitrary: prefixed },
  byLong,
  between,
  named,
  fc.constant({}),
)
const anySort = fc.oneof(
  { weight: 2, arbitrary: sort },
  fc.constantFrom<Readonly<Record<string, 1 | -1>>>(
    { a: 1, b: 1 },
    { a: -1, b: -1 },
    { b: 1 },
    { b: -1 },
    { b: 1, a: -1 },
  ),
)
const indexPaths = fc
  .tuple(
    fc.subarray(['a', 'b', 'a.b', 'a.0', 'id']),
    fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'a.b', 'b.a', 'a.0', 'id'), { minLength: 2, maxLength: 3 }), {
      maxLength: 3,
    }),
  )
  .map(([single, compound]): readonly (readonly string[])[] => [...single.map((each) => [each]), ...compound])

/** Runs the query over these indexes, whole and page by page, and counts the shape of its plan. */
async function expectAll(
  shapes: Map<string, number>,
  docs: readonly JsonObject[],
  asked: { readonly raw: unknown; readonly by: unknown; readonly limit: number },
  indexes: readonly IndexInfo[],
): Promise<void> {
  const { raw, by, limit } = asked
  const source = new MemorySource(docs, indexes)
  const spec: QuerySpec = { predicate: parseFilter(raw), order: parseSort(by), indexes }
  const expected = bruteForce(docs, spec)
  expect(await collect(source, spec)).toEqual(expected)
  expect(await countQuery(source, spec)).toBe(expected.length)
  const plan = planQuery(spec.predicate, spec.order, indexes)
  const stored = readsAsStored(plan, spec.order)
  const paged: JsonObject[] = []
  for (let last: JsonObject | undefined, page: JsonObject[] = []; ;) {
    const after = last === undefined ? {} : { after: cursorAfter(spec.order, last, idOf(last), stored) }
    page = await collect(source, { ...spec, limit, ...after })
    paged.push(...page)
    last = page.at(-1)
    if (page.length < limit) break
  }
  expect(paged).toEqual(expected)
  const what = plan.ids === null ? (plan.paths === null ? 'scan' : `index of ${plan.paths.length}`) : 'ids'
  const lead = plan.lead.map((part) => (typeof part === 'number' ? part : 'key'))
  const shape = `${what} ${plan.sorted} ${plan.reverse} ${plan.exact} ${plan.ranges.length > 1} ${lead.join()}`
  shapes.set(shape, (shapes.get(shape) ?? 0) + 1)
}

const runs = Number(process.env['VARVE_QUERY_RUNS'] ?? 6_000)

describe('runQuery', () => {
  test('equals brute force for every plan, page by page', async () => {
    const shapes = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(
        documents,
        fc.record({ raw: anyFilter, by: anySort, limit: fc.integer({ min: 1, max: 5 }) }),
        indexPaths,
        fc.boolean(),
        (docs, asked, paths, told) => expectAll(shapes, docs, asked, indexesOver(paths, docs, told)),
      ),
      { numRuns: runs },
    )
    // Enough kinds of plan came up; scans without an index go one way only.
    expect(shapes.size).toBeGreaterThan(40)
  })

  test('equals brute force where an index over several paths gives filter and order', async () => {
    const shapes = new Map<string, number>()
    const several = fc.constantFrom(
      [['a', 'b']],
      [['b', 'a']],
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      [['a', 'b', 'id']],
      [['b', 'a', 'c']],
    )
    await fc.assert(
      fc.asyncProperty(
        documentsOf(plain, 30),
        fc.record({ raw: fc.oneof(prefixed, between, byLong), by: anySort, limit: fc.integer({ min: 1, max: 5 }) }),
        several,
        (docs, asked, paths) => expectAll(shapes, docs, asked, indexesOver(paths, docs, true)),
      ),
      { numRuns: runs * 3 },
    )
    for (const shape of [
      'index of 2 true false true false key,0',
      'index of 2 true true true false key,0',
      'index of 2 true false true false key,key',
      'index of 3 true false false false key,key',
      'index of 2 true false true false 0,1',
      'index of 2 true true true false 0,1',
      'index of 2 true false true true 0,1',
    ])
      expect([shape, shapes.get(shape) ?? 0]).toEqual([shape, expect.toSatisfy((count) => count > 3)])
  })

  test('a large group read backwards comes by ascending id, without being held, and pages go through it', async () => {
    const docs = Array.from({ length: 3_000 }, (_, i) => ({
      id: String(i).padStart(5, '0'),
      a: i % 1000 === 0 ? [0, 1, 2] : i % 500 === 1 || i === 2999 ? [0, 1] : i % 2,
    }))
    const indexes = [{ no: 0, paths: ['a'] }]
    const source = new MemorySource(docs, indexes)
    const spec: QuerySpec = { predicate: parseFilter({}), order: parseSort({ a: -1 }), indexes }
    const expected = bruteForce(docs, spec)
    expect(await collect(source, spec)).toEqual(expected)
    // The two groups above 1,024 documents, each once.
    expect(source.forwards).toBe(2)
    const middle = expected[2_000]
    const after = cursorAfter(spec.order, middle ?? {}, idOf(middle ?? {}))
    expect(await collect(source, { ...spec, after })).toEqual(expected.slice(2_001))
  })

  test.each<[unknown, Readonly<Record<string, 1 | -1>>, string, readonly unknown[]]>([
    // Values cut off to one key are sorted by what they are.
    [{}, { a: 1 }, 'a', [`${long}2`, `${long}1`]],
    [{}, { a: -1 }, 'a', [`${long}1`, `${long}2`]],
    [{ a: { $lt: `${long}2` } }, {}, 'a', [`${long}1`]],
    [{ a: { $gt: `${long}1` } }, {}, 'a', [`${long}2`]],
    // What a position points at is one key, not expanded.
    [{ 'a.0': { $elemMatch: { $eq: 1 } } }, {}, 'a.0', [[[1, 2]]]],
    [{ 'a.0': [1, 2] }, {}, 'a.0', [[[1, 2]]]],
    // The elements of an element have no keys of their own.
    [{ a: { $elemMatch: { $elemMatch: { $eq: {} } } } }, {}, 'a', [[[{}]]]],
    // An array inside $elemMatch is read as an object.
    [{ a: { $elemMatch: { '0': 7 } } }, {}, 'a.0', [[[7]]]],
    [{ 'a.1.b': null }, {}, 'a.1.b', [[5, { b: 4 }]]],
    // Patterns whose beginning does not bound the string.
    [{ a: /^ab/i }, {}, 'a', ['AB']],
    [{ a: /^b/m }, {}, 'a', ['a\nb']],
    [{ a: /^ab*c/ }, {}, 'a', ['ac']],
    [{ a: /^ab|c/ }, {}, 'a', ['c']],
    [{ a: [] }, {}, 'a', [[], [[]]]],
    [{ a: { $gt: [1] } }, {}, 'a', [[1, 0]]],
  ])('%j sorted by %j over an index on %s finds all', async (raw, by, path, values) => {
    const docs = values.map((each, i): JsonObject => ({ id: String(i), a: toJson(each, 'a') }))
    const indexes = [{ no: 0, paths: [path] }]
    const spec: QuerySpec = { predicate: parseFilter(raw), order: parseSort(by), indexes }
    const found = await collect(new MemorySource(docs, indexes), spec)
    expect(found).toEqual(bruteForce(docs, spec))
    expect(found).toHaveLength(docs.length)
  })

  test('reads no more than it must', async () => {
    const docs = Array.from({ length: 2_000 }, (_, i) => ({ id: String(i).padStart(5, '0'), n: i, even: i % 2 === 0 }))
    const indexes = [
      { no: 0, paths: ['n'], multikey: [false] },
      { no: 1, paths: ['even'], multikey: [false] },
    ]
    const cost = async (raw: unknown, by: unknown, more: Partial<QuerySpec>): Promise<number> => {
      const source = new MemorySource(docs, indexes)
      const spec: QuerySpec = { predicate: parseFilter(raw), order: parseSort(by), indexes, ...more }
      expect(await collect(source, spec)).toEqual(
        bruteForce(docs, spec)
          .filter((doc) => more.after === undefined || Number(idOf(doc)) > 1_500)
          .slice(0, more.limit),
      )
      return source.read
    }
    const after = cursorAfter(parseSort({ n: 1 }), docs[1_500] ?? {}, '01500')
    expect(await cost({ n: 7 }, {}, {})).toBe(1)
    expect(await cost({ n: { $gte: 10, $lt: 20 } }, { n: -1 }, {})).toBe(10)
    expect(await cost({ id: '00003' }, {}, {})).toBe(1)
    expect(await cost({}, { n: 1 }, { limit: 10 })).toBeLessThan(15)
    expect(await cost({}, { n: -1 }, { limit: 10 })).toBeLessThan(15)
    expect(await cost({}, { n: 1 }, { limit: 10, after })).toBeLessThan(15)
    expect(await cost({ even: true }, {}, { limit: 10, after: cursorAfter([], {}, '01500') })).toBeLessThan(15)
    expect(await cost({}, {}, { limit: 10, after: cursorAfter([], {}, '01500', true) })).toBeLessThan(15)
    // Documents as stored and documents by id are not gone through alike.
    await expect(cost({}, {}, { after: cursorAfter([], {}, '01500') })).rejects.toMatchObject({ code: 'STALE_CURSOR' })
  })

  test('refuses wrong limits and cursors; limit 0 reads nothing', async () => {
    const source = new MemorySource([{ id: 'a' }], [])
    const spec: QuerySpec = { predicate: parseFilter({}), order: [], indexes: [] }
    for (const limit of [-1, 1.5, Number.NaN]) {
      await expect(collect(source, { ...spec, limit })).rejects.toMatchObject({ code: 'INVALID' })
    }
    await expect(collect(source, { ...spec, after: 'nonsense' })).rejects.toMatchObject({ code: 'INVALID' })
    expect(await collect(source, { ...spec, limit: 0 })).toEqual([])
    expect(source.read).toBe(0)
  })

  test('pages are never empty', async () => {
    const docs = Array.from({ length: 30 }, (_, i) => ({ id: `k${i}`, n: i }))
    const spec: QuerySpec = { predicate: parseFilter({ n: { $gt: 20 } }), order: [], indexes: [] }
    for await (const page of queryPages(new MemorySource(docs, []), spec)) expect(page.length).toBeGreaterThan(0)
  })
})

describe('planQuery', () => {
  const indexes: IndexInfo[] = [
    { no: 0, paths: ['a'] },
    { no: 1, paths: ['b'], multikey: [false] },
    { no: 2, paths: ['l.x'] },
    { no: 3, paths: ['l.0'] },
  ]
  const plan = (raw: unknown, by: unknown = {}): QueryPlan => planQuery(parseFilter(raw), parseSort(by), indexes)

  test.each<[unknown, unknown, number | null, boolean, string]>([
    [{ a: 1 }, {}, 0, true, 'equality on "a"'],
    [{ a: { $in: [1, 2] } }, {}, 0, false, 'equality on "a"'],
    [{ a: { $gt: 1 }, b: 1 }, {}, 1, true, 'equality on "b"'],
    [{ a: { $gt: 1, $lt: 5 } }, {}, 0, false, 'open range on "a"'],
    [{ b: { $gt: 1, $lt: 5 } }, { b: -1 }, 1, true, 'range on "b"'],
    [{ a: { $elemMatch: { $gt: 1, $lt: 5 } } }, {}, 0, false, 'range on "a"'],
    [{ l: { $elemMatch: { x: 1, y: 2 } } }, {}, 2, true, 'equality on "l.x"'],
    [{ a: /^abc/ }, {}, 0, false, 'range on "a"'],
    [{ a: null }, {}, 0, true, 'equality on "a"'],
    [{ 'l.0': null }, {}, null, true, 'every document, as stored'],
    [{ $or: [{ a: 1 }, { a: { $in: [2] } }] }, {}, 0, false, 'equality on "a"'],
    [{ $or: [{ a: 1 }, { b: 1 }] }, {}, null, true, 'every document, as stored'],
    [{ b: { $gt: 5 }, $and: [{ b: { $lt: 3 } }] }, {}, 1, true, 'nothing can match on "b"'],
    [{ a: { $ne: 1 } }, {}, null, true, 'every document, as stored'],
    [{ a: { $not: { $gt: 1 } } }, { a: 1 }, 0, true, 'order of "a", every document'],
    [{ a: { $exists: false } }, { c: 1 }, null, false, 'every document: no index has a path of the query'],
    [{ a: { $gt: 1 } }, { a: 1 }, 0, false, 'open range on "a"'],
    [{ id: 'x', a: 1 }, {}, null, true, 'the filter names ids'],
  ])('%j sorted by %j', (raw, by, index, sorted, reason) => {
    expect(plan(raw, by)).toMatchObject({ index, sorted, reason })
  })
})

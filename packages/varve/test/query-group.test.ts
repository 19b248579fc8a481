/** Groups and totals, against mingo's $group and by hand. */

import fc from 'fast-check'
import { Aggregator } from 'mingo'
import { describe, expect, test } from 'vitest'
import { isJsonArray, isJsonObject, toJson, type JsonObject, type JsonValue } from '../src/encoding/json.ts'
import { limits } from '../src/limits.ts'
import { canonicalText } from '../src/query/canonical.ts'
import { ExactSum } from '../src/query/exact-sum.ts'
import { fieldValue, Groups, parseGrouping, type Group } from '../src/query/group.ts'
import { coded, found, type Data } from './engine-world.ts'
import { attributes } from './query-generators.ts'

const every = { n: { count: true }, sum: { sum: 'b' }, avg: { avg: 'b' }, min: { min: 'b' }, max: { max: 'b' } }

function grouped(docs: readonly JsonObject[], by: readonly string[], totals: unknown = every): readonly Group[] {
  const groups = new Groups(parseGrouping(by, totals))
  for (const doc of docs) groups.add(doc)
  return groups.finish()
}

/** What mingo does otherwise than MongoDB, or cannot compare as Varve does. */
function isComparable(value: JsonValue | undefined, path: readonly string[]): boolean {
  const [name, ...rest] = path
  if (name === undefined) return value === undefined || isOrderless(value)
  if (isJsonObject(value)) return isComparable(value[name], rest)
  // mingo reads a number in a path as a position, and looks into arrays of arrays.
  return isJsonArray(value) ? value.every((each) => isJsonObject(each) && isComparable(each[name], rest)) : true
}

/** mingo orders arrays among other values, and strings beyond the basic plane, in its own way. */
function hasOneOrder(value: JsonValue | undefined): boolean {
  return !isJsonArray(value) && !(typeof value === 'string' && /[\ud800-\uffff]/.test(value))
}

/** Objects are equal to Varve whatever the order of their names, and sorted by sorted names. */
function isOrderless(value: JsonValue): boolean {
  if (isJsonArray(value)) return value.every(isOrderless)
  return !isJsonObject(value)
}

describe('group', () => {
  test('equals mingo', () => {
    let compared = 0
    fc.assert(
      fc.property(
        fc.array(attributes, { maxLength: 12 }),
        fc.constantFrom('a', 'b', 'a.b', 'c'),
        fc.constantFrom('b', 'c', 'a.b', 'a.c'),
        (docs, by, of) => {
          const usable = docs.filter((doc) => [by, of].every((path) => isComparable(doc, path.split('.'))))
          const ordered = usable.every((doc) => hasOneOrder(fieldValue(doc, of.split('.'))))
          const kinds = ordered ? ['sum', 'avg', 'min', 'max'] : ['sum', 'avg']
          const totals = { n: { count: true }, ...Object.fromEntries(kinds.map((kind) => [kind, { [kind]: of }])) }
          const ours = grouped(usable, [by], totals)
          const theirs = new Aggregator([
            {
              $group: {
                _id: `$${by}`,
                n: { $sum: 1 },
                ...Object.fromEntries(kinds.map((kind) => [kind, { [`$${kind}`]: `$${of}` }])),
              },
            },
          ]).run(usable.map((doc) => ({ ...doc })))
          const named = theirs.map(({ _id, ...rest }: Record<string, unknown>) =>
            toJson({ [by]: _id ?? null, ...rest }, ''),
          )
          const sorted = (groups: readonly JsonValue[]): unknown[] => groups.map(canonicalText).toSorted()
          expect(sorted([...ours])).toEqual(sorted(named))
          if (ordered) compared += usable.length
        },
      ),
      { numRuns: 10_000 },
    )
    expect(compared).toBeGreaterThan(10_000)
  })

  test('missing is null, arrays are one value, objects are equal in any order; ascending by value', () => {
    const docs = [
      { a: 'x' },
      { a: [1, 2] },
      {},
      { a: null },
      { a: [1, 2] },
      { a: { p: 1, q: 2 } },
      { a: { q: 2, p: 1 } },
    ]
    expect(grouped(docs, ['a'], { n: { count: true } })).toEqual([
      { a: null, n: 2 },
      { a: 'x', n: 1 },
      { a: { p: 1, q: 2 }, n: 2 },
      { a: [1, 2], n: 2 },
    ])
  })

  test('totals ignore what they cannot count', () => {
    expect(grouped([{ b: 1 }, { b: '5' }, { b: [7] }, { b: null }, {}, { b: true }], [])).toEqual([
      { n: 6, sum: 1, avg: 1, min: 1, max: true },
    ])
    expect(grouped([{ a: 1 }], [])).toEqual([{ n: 1, sum: 0, avg: null, min: null, max: null }])
    expect(grouped([], [])).toEqual([])
  })

  test('paths are those of expressions: arrays of what lies behind arrays, numbers as names', () => {
    const doc = { a: [{ b: 1 }, { b: [2] }, {}, 5, [{ b: 3 }]], o: { '0': 'name' }, l: ['position'] }
    expect(fieldValue(doc, ['a', 'b'])).toEqual([1, [2]])
    expect(fieldValue(doc, ['o', '0'])).toBe('name')
    expect(fieldValue(doc, ['l', '0'])).toEqual([])
    expect(fieldValue(doc, ['constructor'])).toBeUndefined()
    expect(fieldValue(doc, ['__proto__', 'x'])).toBeUndefined()
  })

  test('several paths, on a database, with filter and index', async () => {
    const { tenant } = await found()
    const orders = (await tenant.database('crm')).collection<Data>('orders', { indexes: [['state', 'city']] })
    await orders.createMany(
      Array.from({ length: 60 }, (_, i) => ({
        state: i % 3 === 0 ? 'paid' : 'open',
        city: `c${i % 2}`,
        cents: i / 10,
      })),
    )
    expect(
      await orders
        .find({ state: 'paid' })
        .group(['state', 'city'], { orders: { count: true }, cents: { sum: 'cents' } }),
    ).toEqual([
      { state: 'paid', city: 'c0', orders: 10, cents: 27 },
      { state: 'paid', city: 'c1', orders: 10, cents: 30 },
    ])
    expect(await orders.find().group([], { n: { count: true } })).toEqual([{ n: 60 }])
    await expect(orders.find().group(['a..b'], {})).rejects.toThrow(coded('INVALID', { path: 'by[0]' }))
  })

  test.each<[unknown, unknown, string]>([
    ['a', {}, 'by'],
    [[1], {}, 'by[0]'],
    [['a', 'a'], {}, 'by'],
    [['a'], [], 'totals'],
    [['a'], { a: { count: true } }, 'totals.a'],
    [[], { n: {} }, 'totals.n'],
    [[], { n: { count: 1 } }, 'totals.n.count'],
    [[], { n: { sum: 'a', avg: 'a' } }, 'totals.n'],
    [[], { n: { median: 'a' } }, 'totals.n.median'],
    [[], { n: { constructor: 'a' } }, 'totals.n.constructor'],
    [[], { n: { sum: 1 } }, 'totals.n.sum'],
    [[], JSON.parse('{"__proto__":{"count":true}}'), 'totals.__proto__'],
  ])('%j with %j is refused, naming %s', (by, totals, path) => {
    expect(() => parseGrouping(by, totals)).toThrow(coded('INVALID', { path }))
  })

  test('has a limit', () => {
    const groups = new Groups(parseGrouping(['a'], {}))
    for (let a = 0; a < limits.groups; a++) groups.add({ a })
    groups.add({ a: 0 })
    expect(() => groups.add({ a: -1 })).toThrow(coded('TOO_LARGE'))
  })

  test('holds no more text than it may, in least and greatest values either', () => {
    const groups = new Groups(parseGrouping(['a'], { last: { max: 'text' } }))
    const long = 'x'.repeat(limits.groupCharacters / 4)
    for (let a = 0; a < 3; a++) groups.add({ a, text: long })
    for (let i = 0; i < 9; i++) groups.add({ a: 0, text: `${long}${i}` })
    expect(() => groups.add({ a: 4, text: long })).toThrow(coded('TOO_LARGE'))
  })
})

describe('sums', () => {
  const sumOf = (values: readonly number[]): number => {
    const sum = new ExactSum()
    for (const value of values) sum.add(value)
    return sum.value()
  }

  test.each<[readonly number[], number]>([
    [[], 0],
    [[0.1, 0.2, 0.3, -0.3, -0.2, -0.1], 0],
    [[1e16, 1, -1e16], 1],
    [[1e100, 1, -1e100, 1e-100], 1],
    [Array.from({ length: 10 }, () => 0.1), 1],
    [[Number.MAX_SAFE_INTEGER, 1, 1, -2], Number.MAX_SAFE_INTEGER],
    [[2 ** 53, 1, 2 ** -60], 2 ** 53 + 2],
    [[5e-324, 5e-324], 1e-323],
    [[1.7e308, 1.7e308], Infinity],
    [[-1.7e308, -1.7e308, 1], -Infinity],
    [[1e308, 1e308, -1e308], 1e308],
    [[1e308, 1e308, -1e308, 0.5, -1e308, 5e-324], 0.5],
    [[1.5e308, -1.5e308, 1.5e308, 1.5e308], Infinity],
    [[Number.MAX_VALUE, 2 ** 970, -1], Number.MAX_VALUE],
    [[Number.MAX_VALUE, 2 ** 970], Infinity],
  ])('%j', (values, expected) => {
    expect(sumOf(values)).toBe(expected)
  })

  test('are the same in any order, and exact', () => {
    const numbers = fc.array(fc.oneof(fc.double({ min: -1e18, max: 1e18, noNaN: true }), fc.integer()), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(numbers, fc.infiniteStream(fc.nat()), (values, weights) => {
        const shuffled = values
          .map((value) => ({ value, weight: weights.next().value }))
          .toSorted((a, b) => a.weight - b.weight)
          .map(({ value }) => value)
        expect(sumOf(shuffled)).toBe(sumOf(values))
        const huge = values.map((value) => value * 1e290)
        expect(sumOf(huge.toReversed())).toBe(sumOf(huge))
        expect(sumOf([...huge, 1, ...huge.map((value) => -value)])).toBe(1)
        const cents = values.map((value) => Math.round(value % 1e6) / 1024)
        expect(sumOf(cents)).toBe(cents.reduce((sum, value) => sum + value * 1024, 0) / 1024)
      }),
      { numRuns: 5_000 },
    )
  })
})

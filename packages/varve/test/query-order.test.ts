/** Order: values, their keys as bytes, sorted documents, cursors; and projection. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareBytes, utf8 } from '../src/encoding/bytes.ts'
import type { JsonObject, JsonValue } from '../src/encoding/json.ts'
import { limits } from '../src/limits.ts'
import { compareText, compareValues } from '../src/query/compare.ts'
import { cursorAfter, decodeCursor, encodeCursor } from '../src/query/cursor.ts'
import { indexKeys } from '../src/query/index-keys.ts'
import { encodeOrderKey, orderKey } from '../src/query/order-key.ts'
import { select } from '../src/query/project.ts'
import { parseSort, positionOf, sortComparator } from '../src/query/sort.ts'
import { attributes, path, sort, value } from './query-generators.ts'

const wellFormed = fc.string({ unit: 'binary' })
const anything: fc.Arbitrary<JsonValue> = fc.oneof(
  value,
  wellFormed,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
  fc.array(wellFormed, { maxLength: 3 }),
  fc.string({ minLength: 200, maxLength: 300, unit: fc.constantFrom('a', 'b') }),
)

describe('compareValues', () => {
  test('orders types as MongoDB does', () => {
    const ascending: JsonValue[] = [null, -2, 0, 1.5, '', 'a', 'b', {}, { a: 1 }, [], [1], [1, 2], [2], false, true]
    expect(ascending.toReversed().toSorted(compareValues)).toEqual(ascending)
    expect(compareValues(undefined, null)).toBe(0)
  })

  test('is a total order', () => {
    fc.assert(
      fc.property(anything, anything, anything, (a, b, c) => {
        expect(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a))).toBe(0)
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) expect(compareValues(a, c)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 20_000 },
    )
  })

  test('orders strings as their UTF-8 bytes', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Math.sign(compareBytes(utf8(a), utf8(b))))
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('order keys', () => {
  test('compare as the values do, unless cut off', () => {
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        const [left, right] = [orderKey(a), orderKey(b)]
        const byKey = Math.sign(compareBytes(left.bytes, right.bytes))
        const byValue = Math.sign(compareValues(a, b))
        expect(left.bytes.length).toBeLessThanOrEqual(limits.indexKeyBytes)
        if (byKey !== 0 || !left.truncated || !right.truncated) expect(byKey).toBe(byValue)
      }),
      { numRuns: 40_000 },
    )
  })

  test('every document has a key; empty arrays come before null, missing is null', () => {
    const key = encodeOrderKey
    expect(indexKeys(['a'], {})).toEqual([key(null)])
    expect(indexKeys(['a'], { a: null })).toEqual([key(null)])
    expect(indexKeys(['a'], { a: [] })).toEqual([key(undefined)])
    expect(compareBytes(key(undefined), key(null))).toBeLessThan(0)
    expect(indexKeys(['a'], { a: [2, 1, 2] })).toEqual([key(1), key(2)])
    expect(indexKeys(['a'], { a: [[1, 2]] })).toEqual([key([1, 2])])
    expect(indexKeys(['a.b'], { a: [{ b: 1 }, 5] })).toEqual([key(null), key(1)])
    expect(indexKeys(['a.0'], { a: [7, 8] })).toEqual([key(7)])
    fc.assert(
      fc.property(path, attributes, (each, doc) => {
        expect(indexKeys([each], doc).length).toBeGreaterThan(0)
      }),
    )
  })
})

describe('sorting', () => {
  test('takes the least element upwards, the greatest downwards, and ends ties by ascending id', () => {
    const docs: JsonObject[] = [
      { id: '1', a: [1, 9] },
      { id: '2', a: 5 },
      { id: '4' },
      { id: '3', a: [] },
      { id: '0', a: 5 },
    ]
    const ids = (by: Readonly<Record<string, 1 | -1>>): unknown[] =>
      docs.toSorted(sortComparator(parseSort(by))).map((doc) => doc['id'])
    expect(ids({ a: 1 })).toEqual(['3', '4', '1', '0', '2'])
    expect(ids({ a: -1 })).toEqual(['1', '0', '2', '4', '3'])
    expect(ids({})).toEqual(['0', '1', '2', '3', '4'])
  })

  test.each([
    null,
    [],
    { a: 0 },
    { a: '1' },
    { 'a..b': 1 },
    Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, 1])),
  ])('refuses %j', (by) => {
    expect(() => parseSort(by)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })
})

describe('cursors', () => {
  test('come back as the position they were made from', () => {
    fc.assert(
      fc.property(sort, attributes, fc.string({ minLength: 1, unit: 'grapheme' }), (by, doc, id) => {
        const order = parseSort(by)
        const cursor = cursorAfter(order, doc, id)
        expect(cursor).toMatch(/^[\w-]+$/)
        expect(decodeCursor(order, cursor)).toEqual(positionOf(order, doc, id))
      }),
    )
  })

  test('of another sort are stale', () => {
    const cursor = encodeCursor(parseSort({ a: 1 }), { keys: [1], id: 'x' })
    for (const by of [{}, { a: -1 }, { b: 1 }, { a: 1, b: 1 }]) {
      expect(() => decodeCursor(parseSort(by), cursor)).toThrow(expect.objectContaining({ code: 'STALE_CURSOR' }))
    }
  })

  test('are invalid when any character is changed, lost or added', () => {
    const order = parseSort({ a: 1 })
    const cursor = encodeCursor(order, { keys: ['some value'], id: 'x' })
    const damaged = ['', 'A', '!', `${cursor}A`, `${cursor}=`, cursor.slice(1), cursor.slice(0, -1)]
    for (let i = 0; i < cursor.length; i++) {
      damaged.push(cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1))
    }
    for (const text of damaged) {
      expect(() => decodeCursor(order, text)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    }
  })
})

describe('select', () => {
  test('keeps paths, id and _system', () => {
    const doc = { id: 'x', _system: { ov: 0 }, a: { b: 1, c: 2 }, l: [{ b: 1, c: 2 }, 5, [{ b: 3 }]], 'p.q': 1, z: 1 }
    expect(select(['a.b', 'l.b', 'p\\.q', 'none.x'])(doc)).toEqual({
      id: 'x',
      _system: { ov: 0 },
      a: { b: 1 },
      l: [{ b: 1 }, [{ b: 3 }]],
      'p.q': 1,
    })
    expect(select([])(doc)).toEqual({ id: 'x', _system: { ov: 0 } })
    expect(select(['a', 'a.b'])(doc)).toEqual(select(['a.b', 'a'])(doc))
    expect(select(['a.b', 'a'])(doc)['a']).toEqual({ b: 1, c: 2 })
    expect(() => select(['a..b'])).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })
})

/** Filters: the corner cases of every operator, and the errors that name the place of a mistake. */

import { describe, expect, test } from 'vitest'
import { isVarveError } from '../src/errors.ts'
import type { JsonObject } from '../src/encoding/json.ts'
import { joinPath, splitPath } from '../src/encoding/path.ts'
import { parseFilter } from '../src/query/filter.ts'
import { matches } from '../src/query/matcher.ts'
import type { Filter } from '../src/query/types.ts'

function accepts(filter: Filter, doc: JsonObject): boolean {
  return matches(parseFilter(filter), doc)
}

describe('operators', () => {
  test.each<[Filter, JsonObject, boolean]>([
    [{}, {}, true],
    [{ a: 1 }, { a: 1 }, true],
    [{ a: 1 }, { a: [0, 1] }, true],
    [{ a: 1 }, { a: [[1]] }, false],
    [{ a: [1, 2] }, { a: [1, 2] }, true],
    [{ a: [1, 2] }, { a: [[1, 2]] }, true],
    [{ a: [1, 2] }, { a: [2, 1] }, false],
    [{ a: -0 }, { a: 0 }, true],
    [{ a: null }, {}, true],
    [{ a: null }, { a: null }, true],
    [{ a: null }, { a: [null] }, true],
    [{ a: null }, { a: [] }, false],
    [{ a: null }, { a: 0 }, false],
    [{ 'a.b': null }, { a: 5 }, true],
    [{ 'a.b': null }, { a: [] }, false],
    [{ 'a.b': null }, { a: [5] }, false],
    [{ 'a.b': null }, { a: [{ b: 1 }, {}] }, true],
    [{ a: { $eq: { x: 1, y: 2 } } }, { a: { x: 1, y: 2 } }, true],
    [{ a: { x: 1 } }, { a: { x: 1, y: 2 } }, false],
    [{ a: {} }, { a: {} }, true],
    [{ a: {} }, { a: { x: 1 } }, false],
    [{ a: { $ne: 1 } }, {}, true],
    [{ a: { $ne: 1 } }, { a: [1, 2] }, false],
    [{ a: { $ne: null } }, {}, false],
    [{ a: { $gt: 5, $lt: 3 } }, { a: [1, 9] }, true],
    [{ a: { $gt: 1 } }, { a: '2' }, false],
    [{ a: { $gte: null } }, {}, true],
    [{ a: { $gt: null } }, { a: null }, false],
    [{ a: { $lt: true } }, { a: false }, true],
    [{ a: { $gt: [1] } }, { a: [1, 0] }, true],
    [{ a: { $gt: { x: 1 } } }, { a: { x: 2 } }, true],
    [{ a: { $gt: '～' } }, { a: '😀' }, true],
    [{ a: { $in: [] } }, { a: 1 }, false],
    [{ a: { $nin: [] } }, { a: 1 }, true],
    [{ a: { $in: [null] } }, {}, true],
    [{ a: { $in: [1, /^x/] } }, { a: ['y', 'xy'] }, true],
    [{ a: { $in: [[1]] } }, { a: [1] }, true],
    [{ a: { $nin: [1, null] } }, {}, false],
    [{ a: { $exists: true } }, { a: null }, true],
    [{ a: { $exists: true } }, { a: [] }, true],
    [{ a: { $exists: false } }, {}, true],
    [{ 'a.b': { $exists: false } }, { a: [1] }, true],
    [{ a: /^x/i }, { a: 'Xy' }, true],
    [{ a: /^x/ }, { a: [1, 'x'] }, true],
    [{ a: { $regex: '^X', $options: 'i' } }, { a: 'xy' }, true],
    [{ a: { $regex: '1' } }, { a: 1 }, false],
    [{ a: { $all: [] } }, { a: [] }, false],
    [{ a: { $all: [1, 2] } }, { a: [2, 1, 3] }, true],
    [{ a: { $all: [1, 2] } }, { a: [1] }, false],
    [{ a: { $all: [1] } }, { a: 1 }, true],
    [{ a: { $all: [[1]] } }, { a: [1] }, true],
    [{ a: { $all: [/x/, 'y'] } }, { a: ['ax', 'y'] }, true],
    [{ a: { $all: [{ $elemMatch: { b: 1 } }, { $elemMatch: { b: 2 } }] } }, { a: [{ b: 1 }, { b: 2 }] }, true],
    [{ a: { $elemMatch: { $gt: 1, $lt: 3 } } }, { a: [0, 5] }, false],
    [{ a: { $elemMatch: { $gt: 1, $lt: 3 } } }, { a: [0, 2] }, true],
    [{ a: { $elemMatch: { $gt: 1 } } }, { a: 2 }, false],
    [{ a: { $elemMatch: { $gt: 1 } } }, { a: [[2]] }, false],
    [{ a: { $elemMatch: { b: 1, c: 2 } } }, { a: [{ b: 1 }, { c: 2 }] }, false],
    [{ a: { $elemMatch: { b: 1, c: 2 } } }, { a: [{ b: 1, c: 2 }] }, true],
    [{ a: { $elemMatch: { $or: [{ b: 1 }, { b: 2 }] } } }, { a: [{ b: 2 }] }, true],
    [{ a: { $elemMatch: { '0': 7 } } }, { a: [[7]] }, true],
    [{ a: { $elemMatch: {} } }, { a: [1] }, false],
    [{ a: { $size: 0 } }, { a: [] }, true],
    [{ a: { $size: 0 } }, {}, false],
    [{ a: { $size: 2 } }, { a: [[1, 2]] }, false],
    [{ $and: [{ a: 1 }, { b: 2 }] }, { a: 1, b: 2 }, true],
    [{ $or: [{ a: 1 }, { b: 2 }] }, { b: 2 }, true],
    [{ $nor: [{ a: 1 }, { b: 2 }] }, { b: 2 }, false],
    [{ $nor: [{ a: 1 }] }, {}, true],
    [{ a: { $not: { $gt: 5 } } }, {}, true],
    [{ a: { $not: { $gt: 5 } } }, { a: [1, 9] }, false],
    [{ a: { $not: { $gt: 1, $lt: 5 } } }, { a: 9 }, true],
    [{ a: { $not: /x/ } }, { a: 'y' }, true],
    [{ 'a.0': 1 }, { a: [1, 2] }, true],
    [{ 'a.0': 1 }, { a: { '0': 1 } }, true],
    [{ 'a.0': 1 }, { a: [{ '0': 1 }] }, true],
    [{ 'a.0': 1 }, { a: [[1]] }, false],
    [{ 'a.01': 2 }, { a: [1, 2] }, false],
    [{ 'a.0.b': 1 }, { a: [{ b: 1 }, { b: 2 }] }, true],
    [{ 'a.1.b': 1 }, { a: [{ b: 1 }, { b: 2 }] }, false],
    [{ 'a\\.b': 1 }, { 'a.b': 1 }, true],
    [{ constructor: { $exists: true } }, {}, false],
    [{ 'constructor.name': 'Object' }, {}, false],
    [{ 'a.prototype.b': 1 }, { a: { prototype: { b: 1 } } }, true],
    [JSON.parse('{"__proto__":{"$exists":true}}'), {}, false],
    [JSON.parse('{"__proto__.x":null}'), {}, true],
    [{ a: { constructor: 1 } }, { a: { constructor: 1 } }, true],
    [{ a: /(a+)+b/ }, { a: 'aab' }, true],
    [{ a: { $in: [/^(a|aa)+$/] } }, { a: 'b' }, false],
    [{ id: 'x', '_system.ov': { $gte: 1 } }, { id: 'x', _system: { ov: 1 } }, true],
  ])('%j on %j is %s', (filter, doc, expected) => {
    expect(accepts(filter, doc)).toBe(expected)
  })

  test('differs from MongoDB: the order of attributes plays no part in equality', () => {
    expect(accepts({ a: { $eq: { x: 1, y: 2 } } }, { a: { y: 2, x: 1 } })).toBe(true)
  })
})

function nested(levels: number): unknown {
  return levels === 0 ? { a: 1 } : { $and: [nested(levels - 1)] }
}

const cycle: Record<string, unknown> = {}
cycle['a'] = { $eq: cycle }

describe('errors', () => {
  test.each<[unknown, string]>([
    [null, 'filter'],
    [[], 'filter'],
    [new Map(), 'filter'],
    [{ $where: '1' }, 'filter.$where'],
    [{ $and: [] }, 'filter.$and'],
    [{ $or: {} }, 'filter.$or'],
    [{ $or: [1] }, 'filter.$or[0]'],
    [{ age: { $gtt: 1 } }, 'filter.age.$gtt'],
    [{ age: { $gt: undefined } }, 'filter.age.$gt'],
    [{ age: { $gt: Number.NaN } }, 'filter.age.$gt'],
    [{ age: { $gt: new Date(0) } }, 'filter.age.$gt'],
    [{ age: { $gt: 1n } }, 'filter.age.$gt'],
    [{ age: undefined }, 'filter.age'],
    [{ age: { $gt: 1, b: 2 } }, 'filter.age.b'],
    [{ age: { x: { $gt: 1 } } }, 'filter.age.x.$gt'],
    [{ age: { $eq: /x/ } }, 'filter.age.$eq'],
    [{ age: { $in: 1 } }, 'filter.age.$in'],
    [{ age: { $in: [{ $gt: 1 }] } }, 'filter.age.$in[0].$gt'],
    [{ age: { $exists: 'yes' } }, 'filter.age.$exists'],
    [{ age: { $size: -1 } }, 'filter.age.$size'],
    [{ age: { $size: 1.5 } }, 'filter.age.$size'],
    [{ age: { $all: 1 } }, 'filter.age.$all'],
    [{ age: { $all: [{ $elemMatch: {} }, 1] } }, 'filter.age.$all[1]'],
    [{ age: { $elemMatch: 1 } }, 'filter.age.$elemMatch'],
    [{ age: { $elemMatch: { b: { $no: 1 } } } }, 'filter.age.$elemMatch.b.$no'],
    [{ age: { $not: 1 } }, 'filter.age.$not'],
    [{ age: { $not: {} } }, 'filter.age.$not'],
    [{ age: { $options: 'i' } }, 'filter.age.$options'],
    [{ age: { $regex: '(' } }, 'filter.age.$regex'],
    [{ age: { $regex: 1 } }, 'filter.age.$regex'],
    [{ age: { $regex: 'x', $options: 'g' } }, 'filter.age.$regex'],
    [{ age: { $regex: 'x', $options: 'ii' } }, 'filter.age.$regex'],
    [{ age: { $regex: /x/i, $options: 'm' } }, 'filter.age.$regex'],
    [{ age: /x/g }, 'filter.age'],
    [{ age: /x(?=y)/ }, 'filter.age'],
    [{ age: { $in: ['x', /(x)\1/] } }, 'filter.age.$in[1]'],
    [{ age: { $not: { $regex: '(?<!x)y' } } }, 'filter.age.$not.$regex'],
    [{ age: { $regex: 'x'.repeat(5_000) } }, 'filter.age.$regex'],
    [{ 'a..b': 1 }, 'filter.a..b'],
    [{ '': 1 }, 'filter.'],
    [{ 'a.$gt': 1 }, 'filter.a.$gt'],
    [nested(40), `filter${'.$and[0]'.repeat(33)}`],
    [cycle, `filter.a.$eq${'.a'.repeat(1)}.$eq`],
    [{ a: { $in: Array.from({ length: 10_001 }, (_, i) => i) } }, 'filter.a.$in[9997]'],
    [JSON.parse('{"a":{"__proto__":1}}'), 'filter.a.__proto__'],
  ])('%# names its place', (filter, at) => {
    let caught: unknown
    try {
      parseFilter(filter)
    } catch (error) {
      caught = error
    }
    expect(isVarveError(caught, 'INVALID') ? caught.details?.['path'] : caught).toBe(at)
  })

  test('a regular expression with a position is used without it', () => {
    const predicate = parseFilter({ a: { $in: [/x/] } })
    expect([matches(predicate, { a: 'x' }), matches(predicate, { a: 'x' })]).toEqual([true, true])
  })
})

describe('filters a million levels deep or wide', () => {
  const deep = (wrap: (inner: unknown) => unknown, levels = 1_000_000): unknown => {
    let filter: unknown = { a: 1 }
    for (let i = 0; i < levels; i++) filter = wrap(filter)
    return filter
  }

  test.each<[string, unknown]>([
    ['$and', deep((inner) => ({ $and: [inner] }))],
    ['$nor and $or', deep((inner) => ({ $nor: [{ $or: [inner] }] }))],
    ['$not', { a: deep((inner) => ({ $not: inner })) }],
    ['$elemMatch', { a: deep((inner) => ({ $elemMatch: { b: inner } })) }],
    ['values', { a: deep((inner) => ({ b: inner })) }],
    ['arrays', { a: deep((inner) => [inner]) }],
    ['names', Object.fromEntries(Array.from({ length: 1_000_000 }, (_, i) => [`a${i}`, 1]))],
    ['$or of many', { $or: Array.from({ length: 1_000_000 }, () => ({ a: 1 })) }],
    ['$in of many', { a: { $in: Array.from({ length: 1_000_000 }, (_, i) => i) } }],
    ['a path of many', { [Array.from({ length: 1_000_000 }, () => 'a').join('.')]: 1 }],
    ['a value of many', { a: Array.from({ length: 1_000_000 }, () => 1) }],
  ])('%s', (_, filter) => {
    expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })

  test('as wide and deep as they may be they are matched', () => {
    const wide = parseFilter({ $or: Array.from({ length: 3_000 }, (_, i) => ({ a: i })) })
    expect(matches(wide, { a: 2_999 })).toBe(true)
    let filter: unknown = { a: 1 }
    for (let i = 0; i < 30; i++) filter = { $and: [filter] }
    expect(matches(parseFilter(filter), { a: 1 })).toBe(true)
  })
})

describe('paths', () => {
  test.each<[string, string[]]>([
    ['a', ['a']],
    ['a.b', ['a', 'b']],
    ['a\\.b.c', ['a.b', 'c']],
    ['a\\\\.b', ['a\\', 'b']],
    ['a\\b', ['a\\b']],
  ])('%s', (path, segments) => {
    expect(splitPath(path)).toEqual(segments)
    expect(splitPath(joinPath(segments))).toEqual(segments)
  })

  test.each(['', '.', 'a.', '.a', 'a..b', Array.from({ length: 65 }, () => 'a').join('.')])('%j is refused', (path) => {
    expect(() => splitPath(path)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })
})

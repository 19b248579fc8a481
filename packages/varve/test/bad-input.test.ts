/** Bad input through the public API: every value, name and file has a defined outcome, and nothing stored changes. */

import { describe, expect, test } from 'vitest'
import { createTenant, memory } from '../src/index.ts'
import { coded, contentsOf, failure, found, tickingEnv, untyped, type Data } from './engine-world.ts'

class Money {
  readonly amount = 1
}

const cyclic: Record<string, unknown> = { a: 1 }
cyclic['self'] = { inner: [cyclic] }
const cyclicArray: unknown[] = []
cyclicArray.push(cyclicArray, cyclicArray)
const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { v: value } : [value]
  return value
}
/** Small in memory, without end as JSON: every level holds the one below twice. */
const doubled = (levels: number): unknown => {
  let value: unknown = [1]
  for (let i = 0; i < levels; i++) value = [value, value]
  return value
}

const values: readonly (readonly [string, unknown, string])[] = [
  ['NaN', Number.NaN, 'INVALID'],
  ['Infinity', Number.POSITIVE_INFINITY, 'INVALID'],
  ['-Infinity', Number.NEGATIVE_INFINITY, 'INVALID'],
  ['a BigInt', 10n, 'INVALID'],
  ['a Date', new Date(0), 'INVALID'],
  ['undefined', undefined, 'INVALID'],
  ['a function', () => 1, 'INVALID'],
  ['a symbol', Symbol('x'), 'INVALID'],
  ['a symbol name', { [Symbol('x')]: 1 }, 'INVALID'],
  ['a Map', new Map([[1, 2]]), 'INVALID'],
  ['a Set', new Set([1]), 'INVALID'],
  ['a regular expression', /x/, 'INVALID'],
  ['an Error', new Error('x'), 'INVALID'],
  ['bytes', new Uint8Array(3), 'INVALID'],
  ['an instance of a class', new Money(), 'INVALID'],
  ['a boxed string', Object('x'), 'INVALID'],
  ['a promise', Promise.resolve(1), 'INVALID'],
  ['toJSON', { toJSON: () => 'x' }, 'INVALID'],
  // oxlint-disable-next-line no-sparse-arrays -- a hole in an array is the case
  ['a sparse array', [1, , 3], 'INVALID'],
  ['an array of undefined', [undefined], 'INVALID'],
  ['a lone surrogate', 'a\ud800b', 'INVALID'],
  ['a lone surrogate in a name', { 'a\udc00': 1 }, 'INVALID'],
  ['a name too long', { ['x'.repeat(2000)]: 1 }, 'TOO_LARGE'],
  ['a $ name', { $set: 1 }, 'RESERVED_NAME'],
  ['a $ name inside', { a: [{ $b: 1 }] }, 'RESERVED_NAME'],
  ['__proto__', JSON.parse('{"__proto__":{"polluted":1}}'), 'RESERVED_NAME'],
  ['too deep', nested(65), 'TOO_LARGE'],
  ['much too deep', nested(100_000), 'TOO_LARGE'],
  ['a cycle', cyclic, 'TOO_LARGE'],
  ['a cycle of arrays', cyclicArray, 'TOO_LARGE'],
  ['one object a million million times', doubled(40), 'TOO_LARGE'],
  ['a huge string', 'x'.repeat(9 * 1024 * 1024), 'TOO_LARGE'],
  ['a huge array', Array.from({ length: 9_000_000 }, () => 1), 'TOO_LARGE'],
]

describe('values', () => {
  test.each(values)('%s has a defined outcome wherever a value goes', async (_, value, code) => {
    const { tenant } = await found()
    const database = await tenant.database('crm')
    const docs = database.collection<Record<string, unknown>>('people')
    await docs.create({ id: 'x', list: [] })
    const before = [await database.stats(), await contentsOf(database)]
    const error = expect.objectContaining({ name: 'VarveError', code })
    expect(await failure(() => docs.create({ value }))).toEqual(error)
    expect(await failure(() => docs.createMany([{ fine: 1 }, { value }]))).toEqual(error)
    expect(await failure(() => docs.update('x', { value }))).toEqual(error)
    expect(await failure(() => docs.patch('x', { value }))).toEqual(error)
    expect(await failure(() => docs.patch('x', { $push: { list: value } }))).toEqual(error)
    expect(await failure(() => docs.patch('x', { $addToSet: { list: { $each: [value] } } }))).toEqual(error)
    if (value !== undefined) expect(await failure(() => docs.enrich('x', { value }))).toEqual(error)
    expect(await failure(() => database.transact((tx) => tx.collection('people').create({ value })))).toEqual(error)
    expect([await database.stats(), await contentsOf(database)]).toEqual(before)
    expect(await database.verify()).toMatchObject({ ok: true })
    expect(Object.prototype).not.toHaveProperty('polluted')
  })

  test('what JSON can carry is carried exactly', async () => {
    const { tenant } = await found()
    const docs = (await tenant.database('crm')).collection<Record<string, unknown>>('people')
    const plain: unknown = Object.assign(Object.create(null), { a: 1 })
    const getter = {
      get computed() {
        return 42
      },
    }
    const data = {
      constructor: 'c',
      prototype: { toString: 1, valueOf: null, hasOwnProperty: false },
      '': 'empty name',
      'dotted.name': 1,
      'back\\slash': 2,
      0: 'zero',
      inner: { _underscore: 1, id: 'inner' },
      text: '😀 \u0000 é e\u0301',
      numbers: [1e308, 5e-324, Number.MAX_SAFE_INTEGER, -1, 0.1, 2 ** 53, 1e21],
      deep: nested(63),
      plain,
      getter,
    }
    const { id } = await docs.create({ ...data, minus: -0 })
    const doc = await docs.get(id)
    expect(doc).toMatchObject(JSON.parse(JSON.stringify({ ...data, minus: 0 })))
    expect(Object.is(doc?.['minus'], 0)).toBe(true)
    await docs.patch(id, { 'inner.x': 1, 'dotted\\.name': 5, 'inner.y': 2 })
    expect(await docs.get(id)).toMatchObject({ 'dotted.name': 5, inner: { x: 1, _underscore: 1 } })
    const big = 'x'.repeat(8 * 1024 * 1024 - 1000)
    const { id: other } = await docs.create({ big })
    expect((await docs.get(other))?.['big']).toBe(big)
  })

  test('a getter that throws lets its own error through and writes nothing', async () => {
    const { tenant } = await found()
    const database = await tenant.database('crm')
    const mine = new Error('mine')
    const bad = {
      get x(): number {
        throw mine
      },
    }
    expect(await failure(() => database.collection('people').create(bad))).toBe(mine)
    expect((await database.stats()).commits).toBe(0)
  })

  test('documents that are no objects, and names at the top that Varve keeps', async () => {
    const { tenant } = await found()
    const database = await tenant.database('crm')
    const docs = database.collection<unknown>('people')
    for (const data of [null, undefined, 7, 'x', true, [], [{}], new Date(0), new Map(), () => 1])
      expect(await failure(() => docs.create(data))).toEqual(coded('INVALID'))
    for (const name of ['_system', '_x', '_id', '$x', '__proto__'])
      expect(await failure(() => docs.create(JSON.parse(`{"${name}":1}`)))).toEqual(coded('RESERVED_NAME'))
    for (const id of [7, null, {}, '', '\ud800'])
      expect(await failure(() => docs.create({ id }))).toEqual(coded('INVALID'))
    expect(await failure(() => docs.create({}, { id: 'x'.repeat(257) }))).toEqual(coded('TOO_LARGE'))
    expect(await failure(() => docs.create({ id: 'a' }, { id: 'b' }))).toEqual(coded('INVALID'))
    expect((await database.stats()).commits).toBe(0)
    await docs.create({ id: 'é'.repeat(128) })
    expect(await docs.get('é'.repeat(128))).not.toBeNull()
    expect(await failure(() => docs.get(''))).toEqual(coded('INVALID'))
    expect(await failure(() => docs.get(untyped(7)))).toEqual(coded('INVALID'))
  })

  test('patches that make no sense', async () => {
    const { tenant } = await found()
    const database = await tenant.database('crm')
    const docs = database.collection<Data>('people')
    await docs.create({ id: 'x', s: 'text', n: 1, list: [1], o: {} })
    const before = await database.stats()
    const bad: readonly (readonly [unknown, string])[] = [
      [null, 'INVALID'],
      [[], 'INVALID'],
      [{ $rename: { a: 'b' } }, 'INVALID'],
      [{ $set: { a: 1 }, b: 2 }, 'INVALID'],
      [{ $set: [1] }, 'INVALID'],
      [{ id: 'y' }, 'INVALID'],
      [{ $unset: { id: 1 } }, 'INVALID'],
      [{ _system: {} }, 'RESERVED_NAME'],
      [{ '_system.ov': 7 }, 'RESERVED_NAME'],
      [{ '__proto__.x': 7 }, 'RESERVED_NAME'],
      [{ 'o.__proto__.x': 7 }, 'RESERVED_NAME'],
      [{ 'o.$x': 7 }, 'RESERVED_NAME'],
      [{ '': 1 }, 'INVALID'],
      [{ 'a..b': 1 }, 'INVALID'],
      [{ [Array.from({ length: 100 }, () => 'a').join('.')]: 1 }, 'INVALID'],
      [{ 's.inner': 1 }, 'INVALID'],
      [{ $inc: { s: 1 } }, 'INVALID'],
      [{ $inc: { n: Number.NaN } }, 'INVALID'],
      [{ $inc: { n: '1' } }, 'INVALID'],
      [{ $push: { n: 1 } }, 'INVALID'],
      [{ $addToSet: { s: 1 } }, 'INVALID'],
      [{ $pull: { o: 1 } }, 'INVALID'],
      [{ $push: { list: { $each: 1 } } }, 'INVALID'],
    ]
    for (const [patch, code] of bad)
      expect([patch, await failure(() => docs.patch('x', untyped(patch)))]).toEqual([
        patch,
        expect.objectContaining({ name: 'VarveError', code }),
      ])
    expect(await database.stats()).toEqual(before)
  })

  test('names of everything', async () => {
    const { tenant } = await found()
    const database = await tenant.database('crm')
    for (const name of ['', '\u0000', 'a\nb', '\ud800', untyped(7), untyped(null)]) {
      expect(await failure(() => tenant.database(name))).toEqual(coded('INVALID'))
      expect(await failure(() => database.collection(name))).toEqual(coded('INVALID'))
      expect(await failure(() => tenant.keys.create(name))).toEqual(coded('INVALID'))
      expect(await failure(() => createTenant({ name, user: 'a', store: memory() }))).toEqual(coded('INVALID'))
      expect(await failure(() => createTenant({ name: 'a', user: name, store: memory() }))).toEqual(coded('INVALID'))
    }
    for (const name of ['_x', '$x'])
      expect(await failure(() => database.collection(name))).toEqual(coded('RESERVED_NAME'))
    expect(await failure(() => database.collection('x'.repeat(129)))).toEqual(coded('TOO_LARGE'))
    const docs = database.collection<Data>('people')
    expect(await failure(() => docs.create({}, { actor: '\ud800' }))).toEqual(coded('INVALID'))
    expect(await failure(() => docs.create({}, { reason: 'x'.repeat(1025) }))).toEqual(coded('TOO_LARGE'))
    expect(await failure(() => docs.create({}, { actor: untyped(7) }))).toEqual(coded('INVALID'))
    for (const index of ['', 'a..b', '_x', '$x'])
      expect(await failure(() => database.collection('i', { indexes: [index] }).create({}))).toMatchObject({
        name: 'VarveError',
      })
  })

  test('too many documents for one commit, and a call that was aborted before it began', async () => {
    const { tenant } = await found()
    const database = await tenant.database('crm')
    const docs = database.collection<Data>('people')
    const many = Array.from({ length: 10_001 }, () => ({}))
    expect(await failure(() => docs.createMany(many))).toEqual(coded('TOO_LARGE'))
    const controller = new AbortController()
    controller.abort(new Error('no'))
    const { signal } = controller
    for (const call of [
      () => docs.create({}, { signal }),
      () => docs.createMany([{}], { signal }),
      () => docs.upsert(['a'], { a: 1 }, { signal }),
      () => database.transact((tx) => tx.collection('people').create({}), { signal }),
    ])
      expect(await failure(call)).toMatchObject({ message: 'no' })
    expect((await database.stats()).commits).toBe(0)
  })
})

test('a clock that no stamp can carry', async () => {
  for (const now of [-1, Number.NaN, 0.5, 2 ** 50]) {
    const env = { ...tickingEnv(), now: () => now }
    expect(await failure(() => createTenant({ name: 'acme', user: 'ada', store: memory(), env }))).toMatchObject({
      name: 'VarveError',
    })
  }
})

/** Filters are typed by the documents: what cannot match does not compile. */

import { expect, test } from 'vitest'
import type { Filter, JsonObject, JsonValue } from '../src/index.ts'

interface Person {
  readonly name: string
  readonly age?: number
  readonly status: 'open' | 'closed'
  readonly tags: readonly string[]
  readonly any: JsonValue
}

const person = (filter: Filter<Person>): Filter<Person> => filter

test('filters over a known type', () => {
  const right: readonly Filter<Person>[] = [
    { name: 'Ada', age: 36, status: 'open', tags: 'x' },
    { name: /^A/, age: { $gt: 3, $lte: null }, status: { $in: ['open', 'closed', null] }, tags: ['x', 'y'] },
    { name: { $regex: '^A', $options: 'i', $not: /b/ }, tags: { $size: 2, $all: ['x'], $elemMatch: { $gt: 'a' } } },
    { age: { $exists: false }, 'address.city': 'Paris', 'tags.0': { $ne: 1 }, _system: { $exists: true } },
    { any: { $gt: 'x' } },
    { $or: [{ name: 'Ada' }, { anything: 1 }] },
  ]
  expect(right).toHaveLength(6)
  // @ts-expect-error a number is no name
  person({ name: 1 })
  // @ts-expect-error numbers have no pattern
  person({ age: /3/ })
  // @ts-expect-error nor here
  person({ age: { $regex: '3' } })
  // @ts-expect-error nor are they compared with strings
  person({ age: { $gt: '3' } })
  // @ts-expect-error no such status
  person({ status: 'opne' })
  // @ts-expect-error no such status either
  person({ status: { $in: ['open', 'opne'] } })
  // @ts-expect-error strings have no size
  person({ name: { $size: 1 } })
  // @ts-expect-error elements are strings
  person({ tags: 5 })
})

test('filters over documents of no known type take everything', () => {
  const free: Filter = { a: 1, b: { $gt: 'x' }, c: /x/ }
  const loose: Filter<JsonObject> = { a: 1, b: { $gt: 'x' }, c: /x/, d: { $size: 1 } }
  expect([free, loose]).toHaveLength(2)
})

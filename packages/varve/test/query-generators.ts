/** Generators of documents, filters and sorts for the tests of the query layer: few names and values, so that things meet. */

import fc from 'fast-check'
import { isObject, type JsonObject, type JsonValue } from '../src/encoding/json.ts'

const scalars: readonly JsonValue[] = [
  null,
  true,
  false,
  -1.5,
  0,
  1,
  2,
  3,
  '',
  'x',
  'xy',
  'ab',
  'é',
  '\uff5e',
  '\u{1f600}',
]

const scalar: fc.Arbitrary<JsonValue> = fc.constantFrom(...scalars)

const names = fc.constantFrom('a', 'b', 'c', '0', '1')

export const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 3, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: fc.dictionary(names, tie('value'), { maxKeys: 3, noNullPrototype: true }) },
  ),
})).value

/** Operands are shallower than documents, so that they often equal something. */
const operand: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.dictionary(names, scalar, { maxKeys: 2, noNullPrototype: true }) },
  { weight: 1, arbitrary: value },
)

/** Attributes of a document. */
export const attributes: fc.Arbitrary<JsonObject> = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, {
  minKeys: 1,
  maxKeys: 3,
  noNullPrototype: true,
})

export const path = fc.constantFrom(
  'a',
  'a',
  'a',
  'b',
  'b',
  'a.b',
  'a.b',
  'a.c',
  'b.a',
  'a.0',
  'a.1',
  'a.b.c',
  'a.0.b',
  'a.1.c',
  'a.b.0',
)

export type RawFilter = Readonly<Record<string, unknown>>

const pattern = fc.constantFrom('x', '^x', 'y$', '^$', 'B', '^ab')
const comparison = fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte')

function together(parts: readonly unknown[]): RawFilter {
  return Object.fromEntries(parts.flatMap((part) => (isObject(part) ? Object.entries(part) : [])))
}

interface Tied {
  filter: RawFilter
  operators: RawFilter
  operator: RawFilter
}

const tied = fc.letrec<Tied>((tie) => ({
  operator: fc.oneof(
    { depthSize: 'xsmall' },
    { weight: 8, arbitrary: fc.tuple(comparison, operand).map(([op, right]) => ({ [op]: right })) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('$in', '$nin'), fc.array(operand, { maxLength: 3 }))
        .map(([op, list]) => ({ [op]: list })),
    },
    { weight: 2, arbitrary: fc.boolean().map((exists) => ({ $exists: exists })) },
    {
      weight: 2,
      arbitrary: fc.tuple(pattern, fc.constantFrom('', 'i')).map(([$regex, $options]) => ({ $regex, $options })),
    },
    { weight: 2, arbitrary: fc.array(operand, { maxLength: 2 }).map(($all) => ({ $all })) },
    { weight: 2, arbitrary: fc.nat(3).map(($size) => ({ $size })) },
    { weight: 2, arbitrary: tie('operators').map(($not) => ({ $not })) },
    { weight: 2, arbitrary: tie('operators').map(($elemMatch) => ({ $elemMatch })) },
    { weight: 2, arbitrary: tie('filter').map(($elemMatch) => ({ $elemMatch })) },
  ),
  operators: fc.array(tie('operator'), { minLength: 1, maxLength: 2 }).map((parts) => together(parts)),
  filter: fc.oneof(
    { depthSize: 'xsmall' },
    { weight: 3, arbitrary: fc.tuple(path, operand).map(([name, right]) => ({ [name]: right })) },
    { weight: 9, arbitrary: fc.tuple(path, tie('operators')).map(([name, operators]) => ({ [name]: operators })) },
    {
      weight: 2,
      arbitrary: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((parts) => together(parts)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('filter'), { minLength: 1, maxLength: 2 }))
        .map(([op, parts]) => ({ [op]: parts })),
    },
  ),
}))

/** Filters as applications write them. */
export const filter: fc.Arbitrary<RawFilter> = tied.filter

/** Sorts over the same paths, possibly empty. */
export const sort = fc
  .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'a.b', 'a.0', 'id'), fc.constantFrom<1 | -1>(1, -1)), {
    maxLength: 2,
    selector: ([name]) => name,
  })
  .map((entries): Readonly<Record<string, 1 | -1>> => Object.fromEntries(entries))

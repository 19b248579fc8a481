/** Heads and conditions on them: few names and values, so that they meet, and the values that stores get wrong. */

import fc from 'fast-check'
import type { Bounds, JsonValue, Kinds, Place, Scalar, Where } from 'varve/engine'

const numbers = [
  0,
  -1,
  1,
  1.5,
  2,
  12,
  0.1 + 0.2,
  0.3,
  1e21,
  2 ** 53,
  2 ** 62,
  -(2 ** 63),
  5e-324,
  1.7976931348623157e308,
]
const texts = ['', '1', 'a', 'ab', 'é', 'null', '"', "a'b", '\\', 'a\0b', '\n', '\uff5e', '\u{1f600}', '[1]']
const scalars: readonly Scalar[] = [null, true, false, ...numbers, ...texts]
/** Names that mean something in a path, or that JSON has to escape. */
const names = ['a', 'b', '0', 'a.b', 'a"b', '$', '[0]', '"', "'", 'é', '\u{1f600}', '\n', '\\', '__proto__x']

const scalar = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...scalars) },
  {
    weight: 1,
    arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) },
)
const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b') }, fc.constantFrom(...names))

const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 3, arbitrary: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }) },
  ),
})).value

/** A head of three fields: a number, a text, and an object. */
export const arbitraryHead: fc.Arbitrary<readonly JsonValue[]> = fc.tuple(
  fc.nat(2),
  fc.constantFrom(...texts),
  fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true }),
)

const place: fc.Arbitrary<Place> = fc.oneof(
  { weight: 1, arbitrary: fc.nat(3).map((field) => ({ field, names: [] })) },
  { weight: 5, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((found) => ({ field: 2, names: found })) },
)

function bounds<T>(end: fc.Arbitrary<T>): fc.Arbitrary<Bounds<T> | null> {
  return fc.option(fc.record<Bounds<T>>({ least: fc.option(end), most: fc.option(end) }))
}

const kinds: fc.Arbitrary<Kinds> = fc.record({
  missing: fc.boolean(),
  null: fc.boolean(),
  boolean: fc.boolean(),
  object: fc.boolean(),
  number: bounds(fc.constantFrom(...numbers)),
  string: bounds(fc.constantFrom(...texts)),
})

const some = fc.array(scalar, { maxLength: 3 })

export const arbitraryWhere: fc.Arbitrary<Where> = fc.letrec<{ where: Where }>((tie) => ({
  where: fc.oneof<fc.Arbitrary<Where>[]>(
    { depthSize: 'xsmall', withCrossShrink: true },
    fc.record({ kind: fc.constant('among'), at: place, scalars: some }),
    fc.record({ kind: fc.constant('none'), at: place, scalars: some }),
    fc.record({ kind: fc.constant('kinds'), at: place, kinds }),
    fc.record({ kind: fc.constantFrom('and', 'or'), of: fc.array(tie('where'), { maxLength: 3 }) }),
  ),
})).where

/** Conditions on fields themselves, which stores decide exactly. */
export const arbitraryFieldWhere: fc.Arbitrary<Where> = fc.record({
  kind: fc.constantFrom('among', 'none'),
  at: fc.nat(3).map((field) => ({ field, names: [] })),
  scalars: some,
})

export const arbitraryPlaces: fc.Arbitrary<readonly Place[]> = fc.array(place, { maxLength: 3 })

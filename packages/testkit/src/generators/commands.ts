/** Random commands on one database, for comparing an engine with the model: few ids, names and values, so that things meet. */

import fc from 'fast-check'
import type { Json, JsonMap } from '../model/json.ts'

export type Command =
  | { readonly kind: 'create' | 'update'; readonly at: Target; readonly data: JsonMap; readonly words: Words }
  | {
      readonly kind: 'createMany'
      readonly collection: string
      readonly ids: readonly string[]
      readonly data: JsonMap
    }
  | { readonly kind: 'patch'; readonly at: Target; readonly change: Change; readonly words: Words }
  | {
      readonly kind: 'enrich'
      readonly at: Target
      readonly parts: readonly JsonMap[]
      readonly functionId: string | null
    }
  | { readonly kind: 'delete' | 'undelete'; readonly at: Target; readonly words: Words }
  | { readonly kind: 'restore'; readonly at: Target; readonly ov: number }
  | { readonly kind: 'restoreAll'; readonly collection: string; readonly cv: number; readonly dryRun: boolean }
  | { readonly kind: 'restoreAllAt'; readonly collection: string; readonly back: number }
  | { readonly kind: 'transact'; readonly steps: readonly Step[]; readonly fail: boolean }
  | { readonly kind: 'upsert'; readonly collection: string; readonly key: string; readonly data: JsonMap }
  | { readonly kind: 'together'; readonly writes: readonly { readonly at: Target; readonly by: number }[] }
  | { readonly kind: 'get'; readonly at: Target; readonly ov: number; readonly back: number }
  | { readonly kind: 'history'; readonly at: Target; readonly from: number }
  | { readonly kind: 'find'; readonly find: Find }
  | { readonly kind: 'asOf'; readonly collection: string; readonly back: number }
  | { readonly kind: 'changes' | 'reopen' }
  | { readonly kind: 'pass'; readonly ms: number }

export interface Target {
  readonly collection: string
  readonly id: string
}

export interface Words {
  readonly actor?: string
  readonly reason?: string
  /** Added to the version the document has; 0 expects the right one. */
  readonly expectedOff?: number
}

/** An update operator with one path, or plain paths. */
export type Change =
  | { readonly operator: '$set'; readonly paths: Readonly<Record<string, Json>> }
  | { readonly operator: '$unset' | '$pull'; readonly path: string; readonly value: Json }
  | { readonly operator: '$inc'; readonly path: string; readonly value: number }
  | { readonly operator: '$push' | '$addToSet'; readonly path: string; readonly values: readonly Json[] }

export interface Step {
  readonly kind: 'create' | 'patch' | 'delete' | 'undelete'
  readonly at: Target
  readonly value: Json
}

export interface Find {
  readonly collection: string
  readonly filter: JsonMap
  readonly sort: readonly [string, 1 | -1] | null
  readonly limit: number | null
}

const scalar: fc.Arbitrary<Json> = fc.constantFrom<Json[]>(null, true, false, 0, 1, 2, -1.5, '', 'x', 'y', 'é')
const names = fc.constantFrom('a', 'b', 'c')

/** Values of documents; `id` inside objects makes array elements meet in enrichments. */
export const jsonValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    {
      weight: 2,
      arbitrary: fc.dictionary(fc.constantFrom('a', 'b', 'id'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
    },
  ),
})).value

const attributes: fc.Arbitrary<JsonMap> = fc.dictionary(names, jsonValue, { maxKeys: 3, noNullPrototype: true })
const path = fc.constantFrom('a', 'a', 'b', 'c', 'a.b', 'a.b', 'b.a', 'a.0', 'b.1', 'a.b.0')
const collection = fc.constantFrom('notes', 'notes', 'tasks')
const id = fc.constantFrom('d0', 'd1', 'd2', 'd3')
const target: fc.Arbitrary<Target> = fc.record({ collection, id })

const words: fc.Arbitrary<Words> = fc.record(
  {
    actor: fc.constantFrom('eve', 'bob'),
    reason: fc.constantFrom('because', 'für Elise'),
    expectedOff: fc.constantFrom(0, 0, 0, 1, -1),
  },
  { requiredKeys: [] },
)

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    operator: fc.constant('$set' as const),
    paths: fc.dictionary(path, jsonValue, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
  }),
  fc.record({ operator: fc.constantFrom('$unset' as const, '$pull' as const), path, value: scalar }),
  fc.record({ operator: fc.constant('$inc' as const), path, value: fc.constantFrom(0, 1, -2.5) }),
  fc.record({
    operator: fc.constantFrom('$push' as const, '$addToSet' as const),
    path,
    values: fc.array(jsonValue, { minLength: 1, maxLength: 2 }),
  }),
)

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('create' as const, 'patch' as const, 'patch' as const, 'delete' as const, 'undelete' as const),
  at: target,
  value: scalar,
})

const filter: fc.Arbitrary<JsonMap> = fc.oneof(
  fc.constant({}),
  fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom<Json[]>(0, 1, 'x', 'y', true))
    .map(([name, value]) => ({ [name]: value })),
  fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('$gt', '$gte', '$lt', '$lte'), fc.constantFrom<Json[]>(0, 1, 'x'))
    .map(([name, operator, value]) => ({ [name]: { [operator]: value } })),
  fc.tuple(names, fc.boolean()).map(([name, exists]) => ({ [name]: { $exists: exists } })),
  fc.array(fc.constantFrom<Json[]>(1, 2, 'x', true), { minLength: 1, maxLength: 3 }).map(($in) => ({ a: { $in } })),
)

const find: fc.Arbitrary<Find> = fc.record({
  collection,
  filter,
  sort: fc.option(fc.tuple(fc.constantFrom('a', 'id'), fc.constantFrom<1 | -1>(1, -1))),
  limit: fc.option(fc.nat(4)),
})

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('create' as const), at: target, data: attributes, words }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('update' as const), at: target, data: attributes, words }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('patch' as const), at: target, change, words }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('enrich' as const),
      at: target,
      parts: fc.array(attributes, { minLength: 1, maxLength: 2 }),
      functionId: fc.option(fc.constantFrom('f1', 'f2')),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), at: target, words }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('undelete' as const), at: target, words }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('restore' as const), at: target, ov: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('restoreAll' as const), collection, cv: fc.nat(8), dryRun: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restoreAllAt' as const), collection, back: fc.nat(5000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('createMany' as const),
      collection,
      ids: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
      data: attributes,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('transact' as const),
      steps: fc.array(step, { minLength: 1, maxLength: 4 }),
      fail: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('upsert' as const),
      collection,
      key: fc.constantFrom('k1', 'k2'),
      data: attributes,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('together' as const),
      writes: fc.array(fc.record({ at: target, by: fc.integer({ min: 1, max: 3 }) }), { minLength: 2, maxLength: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('get' as const),
      at: target,
      ov: fc.integer({ min: -1, max: 5 }),
      back: fc.nat(5000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('history' as const), at: target, from: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('find' as const), find }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('asOf' as const), collection, back: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('changes' as const, 'reopen' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 1000, -500) }) },
)

/** Documents and filters for push-down: what JSON in SQLite reads differently from JavaScript, and real records. */

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { isJsonObject, toJson, type JsonObject, type JsonValue } from '../src/encoding/json.ts'
import type { RawFilter } from './query-generators.ts'

const numbers = [
  0,
  1,
  2,
  10,
  -3,
  0.1 + 0.2,
  0.3,
  1e21,
  123456789012345680000,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 62,
  1e-7,
  5e-324,
]
const texts = [
  '',
  '1',
  '10',
  '2',
  'null',
  'true',
  '[1]',
  'a',
  'ab',
  'A',
  'é',
  'e\u0301',
  '\uff5e',
  '\u{1f600}',
  'a\0b',
  '"',
  '\\',
  "'",
]
const scalars: readonly JsonValue[] = [null, true, false, ...numbers, ...texts]
const scalar = fc.constantFrom(...scalars)
/** `id` and `_system` inside documents are attributes like others. */
const name = fc.constantFrom('a', 'a', 'b', 'b', 'id', '_system', '0', '"', "a'b", 'é', '[', '\n', '\u{1f600}', 'x y')

const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'xsmall' },
    { weight: 6, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 3, arbitrary: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }) },
  ),
})).value

export const strangeDocument: fc.Arbitrary<JsonObject> = fc.dictionary(fc.constantFrom('a', 'b', 'é', '"'), value, {
  maxKeys: 3,
  noNullPrototype: true,
})

const path = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'a.a', 'a.b', 'b.a', 'a.0', 'a.a.b', 'id') },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('a', 'b', 'é', '"'), fc.array(name, { maxLength: 2 }))
      .map((all) => all.flat().join('.')),
  },
  { weight: 1, arbitrary: fc.constantFrom('_system.ov', '_system.deleted') },
)

function operatorsOver(operand: fc.Arbitrary<JsonValue>): fc.Arbitrary<RawFilter> {
  const one = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte'), operand)
        .map(([op, right]): RawFilter => ({ [op]: right })),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom('$in', '$nin', '$all'), fc.array(operand, { maxLength: 4 }))
        .map(([op, list]): RawFilter => ({ [op]: list })),
    },
    { weight: 1, arbitrary: fc.boolean().map((exists): RawFilter => ({ $exists: exists })) },
    { weight: 1, arbitrary: fc.nat(3).map((size): RawFilter => ({ $size: size })) },
    { weight: 1, arbitrary: fc.constantFrom('^a', '^lib', '^A', 'b$', '1').map(($regex): RawFilter => ({ $regex })) },
  )
  const two = fc.tuple(one, one).map(([a, b]): RawFilter => ({ ...a, ...b }))
  return fc.oneof(
    { weight: 6, arbitrary: one },
    { weight: 3, arbitrary: two },
    { weight: 1, arbitrary: one.map(($not): RawFilter => ({ $not })) },
    { weight: 1, arbitrary: one.map(($elemMatch): RawFilter => ({ $elemMatch })) },
  )
}

/** Filters whose every path has operators over what may stand there. */
function filtersOver(condition: fc.Arbitrary<RawFilter>): fc.Arbitrary<RawFilter> {
  const both = fc.tuple(condition, condition).map(([a, b]): RawFilter => ({ ...a, ...b }))
  const logic = fc
    .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(fc.oneof(condition, both), { minLength: 1, maxLength: 3 }))
    .map(([op, parts]): RawFilter => ({ [op]: parts }))
  return fc.oneof(
    { weight: 4, arbitrary: condition },
    { weight: 3, arbitrary: both },
    { weight: 2, arbitrary: logic },
    { weight: 1, arbitrary: fc.tuple(condition, logic).map(([a, b]): RawFilter => ({ ...a, ...b })) },
  )
}

export const strangeFilter = filtersOver(
  fc
    .tuple(path, operatorsOver(fc.oneof({ weight: 9, arbitrary: scalar }, { weight: 1, arbitrary: value })))
    .map(([at, operators]): RawFilter => ({ [at]: operators })),
)

/** Real package records, each with nested attributes and lists. */
export function packageRecords(): readonly JsonObject[] {
  const file = new URL('../../cli/data/debian-packages.jsonl.gz', import.meta.url)
  const lines = gunzipSync(readFileSync(file)).toString('utf8').split('\n')
  return lines.flatMap((line) => {
    const record = line === '' ? null : toJson(JSON.parse(line), 'record')
    return isJsonObject(record ?? undefined) ? [nested(record)] : []
  })
}

/** The records are flat: some attributes move one level down, and into a list of objects. */
function nested(record: JsonValue): JsonObject {
  if (!isJsonObject(record)) return {}
  const { size = null, sha256 = null, ...rest } = record
  return { ...rest, file: { size, sha256, parts: [{ no: 1, size }, { no: 2 }] } }
}

const packagePaths = ['name', 'section', 'priority', 'installedSize', 'homepage', 'depends', 'tags', 'file.size']
const deepPaths = ['file.parts.no', 'file.parts.size', 'file.parts.0.no', 'file', 'tags.0', 'version', 'absent']

/** Filters over real records, with operands that stand in them. */
export function packageFilter(records: readonly JsonObject[]): fc.Arbitrary<RawFilter> {
  const conditions = [...packagePaths, ...deepPaths].map((at) => {
    const found = records.flatMap((record) => valuesAt(record, at.split('.')))
    const operands = [...new Set([...found.slice(0, 300), null, '', 0, 1000, '1000'])]
    return operatorsOver(fc.constantFrom(...operands)).map((operators): RawFilter => ({ [at]: operators }))
  })
  return filtersOver(fc.oneof(...conditions))
}

function valuesAt(within: JsonValue | undefined, segments: readonly string[]): readonly JsonValue[] {
  if (Array.isArray(within)) return within.flatMap((each: JsonValue) => valuesAt(each, segments))
  const [first, ...rest] = segments
  if (first === undefined) return within === undefined ? [] : [within]
  return isJsonObject(within) ? valuesAt(within[first], rest) : []
}

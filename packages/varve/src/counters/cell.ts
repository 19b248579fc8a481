/** One cell: the figures of a rule in one collection and part of time, and its stored form. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import type { Rule } from './rule.ts'

/** Figures of the numbers at one path. */
export interface CellMeasure {
  count: number
  sum: number
  min: number | null
  max: number | null
  /** Numbers kept for the median, and how many zero bits their places must begin with to be kept. */
  kept: number
  level: number
}

/** Figures while they are being counted. */
export interface Cell {
  created: number
  updated: number
  deleted: number
  /** Distinct values of each path; 0 where a sketch has them. */
  readonly unique: number[]
  readonly measures: CellMeasure[]
  /** Of the cell over all time: the parts that are kept, ascending, for each unit of the rule. */
  readonly parts: number[][]
}

const version = 1

export function emptyCell({ unique, measures, buckets }: Rule): Cell {
  return {
    created: 0,
    updated: 0,
    deleted: 0,
    unique: unique.map(() => 0),
    measures: measures.map(() => ({ count: 0, sum: 0, min: null, max: null, kept: 0, level: 0 })),
    parts: buckets.map(() => []),
  }
}

export function encodeCell({ created, updated, deleted, unique, measures, parts }: Cell): Uint8Array {
  return encodeCbor([
    version,
    [created, updated, deleted],
    unique,
    measures.map(({ count, sum, min, max, kept, level }) => [count, sum, min, max, kept, level]),
    parts,
  ])
}

/** Throws `INVALID` for damaged bytes and `UNSUPPORTED_VERSION` for those of a newer Varve. */
export function decodeCell(bytes: Uint8Array): Cell {
  const what = 'A stored counter'
  const [format, counts, unique, measures, parts] = listOf(decodeCbor(bytes, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(format)}: update Varve`)
  const [created = 0, updated = 0, deleted = 0] = wholeNumbers(counts, what)
  return {
    created,
    updated,
    deleted,
    unique: wholeNumbers(unique, what),
    measures: listOf(measures, what).map((measure) => {
      const [count, sum, min, max, kept, level] = listOf(measure, what)
      return {
        count: wholeNumber(count, what),
        sum: numberOrNull(sum, what) ?? 0,
        min: numberOrNull(min, what),
        max: numberOrNull(max, what),
        kept: wholeNumber(kept, what),
        level: wholeNumber(level, what),
      }
    }),
    parts: listOf(parts, what).map((part) => wholeNumbers(part, what)),
  }
}

function wholeNumbers(value: unknown, what: string): number[] {
  return listOf(value, what).map((item) => wholeNumber(item, what))
}

function numberOrNull(value: unknown, what: string): number | null {
  if (value === null || typeof value === 'number') return value
  throw new VarveError('INVALID', `Decoding failed: ${what} should hold numbers`, { details: { what } })
}

/** Totals as flat lists of numbers, so that adding those of thousands of rows stays cheap. */

import type { JsonValue } from '../encoding/json.ts'
import type { ParsedColumn } from './definition.ts'
import type { ColumnTotals, TotalName, ViewTotals } from './types.ts'

/**
 * The number of documents, and for each totalled column: values that are not null, numbers, their sum, least and
 * greatest. Sums are added up anew from the parts that did not change, never subtracted, so errors do not pile up.
 */
export type Sums = readonly number[]

const fields = 5

/** Nothing yet. */
export function noSums(columns: number): number[] {
  const sums = [0]
  for (let i = 0; i < columns; i++) sums.push(0, 0, 0, Infinity, -Infinity)
  return sums
}

/** One document with these values of the totalled columns. */
export function sumsOf(values: readonly JsonValue[]): Sums {
  const sums = [1]
  for (const value of values) {
    if (typeof value === 'number') sums.push(1, 1, value, value, value)
    else sums.push(value === null ? 0 : 1, 0, 0, Infinity, -Infinity)
  }
  return sums
}

export function addSums(to: number[], part: Sums): void {
  to[0] = (to[0] ?? 0) + (part[0] ?? 0)
  for (let i = 1; i < part.length; i += fields) {
    to[i] = (to[i] ?? 0) + (part[i] ?? 0)
    to[i + 1] = (to[i + 1] ?? 0) + (part[i + 1] ?? 0)
    to[i + 2] = (to[i + 2] ?? 0) + (part[i + 2] ?? 0)
    to[i + 3] = Math.min(to[i + 3] ?? Infinity, part[i + 3] ?? Infinity)
    to[i + 4] = Math.max(to[i + 4] ?? -Infinity, part[i + 4] ?? -Infinity)
  }
}

/** The totals that the columns ask for, in the order of the columns. */
export function totalsOf(sums: Sums, columns: readonly ParsedColumn[]): ViewTotals {
  const totals: Record<string, ColumnTotals> = {}
  let at = 1
  for (const { name, totals: asked } of columns) {
    if (asked.length === 0) continue
    totals[name] = Object.fromEntries(asked.map((total) => [total, totalAt(sums, at, total)]))
    at += fields
  }
  return { documents: sums[0] ?? 0, columns: totals }
}

/** Null without numbers, and for a sum beyond what a number can be. */
function totalAt(sums: Sums, at: number, total: TotalName): number | null {
  const [values = 0, numbers = 0, sum = 0, least = 0, greatest = 0] = sums.slice(at, at + fields)
  if (total === 'count') return values
  if (numbers === 0) return total === 'sum' ? 0 : null
  if (total === 'min') return least
  if (total === 'max') return greatest
  const result = total === 'sum' ? sum : sum / numbers
  return Number.isFinite(result) ? result : null
}

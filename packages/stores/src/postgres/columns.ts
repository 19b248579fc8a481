/** Columns of rows, as one array for each or as single values, and how rows are found by their keys. */

import type { DocumentRow } from 'varve/engine'
import { byteStrings, numbers, texts, type Value } from './values.ts'

/** One place of every row of a table. */
export interface Column<R> {
  readonly name: string
  readonly type: 'bigint' | 'bytea' | 'text'
  /** Of all rows as one array, which a statement takes apart again; copies what it takes. */
  readonly all: (rows: readonly R[]) => Value
  /** Of one row by itself, in the same way. */
  readonly one: (row: R) => Value
}

export function whole<R>(name: string, cell: (row: R) => number | null): Column<R> {
  const one = (row: R): Value => {
    const value = cell(row)
    return value === null ? null : String(value)
  }
  return { name, type: 'bigint', all: (rows) => numbers(rows.map(cell)), one }
}

export function bytes<R>(name: string, cell: (row: R) => Uint8Array | null): Column<R> {
  const one = (row: R): Value => {
    const value = cell(row)
    return value === null ? null : Buffer.from(value)
  }
  return { name, type: 'bytea', all: (rows) => byteStrings(rows.map(cell)), one }
}

export function text<R>(name: string, cell: (row: R) => string | null): Column<R> {
  return { name, type: 'text', all: (rows) => texts(rows.map(cell)), one: cell }
}

/** The last row of each key: one statement cannot put a row twice. */
export function lastOf<R>(rows: readonly R[], keyOf: (row: R) => string): readonly R[] {
  if (rows.length < 2) return rows
  const last = new Map(rows.map((row) => [keyOf(row), row]))
  return last.size === rows.length ? rows : [...last.values()]
}

/** The rows in order, cut so that no part has a document twice. */
export function rounds(rows: readonly DocumentRow[]): readonly (readonly DocumentRow[])[] {
  if (rows.length === 0) return []
  const all: DocumentRow[][] = []
  let round: DocumentRow[] = []
  let seen = new Set<number>()
  for (const row of rows) {
    if (seen.has(row.no)) {
      all.push(round)
      round = []
      seen = new Set()
    }
    seen.add(row.no)
    round.push(row)
  }
  return [...all, round]
}

export function hexOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex')
}

/**
 * Rows of a table that have the keys `k`, as `f`. Written so that the index is asked for each key, whatever the server
 * believes of the size of a table that it has not looked at yet.
 */
export function foundBy(table: string, keys: readonly string[], taken: string): string {
  const same = keys.map((key) => `AND r.${key} = k.${key}`).join(' ')
  return `LATERAL (SELECT ${taken} FROM ${table} r WHERE r.store = $1::integer ${same} OFFSET 0) f`
}

/** Removes the rows that have the keys which `unnested` gives as `k`. */
export function deletion(table: string, unnested: string, keys: readonly string[]): string {
  const found = foundBy(table, keys, 'r.ctid')
  return `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT f.ctid FROM ${unnested}, ${found}))`
}

/** Filtered scans as SQL: so many documents per call, and those whose heads PostgreSQL cannot read are judged here. */

import {
  firstDocument,
  headFields,
  valueAt,
  VarveError,
  whereHolds,
  type DocumentPage,
  type DocumentRow,
  type DocumentValues,
  type FilteredPage,
  type FilteredScan,
  type JsonValue,
  type Place,
} from 'varve/engine'
import { numberAt, textOrNullAt } from './cells.ts'
import { documentOf } from './decode-rows.ts'
import { textOfCells } from './heads.ts'
import type { Row, Statement } from './pipeline.ts'
import { limitValue } from './values.ts'
import { Bindings, writtenSql, whereSql } from './where-sql.ts'

/** Documents that one call looks at: some milliseconds of work. */
const examined = 2048
/** Most whole documents, and characters of a head whose values come with those of others. */
const rowsAtOnce = 512
const largeHead = 65_536

/** Asks one statement. */
export type Ask = (statement: Statement) => Promise<readonly Row[]>

export async function scanWhere(ask: Ask, s: string, store: number, scan: FilteredScan): Promise<DocumentPage> {
  const limit = Math.min(scan.limit, rowsAtOnce)
  if (limit <= 0) return { rows: [], next: scan.after }
  const bind = bindingsOf(store, { ...scan, limit })
  const columns = ['d.tag', 'd.changed', 'd.state', 'd.state_bytes']
  const text = statementText(s, { ...scan, limit }, columns, bind)
  const rows = await ask({ text, values: bind.values })
  return pageOf({ ...scan, limit }, rows, documentOf, (_, document) => document)
}

export async function scanValues(
  ask: Ask,
  s: string,
  store: number,
  scan: FilteredScan,
  places: readonly Place[],
): Promise<FilteredPage<DocumentValues>> {
  if (scan.limit <= 0) return { rows: [], next: scan.after }
  const bind = bindingsOf(store, scan)
  // A list of its own for each place, empty where there is nothing.
  const cells = places.map((place) => `'[' || coalesce(${writtenSql(place, bind)}::text, '') || ']'`)
  const list = `'[' || ${cells.length === 0 ? `''` : cells.join(` || ',' || `)} || ']'`
  const values = `CASE WHEN length(d.state) <= ${largeHead} THEN ${list} END`
  const text = statementText(s, scan, [values, 'd.state_bytes'], bind)
  const rows = await ask({ text, values: bind.values })
  return pageOf(scan, rows, headInBytes, (row, head) => {
    const no = numberAt(row, 0)
    if (head.state !== null) {
      const fields = headFields(head.state)
      return { no, values: places.map((place) => valueAt(fields, place)) }
    }
    const json = textOrNullAt(row, 1)
    return { no, values: json === null ? null : listOf(parsed(json)).map((cell) => listOf(cell)[0]) }
  })
}

/** A head that is kept as bytes; null for the others, whose values come by themselves. */
function headInBytes(row: Row): Pick<DocumentRow, 'state'> {
  return { state: row[2] === null ? null : textOfCells([null, row[2] ?? null], 0) }
}

function bindingsOf(store: number, { collection, after, limit }: FilteredScan): Bindings {
  const from = Math.max(after + 1, firstDocument(collection))
  return new Bindings([String(store), String(from), String(firstDocument(collection + 1)), limitValue(limit)])
}

/** The documents that are found, and after them, unless there are as many as wanted, where the next call begins. */
function statementText(s: string, { where }: FilteredScan, columns: readonly string[], bind: Bindings): string {
  const range = 'd.store = $1::integer AND d.no >= $2::bigint AND d.no < $3::bigint'
  const looked = `SELECT d.no, d.tag, d.changed, d.state, d.state_bytes, d.state::jsonb AS head,
    d.state::json AS written FROM ${s}.documents d
    WHERE ${range} ORDER BY d.no LIMIT ${examined}`
  const condition = whereSql(where, bind)
  const kept = condition === 'true' ? 'd.state IS NOT NULL' : `d.state IS NOT NULL AND ${condition}`
  const empty = columns.map(() => 'NULL').join(', ')
  return `(SELECT d.no, ${columns.join(', ')} FROM (${looked}) d WHERE d.state_bytes IS NOT NULL OR (${kept})
    ORDER BY d.no LIMIT $4::bigint)
    UNION ALL (SELECT -1 - d.no, ${empty} FROM ${s}.documents d WHERE ${range} ORDER BY d.no OFFSET ${examined} LIMIT 1)`
}

/** A row with a number below zero says where there is more; the others are found, or kept as bytes and judged here. */
function pageOf<Head extends Pick<DocumentRow, 'state'>, Found extends { readonly no: number }>(
  { where, limit }: FilteredScan,
  rows: readonly Row[],
  headIn: (row: Row) => Head,
  make: (row: Row, head: Head) => Found,
): FilteredPage<Found> {
  const last = rows.at(-1)
  const end = last === undefined ? 0 : numberAt(last, 0)
  const looked = end < 0 ? rows.slice(0, -1) : rows
  const found: Found[] = []
  for (const row of looked) {
    const head = headIn(row)
    const isKept = row.at(-1) === null || head.state === null || whereHolds(where, headFields(head.state))
    if (isKept) found.push(make(row, head))
  }
  if (looked.length >= limit) return { rows: found, next: numberAt(looked.at(-1) ?? [], 0) }
  // It begins strictly after: at the number before the one that was read.
  return { rows: found, next: end < 0 ? -end - 2 : null }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new VarveError('TAMPERED', 'A stored head cannot be read: run verify, and rebuild the replica from its log', {
      cause,
    })
  }
}

function listOf(value: unknown): readonly JsonValue[] {
  if (!Array.isArray(value)) throw new VarveError('TAMPERED', 'Values of a stored head are not a list')
  const list: readonly JsonValue[] = value
  return list
}

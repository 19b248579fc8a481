/** Filtered scans as SQL: a stretch of numbers per call, so that no call takes long, whatever the condition leaves out. */

import {
  firstDocument,
  VarveError,
  type DocumentPage,
  type DocumentRow,
  type DocumentValues,
  type FilteredPage,
  type FilteredScan,
  type JsonValue,
  type Place,
} from 'varve/engine'
import { numberOrNullAt, textOrNullAt } from './cells.ts'
import type { Connection, Value } from './connection.ts'
import { limitValue } from './limit.ts'
import { packedSql, PackedRows } from './packed.ts'
import { stateOf } from './scan-index.ts'
import { Bindings, jsonSql, whereSql } from './where-sql.ts'

/** Document numbers that one call looks at: some milliseconds of work. */
const examined = 2048
/** Bytes of a head above which its values are not put together with those of others. */
const largeHead = 65_536

/** Most whole documents that one call gives. */
const rowsAtOnce = 512

const columns = `d.no AS n0, iif(typeof(d.changed) = 'text', '', d.changed) AS n1, d.tag AS p0, d.state AS p1`

/** The stretch of a call, whose rows the rest of a statement takes from. */
interface Stretch {
  readonly from: number
  readonly to: number
  readonly end: number
}

export function scanWhere(connection: Connection, scan: FilteredScan): DocumentPage {
  const stretch = stretchOf(scan)
  const bind = new Bindings()
  const limit = Math.min(scan.limit, rowsAtOnce)
  const sql = packedSql(`SELECT ${columns} ${selection({ ...scan, limit }, stretch, bind)}`, 2, 2)
  const packed = new PackedRows(connection.shape(sql), bind.values, 2, 2)
  const rows = packed.map((row): DocumentRow => {
    const no = row.number(0)
    return { no, tag: row.bytes(0), state: row.text(1, () => stateOf(connection, no)), changed: row.number(1) }
  })
  return pageOf(connection, { ...scan, limit }, stretch, rows)
}

/** All rows come as one JSON text: what a row costs in the driver is more than what its few values cost. */
export function scanValues(
  connection: Connection,
  scan: FilteredScan,
  places: readonly Place[],
): FilteredPage<DocumentValues> {
  const stretch = stretchOf(scan)
  const bind = new Bindings()
  const row = `SELECT ${rowSql(places, bind)} AS row ${selection(scan, stretch, bind)}`
  const found = connection.shape(`SELECT CAST(group_concat(row) AS BLOB) FROM (${row})`).first(bind.values)
  const text = found === undefined ? null : textOrNullAt(found, 0)
  return pageOf(connection, scan, stretch, text === null ? [] : valuesOf(text))
}

function stretchOf({ collection, after }: FilteredScan): Stretch {
  const from = Math.max(after + 1, firstDocument(collection))
  const end = firstDocument(collection + 1)
  return { from, to: Math.min(from + examined, end), end }
}

function selection({ where, limit }: FilteredScan, { from, to }: Stretch, bind: Bindings): string {
  const range = `d.no >= ${bind.add(from)} AND d.no < ${bind.add(to)} AND d.state IS NOT NULL`
  return `FROM documents d WHERE ${range} AND ${whereSql(where, bind)}
    ORDER BY d.no LIMIT ${bind.add(limitValue(limit))}`
}

/** `[no, [value], [], …]`: a list of its own for each place, empty where there is nothing; `[no, 0]` for a large head. */
function rowSql(places: readonly Place[], bind: Bindings): string {
  const large = `'[' || d.no || ',0]'`
  const cells: string[] = []
  for (const place of places) {
    const value = jsonSql(place, bind)
    if (value === null) return large
    cells.push(` || ',[' || coalesce(${value}, '') || ']'`)
  }
  return `iif(octet_length(d.state) > ${largeHead}, ${large}, '[' || d.no${cells.join('')} || ']')`
}

function valuesOf(text: string): DocumentValues[] {
  return listOf(parsed(`[${text}]`)).map((row) => {
    const [no, ...cells] = listOf(row)
    if (typeof no !== 'number') return damaged(null)
    return { no, values: cells[0] === 0 ? null : cells.map((cell) => listOf(cell)[0]) }
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    return damaged(cause)
  }
}

function listOf(value: unknown): readonly JsonValue[] {
  if (!Array.isArray(value)) return damaged(null)
  const list: readonly JsonValue[] = value
  return list
}

function damaged(cause: unknown): never {
  throw new VarveError('TAMPERED', 'A stored head cannot be read: run verify, and rebuild the replica from its log', {
    cause,
  })
}

function pageOf<Row extends { readonly no: number }>(
  connection: Connection,
  { after, limit }: FilteredScan,
  { to, end }: Stretch,
  rows: readonly Row[],
): FilteredPage<Row> {
  if (limit <= 0) return { rows: [], next: after }
  if (rows.length >= limit) return { rows, next: rows.at(-1)?.no ?? null }
  const values: readonly Value[] = [to, end]
  const further = connection.query('SELECT min(no) FROM documents WHERE no >= ? AND no < ?').first(values)
  const no = further === undefined ? null : numberOrNullAt(further, 0)
  return { rows, next: no === null ? null : no - 1 }
}

/** An index scan as SQL: one statement per shape of bounds, so that every page starts where the last ended. */

import { compare } from '#bytes'
import type { IndexHit, IndexScan } from 'varve/engine'
import { bytesColumns, nameValue, textOrNullAt } from './cells.ts'
import type { Connection, Value } from './connection.ts'
import { limitValue } from './limit.ts'
import { packedSql, PackedRows } from './packed.ts'

/** Rows that come at once. */
const rowsAtOnce = 512

const columns = `iif(typeof(i.document) = 'text', '', i.document) AS n0, i.key AS p0, i.id AS p1, d.state AS p2`

/** The rows of a scan, in its order. */
export function readIndex(connection: Connection, scan: IndexScan): IndexHit[] {
  const hits: IndexHit[] = []
  for (let { after } = scan; ;) {
    const limit = Math.min(limitValue(scan.limit) - hits.length, rowsAtOnce)
    const { sql, values } = statementOf({ ...scan, after, limit })
    const found = new PackedRows(connection.query(packedSql(sql, 1, 3)), values, 1, 3).map((row) =>
      hitOf(connection, row),
    )
    hits.push(...found)
    const last = found.at(-1)
    if (found.length < rowsAtOnce || last === undefined) return hits
    after = { key: last.key, id: last.id }
  }
}

function hitOf(connection: Connection, row: PackedRows): IndexHit {
  const document = row.number(0)
  return { key: row.bytes(0), id: row.text(1) ?? '', document, state: row.text(2, () => stateOf(connection, document)) }
}

/** The head of a document that is too large to come with others. */
export function stateOf(connection: Connection, document: number): string | null {
  const row = connection.query(`SELECT ${bytesColumns('state')} FROM documents WHERE no = ?`).first([document])
  return row === undefined ? null : textOrNullAt(row, 0)
}

/** Only one lower and one upper bound ever reach SQLite: given two, it would start at the wrong one. */
function statementOf({ index, range, reverse, after, limit }: IndexScan): {
  readonly sql: string
  readonly values: readonly Value[]
} {
  const where = ['i.idx = ?']
  const values: Value[] = [index]
  const { from, to } = range
  if (after !== null && !reverse && (from === null || compare(after.key, from) >= 0)) {
    where.push('(i.key, i.id) > (?, ?)')
    values.push(after.key, nameValue(after.id))
  } else if (from !== null) {
    where.push('i.key >= ?')
    values.push(from)
  }
  if (after !== null && reverse && (to === null || compare(after.key, to) < 0)) {
    where.push('(i.key, i.id) < (?, ?)')
    values.push(after.key, nameValue(after.id))
  } else if (to !== null) {
    where.push('i.key < ?')
    values.push(to)
  }
  const order = reverse ? 'i.key DESC, i.id DESC' : 'i.key, i.id'
  values.push(limit)
  return {
    sql: `SELECT ${columns} FROM index_rows i LEFT JOIN documents d ON d.no = i.document
      WHERE ${where.join(' AND ')} ORDER BY ${order} LIMIT ?`,
    values,
  }
}

/** Counts and sizes of a PostgreSQL store, read by going through its rows once. */

import type { StoreStats } from 'varve/engine'
import { numberAt } from './cells.ts'
import type { Row, Statement } from './pipeline.ts'

/** What stands before the text in heads that are kept as bytes. */
const marks = 'count(state_bytes)'

export function statsStatement(s: string, store: number): Statement {
  const count = (table: string): string => `(SELECT count(*) FROM ${s}.${table} WHERE store = $1::integer)`
  const counted = ['receipts', 'entries', 'snapshots', 'index_rows'].map(count).join(', ')
  const text = `SELECT c.*, d.*, ${counted} FROM
    (SELECT count(*), coalesce(sum(octet_length(header)), 0), coalesce(sum(octet_length(bodies)), 0) FROM ${s}.commits
      WHERE store = $1::integer) c,
    (SELECT count(*), coalesce(sum(octet_length(state)), 0) + coalesce(sum(octet_length(state_bytes)), 0) - ${marks}
      FROM ${s}.documents WHERE store = $1::integer) d`
  return { text, values: [String(store)] }
}

/** What a store takes up on disk cannot be told: its rows stand in the same files as those of others. */
export function statsOf(rows: readonly Row[]): StoreStats {
  const row = rows[0] ?? []
  return {
    commits: numberAt(row, 0),
    headerBytes: numberAt(row, 1),
    bodyBytes: numberAt(row, 2),
    documents: numberAt(row, 3),
    stateBytes: numberAt(row, 4),
    receipts: numberAt(row, 5),
    entries: numberAt(row, 6),
    snapshots: numberAt(row, 7),
    indexRows: numberAt(row, 8),
    diskBytes: null,
  }
}

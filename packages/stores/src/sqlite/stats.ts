/** Counts and sizes of a SQLite store, read by going through its tables once. */

import type { StoreStats } from 'varve/engine'
import { numberAt } from './cells.ts'
import type { Connection } from './connection.ts'

export function readStats(connection: Connection): Omit<StoreStats, 'diskBytes'> {
  const one = (sql: string): number => numberAt(connection.query(sql).first([]) ?? [], 0)
  const count = (table: string): number => one(`SELECT count(*) FROM ${table}`)
  return {
    commits: count('commits'),
    receipts: count('receipts'),
    documents: count('documents'),
    entries: count('entries'),
    snapshots: count('snapshots'),
    indexRows: count('index_rows'),
    headerBytes: one('SELECT coalesce(sum(length(header)), 0) FROM payloads'),
    bodyBytes: one('SELECT coalesce(sum(length(bodies)), 0) FROM payloads'),
    stateBytes: one('SELECT coalesce(sum(octet_length(state)), 0) FROM documents'),
  }
}

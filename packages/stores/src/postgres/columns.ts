/** Rows of a batch as columns: an array for each, which one statement takes apart again. */

import type { CommitRow, DocumentRow, EntryRow, FeedRow, ReceiptRow, SnapshotRow } from 'varve/engine'
import { idOf, keptText } from './heads.ts'
import { byteStrings, numbers, texts, type Value } from './values.ts'

/** The same place of every row. */
export interface Column {
  readonly name: string
  readonly type: 'bigint' | 'bytea' | 'text'
  /** All rows as one array; copies what it takes. */
  readonly array: () => Value
  /** The first row by itself, in the same way. */
  readonly first: () => Value
}

export interface Columns {
  readonly list: string
  readonly arrays: readonly Column[]
}

export function whole(name: string, values: readonly (number | null)[]): Column {
  const first = (): Value => {
    const [value = null] = values
    return value === null ? null : String(value)
  }
  return { name, type: 'bigint', array: () => numbers(values), first }
}

export function bytes(name: string, values: readonly (Uint8Array | null)[]): Column {
  const first = (): Value => {
    const [value = null] = values
    return value === null ? null : Buffer.from(value)
  }
  return { name, type: 'bytea', array: () => byteStrings(values), first }
}

function text(name: string, values: readonly (string | null)[]): Column {
  return { name, type: 'text', array: () => texts(values), first: () => values[0] ?? null }
}

export function feedColumns(rows: readonly FeedRow[]): Columns {
  const arrays = [
    whole(
      'no',
      rows.map((row) => row.no),
    ),
    bytes(
      'id',
      rows.map((row) => row.id),
    ),
    bytes(
      'public_key',
      rows.map((row) => row.publicKey),
    ),
    whole(
      'length',
      rows.map((row) => row.length),
    ),
    bytes(
      'head',
      rows.map((row) => row.head),
    ),
    whole(
      'listed',
      rows.map((row) => row.listed),
    ),
    whole(
      'recorded',
      rows.map((row) => row.recorded),
    ),
  ]
  return { list: 'feeds', arrays }
}

export function commitColumns(rows: readonly CommitRow[]): Columns {
  const arrays = [
    whole(
      'no',
      rows.map((row) => row.no),
    ),
    whole(
      'feed',
      rows.map((row) => row.feed),
    ),
    whole(
      'seq',
      rows.map((row) => row.seq),
    ),
    whole(
      'record',
      rows.map((row) => row.record),
    ),
    whole(
      'at',
      rows.map((row) => row.at),
    ),
    whole(
      'size',
      rows.map((row) => row.bodies.length),
    ),
    text(
      'stamp',
      rows.map((row) => row.stamp),
    ),
    bytes(
      'id',
      rows.map((row) => row.id),
    ),
    text(
      'refused',
      rows.map((row) => row.refused),
    ),
    bytes(
      'signature',
      rows.map((row) => row.signature),
    ),
    bytes(
      'header',
      rows.map((row) => row.header),
    ),
    bytes(
      'bodies',
      rows.map((row) => row.bodies),
    ),
  ]
  return { list: 'commits', arrays }
}

export function receiptColumns(rows: readonly ReceiptRow[]): Columns {
  const arrays = [
    whole(
      'record',
      rows.map((row) => row.record),
    ),
    whole(
      'commit_no',
      rows.map((row) => row.commit),
    ),
    whole(
      'at',
      rows.map((row) => row.at),
    ),
    bytes(
      'bytes',
      rows.map((row) => row.bytes),
    ),
    bytes(
      'signature',
      rows.map((row) => row.signature),
    ),
  ]
  return { list: 'receipts', arrays }
}

export function documentColumns(rows: readonly DocumentRow[]): Columns {
  const states = rows.map((row) => keptText(row.state))
  const ids = rows.map((row) => idOf(row.state))
  const arrays = [
    whole(
      'no',
      rows.map((row) => row.no),
    ),
    whole(
      'changed',
      rows.map((row) => row.changed),
    ),
    bytes(
      'tag',
      rows.map((row) => row.tag),
    ),
    bytes(
      'id',
      ids.map((id) => (id === null ? null : Buffer.from(id, 'utf8'))),
    ),
    text(
      'state',
      states.map((state) => state.text),
    ),
    bytes(
      'state_bytes',
      states.map((state) => state.bytes),
    ),
  ]
  return { list: 'documents', arrays }
}

export function entryColumns(rows: readonly EntryRow[]): Columns {
  const arrays = [
    whole(
      'document',
      rows.map((row) => row.document),
    ),
    whole(
      'place',
      rows.map((row) => row.place),
    ),
    whole(
      'idx',
      rows.map((row) => row.index),
    ),
    whole(
      'commit_no',
      rows.map((row) => row.commit),
    ),
    whole(
      'ov',
      rows.map((row) => row.ov),
    ),
    whole(
      'cv',
      rows.map((row) => row.cv),
    ),
  ]
  return { list: 'entries', arrays }
}

export function snapshotColumns(rows: readonly SnapshotRow[]): Columns {
  const states = rows.map((row) => keptText(row.state))
  const arrays = [
    whole(
      'document',
      rows.map((row) => row.document),
    ),
    whole(
      'place',
      rows.map((row) => row.place),
    ),
    text(
      'state',
      states.map((state) => state.text),
    ),
    bytes(
      'state_bytes',
      states.map((state) => state.bytes),
    ),
  ]
  return { list: 'snapshots', arrays }
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

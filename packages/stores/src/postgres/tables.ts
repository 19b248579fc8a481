/** The tables that batches put rows into. What is made of their names is made once: a small write would notice it. */

import type {
  CommitRow,
  DependencyRow,
  DocumentRow,
  EntryRow,
  FeedRow,
  IndexRow,
  LockedRow,
  ReceiptRow,
  SnapshotRow,
  TouchRow,
} from 'varve/engine'
import { bytes, text, whole, type Column } from './columns.ts'
import { idOf, keptText, type KeptText } from './heads.ts'
import { nameValue } from './values.ts'

/** What statements say of a table. */
export interface TableShape {
  readonly list: string
  readonly columns: readonly Pick<Column<unknown>, 'name' | 'type'>[]
  /** What happens when the key of a row is there; empty where it cannot be. */
  readonly onConflict: string
}

export interface Table<R> extends TableShape {
  readonly columns: readonly Column<R>[]
}

/** None of its rows may be there before. */
export function insertTable<R>(list: string, columns: readonly Column<R>[]): Table<R> {
  return { list, columns, onConflict: '' }
}

/** Its rows replace those with the same key: the first columns, so many. */
export function putTable<R>(list: string, keys: number, columns: readonly Column<R>[]): Table<R> {
  const names = columns.map(({ name }) => name)
  const change = names.slice(keys).map((name) => `${name} = excluded.${name}`)
  const then = change.length === 0 ? 'NOTHING' : `UPDATE SET ${change.join(', ')}`
  return { list, columns, onConflict: `ON CONFLICT (store, ${names.slice(0, keys).join(', ')}) DO ${then}` }
}

/** A row with its head as it is kept. */
export interface Kept<R> {
  readonly row: R
  readonly kept: KeptText
}

export function keptOf<R extends { readonly state: string | null }>(row: R): Kept<R> {
  return { row, kept: keptText(row.state) }
}

function nameOf(state: string | null): Uint8Array | null {
  const id = idOf(state)
  return id === null ? null : Buffer.from(id, 'utf8')
}

export const namedValues = putTable<readonly [name: string, value: Uint8Array | null]>('named_values', 1, [
  bytes('name', ([name]) => nameValue(name)),
  bytes('value', ([, value]) => value),
])

export const feeds = putTable<FeedRow>('feeds', 1, [
  whole('no', (row) => row.no),
  bytes('id', (row) => row.id),
  bytes('public_key', (row) => row.publicKey),
  whole('length', (row) => row.length),
  bytes('head', (row) => row.head),
  whole('listed', (row) => row.listed),
  whole('recorded', (row) => row.recorded),
])

export const commits = insertTable<CommitRow>('commits', [
  whole('no', (row) => row.no),
  whole('feed', (row) => row.feed),
  whole('seq', (row) => row.seq),
  whole('record', (row) => row.record),
  whole('at', (row) => row.at),
  whole('size', (row) => row.bodies.length),
  text('stamp', (row) => row.stamp),
  bytes('id', (row) => row.id),
  text('refused', (row) => row.refused),
  bytes('signature', (row) => row.signature),
  bytes('header', (row) => row.header),
  bytes('bodies', (row) => row.bodies),
])

export const receipts = insertTable<ReceiptRow>('receipts', [
  whole('record', (row) => row.record),
  whole('commit_no', (row) => row.commit),
  whole('at', (row) => row.at),
  bytes('bytes', (row) => row.bytes),
  bytes('signature', (row) => row.signature),
])

export const documents = putTable<Kept<DocumentRow>>('documents', 1, [
  whole('no', ({ row }) => row.no),
  whole('changed', ({ row }) => row.changed),
  bytes('tag', ({ row }) => row.tag),
  bytes('id', ({ row }) => nameOf(row.state)),
  text('state', ({ kept }) => kept.text),
  bytes('state_bytes', ({ kept }) => kept.bytes),
])

export const entries = putTable<EntryRow>('entries', 3, [
  whole('document', (row) => row.document),
  whole('place', (row) => row.place),
  whole('idx', (row) => row.index),
  whole('commit_no', (row) => row.commit),
  whole('ov', (row) => row.ov),
  whole('cv', (row) => row.cv),
])

export const snapshots = putTable<Kept<SnapshotRow>>('snapshots', 2, [
  whole('document', ({ row }) => row.document),
  whole('place', ({ row }) => row.place),
  text('state', ({ kept }) => kept.text),
  bytes('state_bytes', ({ kept }) => kept.bytes),
])

export const indexRows = putTable<IndexRow>('index_rows', 3, [
  whole('idx', (row) => row.index),
  bytes('key', (row) => row.key),
  bytes('id', (row) => nameValue(row.id)),
  whole('document', (row) => row.document),
])

export const dependencies = putTable<DependencyRow>('dependencies', 3, [
  whole('feed', (row) => row.feed),
  whole('on_feed', (row) => row.on),
  whole('seq', (row) => row.seq),
  whole('seen', (row) => row.seen),
])

export const touches = putTable<TouchRow>('touches', 1, [
  whole('position', (row) => row.position),
  whole('document', (row) => row.document),
])

export const locked = putTable<LockedRow>('locked', 2, [
  bytes('key', (row) => nameValue(row.key)),
  whole('document', (row) => row.document),
])

/** The logical tables of one store in memory, and how a batch changes them: checked as a whole, then applied. */

import { compareBytes, emptyBytes, equalBytes, toHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
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
} from './rows.ts'
import { compareIndexKeys, type IndexKey } from './scan.ts'
import { InvertedIndex } from '../search/inverted.ts'
import type { Batch } from './store.ts'
import { Table } from './table.ts'

type No = Pick<CommitRow, 'no'>
type Sequence = Pick<CommitRow, 'feed' | 'seq'>
type EntryKey = Pick<EntryRow, 'document' | 'place' | 'index'>
type SnapshotKey = Pick<SnapshotRow, 'document' | 'place'>
type DependencyKey = Pick<DependencyRow, 'feed' | 'on' | 'seq'>
type NameKey = { readonly name: Uint8Array }
type LockedKey = { readonly key: Uint8Array; readonly document: number }

/** A commit with how many bytes its bodies had when they were written. */
type StoredCommit = CommitRow & { readonly size: number }

const byNo = (a: No, b: No): number => a.no - b.no

export class Tables {
  readonly values = new Table<NameKey, NameKey & { readonly value: Uint8Array }>((a, b) => compareBytes(a.name, b.name))
  readonly feeds = new Table<Pick<FeedRow, 'no'>, FeedRow>(byNo)
  readonly commits = new Table<No, StoredCommit>(byNo)
  readonly sequences = new Table<Sequence, Sequence & No>((a, b) => a.feed - b.feed || a.seq - b.seq)
  readonly receipts = new Table<Pick<ReceiptRow, 'record'>, ReceiptRow>((a, b) => a.record - b.record)
  readonly documents = new Table<Pick<DocumentRow, 'no'>, DocumentRow>(byNo)
  /** Document number by tag in hex. */
  readonly #tags = new Map<string, number>()
  readonly entries = new Table<EntryKey, EntryRow>(
    (a, b) => a.document - b.document || a.place - b.place || a.index - b.index,
  )
  readonly snapshots = new Table<SnapshotKey, SnapshotRow>((a, b) => a.document - b.document || a.place - b.place)
  readonly indexRows = new Table<IndexKey, IndexKey & Pick<IndexRow, 'document'>>(compareIndexKeys)
  /** By the number of the search index. */
  readonly searches = new Map<number, InvertedIndex>()
  readonly dependencies = new Table<DependencyKey, DependencyRow>(
    (a, b) => a.feed - b.feed || a.on - b.on || a.seq - b.seq,
  )
  readonly touches = new Table<Pick<TouchRow, 'position'>, TouchRow>((a, b) => a.position - b.position)
  readonly locked = new Table<LockedKey, LockedKey>((a, b) => compareBytes(a.key, b.key) || a.document - b.document)

  tagged(tag: Uint8Array): number | undefined {
    return this.#tags.get(toHex(tag))
  }

  /** Throws `CONFLICT` or `STORE_FAILED` when the batch cannot be applied; changes nothing. */
  check(batch: Batch): void {
    for (const [name, expected] of batch.expect ?? []) {
      const found = this.values.get({ name: utf8(name) })?.value ?? null
      const same = found === null || expected === null ? found === expected : equalBytes(found, expected)
      if (!same) {
        throw new VarveError('CONFLICT', `The stored value "${name}" is not the expected one: read it and try again`, {
          details: { name },
        })
      }
    }
    checkTexts(batch)
    const seen = new Set<string>()
    for (const { no, feed, seq } of batch.commits ?? []) {
      const taken = this.commits.get({ no }) !== undefined || this.sequences.get({ feed, seq }) !== undefined
      if (taken || seen.has(`no ${no}`) || seen.has(`${feed} ${seq}`))
        repeated(`commit ${no} (feed ${feed}, sequence ${seq})`)
      seen.add(`no ${no}`).add(`${feed} ${seq}`)
    }
    for (const { record } of batch.receipts ?? []) {
      if (this.receipts.get({ record }) !== undefined || seen.has(`record ${record}`)) repeated(`receipt ${record}`)
      seen.add(`record ${record}`)
    }
    this.#checkTags(batch.documents ?? [])
  }

  /** Goes through the documents as they will be applied: a tag given up by one row is free for the next. */
  #checkTags(documents: readonly DocumentRow[]): void {
    const owners = new Map<string, number | null>()
    const tags = new Map<number, string>()
    for (const { no, tag } of documents) {
      const hex = toHex(tag)
      const owner = owners.has(hex) ? owners.get(hex) : this.#tags.get(hex)
      if (owner !== undefined && owner !== null && owner !== no)
        repeated(`document tag ${hex} (documents ${owner}, ${no})`)
      const stored = this.documents.get({ no })
      const before = tags.get(no) ?? (stored === undefined ? undefined : toHex(stored.tag))
      if (before !== undefined) owners.set(before, null)
      owners.set(hex, no)
      tags.set(no, hex)
    }
  }

  /** Applies a batch that `check` accepted, in the order of the contract's fields. */
  apply(batch: Batch): void {
    for (const [name, value] of batch.values ?? []) {
      const key = { name: utf8(name) }
      if (value === null) this.values.remove(key)
      else this.values.put({ ...key, value: new Uint8Array(value) })
    }
    for (const row of batch.feeds ?? []) this.feeds.put(own(row))
    this.#applyLog(batch)
    for (const row of batch.documents ?? []) this.#putDocument(own(row))
    for (const key of batch.entriesRemoved ?? []) this.entries.remove(key)
    for (const row of batch.entries ?? []) this.entries.put(own(row))
    for (const { document, place } of batch.snapshotsRemoved ?? []) {
      this.snapshots.removeRange({ document, place }, { document, place: Infinity })
    }
    for (const row of batch.snapshots ?? []) this.snapshots.put(own(row))
    this.#applyIndexes(batch)
    this.#applySearches(batch)
    for (const row of batch.dependencies ?? []) this.dependencies.put(own(row))
    for (const row of batch.touches ?? []) this.touches.put(own(row))
    for (const row of batch.lockedRemoved ?? []) this.locked.remove(lockedKey(row))
    for (const row of batch.locked ?? []) this.locked.put(lockedKey(row))
  }

  #applyLog(batch: Batch): void {
    for (const row of batch.commits ?? []) {
      this.commits.put({ ...own(row), size: row.bodies.length })
      this.sequences.put({ feed: row.feed, seq: row.seq, no: row.no })
    }
    for (const { commit, signature } of batch.commitSignatures ?? []) {
      const row = this.commits.get({ no: commit })
      if (row !== undefined) this.commits.put({ ...row, signature: new Uint8Array(signature) })
    }
    for (const { commit, record, at, refused } of batch.verdicts ?? []) {
      const row = this.commits.get({ no: commit })
      if (row !== undefined) this.commits.put({ ...row, record, at, refused })
    }
    for (const { from, to } of batch.bodiesDropped ?? []) this.#dropBodies(from, to)
    for (const row of batch.receipts ?? []) this.receipts.put(own(row))
    for (const { record, signature } of batch.receiptSignatures ?? []) {
      const row = this.receipts.get({ record })
      if (row !== undefined) this.receipts.put({ ...row, signature: new Uint8Array(signature) })
    }
  }

  #dropBodies(from: number, to: number): void {
    for (const row of this.commits.range({ no: from }, { no: to + 1 }, Infinity))
      this.commits.put({ ...row, bodies: emptyBytes })
  }

  #putDocument(row: DocumentRow): void {
    const before = this.documents.get(row)
    if (before !== undefined) this.#tags.delete(toHex(before.tag))
    this.#tags.set(toHex(row.tag), row.no)
    this.documents.put(row)
  }

  #applyIndexes(batch: Batch): void {
    const start = { key: new Uint8Array(0), id: new Uint8Array(0) }
    for (const index of batch.indexesCleared ?? []) {
      this.indexRows.removeRange({ index, ...start }, { index: index + 1, ...start })
    }
    for (const { index, key, id } of batch.indexRowsRemoved ?? []) this.indexRows.remove({ index, key, id: utf8(id) })
    for (const row of batch.indexRows ?? []) this.indexRows.put(own({ ...row, id: utf8(row.id) }))
  }

  #applySearches(batch: Batch): void {
    for (const search of batch.searchesCleared ?? []) this.searches.delete(search)
    for (const { search, document } of batch.searchRowsRemoved ?? []) this.searches.get(search)?.remove(document)
    for (const { search, document, fields } of batch.searchRows ?? []) {
      const index = this.searches.get(search) ?? new InvertedIndex()
      this.searches.set(search, index)
      index.put(document, fields)
    }
  }
}

/** Throws `INVALID` for a key that has no UTF-8 form, before anything is applied. */
function checkTexts(batch: Batch): void {
  for (const name of batch.values?.keys() ?? []) utf8(name)
  for (const { id } of [...(batch.indexRowsRemoved ?? []), ...(batch.indexRows ?? [])]) utf8(id)
  for (const { fields } of batch.searchRows ?? []) for (const field of fields) utf8(field)
  for (const { key } of [...(batch.lockedRemoved ?? []), ...(batch.locked ?? [])]) utf8(key)
}

function lockedKey(row: LockedRow): LockedKey {
  return { key: utf8(row.key), document: row.document }
}

/** A copy that shares no bytes with `row`: a caller that breaks its promise cannot change the store. */
export function own<Row extends object>(row: Row): Row {
  const copy = { ...row }
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) Object.assign(copy, { [name]: new Uint8Array(value) })
  }
  return copy
}

function repeated(what: string): never {
  throw new VarveError('STORE_FAILED', `The store already holds ${what}: it is written once`, { details: { what } })
}

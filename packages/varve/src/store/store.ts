/** The one storage contract: an atomic `write` and a few reads; `spec/store.md` states its must and should. */

import type {
  CommitHead,
  CommitRow,
  DependencyRow,
  DocumentRow,
  EntryRow,
  FeedRow,
  IndexRow,
  LockedRow,
  ReceiptRow,
  SearchRow,
  SnapshotRow,
  TouchRow,
} from './rows.ts'
import type { DocumentPage, DocumentValues, FilteredPage, FilteredScan, Place } from './where.ts'
import type { Posting, SearchTerms } from '../search/types.ts'

/** Everything one `write` changes; absent lists change nothing. Applied in the order of the fields. */
export interface Batch {
  /** Named values that must be exactly so (null: absent), else `CONFLICT` and nothing is written. */
  readonly expect?: ReadonlyMap<string, Uint8Array | null>
  /** Named values to set, or to remove (null). */
  readonly values?: ReadonlyMap<string, Uint8Array | null>
  /** Insert or replace by `no`. */
  readonly feeds?: readonly FeedRow[]
  /** Insert; a second commit at one (`feed`, `seq`) or `no` fails with `STORE_FAILED`. */
  readonly commits?: readonly CommitRow[]
  /** Set `signature` of commits that are there already. */
  readonly commitSignatures?: readonly { readonly commit: number; readonly signature: Uint8Array }[]
  /** Set `record`, `at` and `refused` of commits that are there already. */
  readonly verdicts?: readonly {
    readonly commit: number
    readonly record: number | null
    readonly at: number | null
    readonly refused: string | null
  }[]
  /** Removes the bodies, not the headers, of commits with `from` ≤ `no` ≤ `to`: `bodies` and `commits` give them empty. */
  readonly bodiesDropped?: readonly { readonly from: number; readonly to: number }[]
  /** Insert; a second receipt with one `record` fails with `STORE_FAILED`. */
  readonly receipts?: readonly ReceiptRow[]
  /** Set `signature` of receipts that are there already. */
  readonly receiptSignatures?: readonly { readonly record: number; readonly signature: Uint8Array }[]
  /** Insert, or replace by `no`. */
  readonly documents?: readonly DocumentRow[]
  /** Removed before `entries` are inserted. */
  readonly entriesRemoved?: readonly { readonly document: number; readonly place: number; readonly index: number }[]
  /** Insert, or replace by key. */
  readonly entries?: readonly EntryRow[]
  /** Removes all snapshots of `document` at `place` and later; before `snapshots` are inserted. */
  readonly snapshotsRemoved?: readonly { readonly document: number; readonly place: number }[]
  /** Insert, or replace by key. */
  readonly snapshots?: readonly SnapshotRow[]
  /** Removes all rows of these indexes; before rows are removed or inserted. */
  readonly indexesCleared?: readonly number[]
  readonly indexRowsRemoved?: readonly Omit<IndexRow, 'document'>[]
  /** Insert, or replace by key. */
  readonly indexRows?: readonly IndexRow[]
  /** Removes all rows of these search indexes; before rows are removed or inserted. */
  readonly searchesCleared?: readonly number[]
  readonly searchRowsRemoved?: readonly Omit<SearchRow, 'fields'>[]
  /** Insert, or replace by key. */
  readonly searchRows?: readonly SearchRow[]
  readonly dependencies?: readonly DependencyRow[]
  readonly touches?: readonly TouchRow[]
  readonly lockedRemoved?: readonly LockedRow[]
  /** Insert; repeating a row changes nothing. */
  readonly locked?: readonly LockedRow[]
}

/** Bounds of an index scan: `from` inclusive, `to` exclusive; null is open. */
export interface KeyRange {
  readonly from: Uint8Array | null
  readonly to: Uint8Array | null
}

/** Where an index scan goes on: strictly after this row in the direction of the scan. */
export interface IndexPosition {
  readonly key: Uint8Array
  readonly id: string
}

export interface IndexScan {
  readonly index: number
  readonly range: KeyRange
  readonly reverse: boolean
  readonly after: IndexPosition | null
  readonly limit: number
}

/** An index row with the head of its document. */
export interface IndexHit {
  readonly key: Uint8Array
  readonly id: string
  readonly document: number
  readonly state: string | null
}

/** Where a search goes on: after this score, id and document, or after this document when no scores are wanted. */
export interface SearchPosition {
  readonly score: number
  /** As in the head; empty without a readable one. */
  readonly id: string
  readonly document: number
}

export interface SearchScan {
  readonly search: number
  readonly terms: SearchTerms
  /** One per field; null when no scores are wanted: they are 0 then, and hits come by document. */
  readonly weights: readonly number[] | null
  readonly after: SearchPosition | null
  readonly limit: number
}

/** A document that a search found, with its head. */
export interface SearchHit extends SearchPosition {
  readonly state: string | null
}

export interface StoreStats {
  readonly commits: number
  readonly receipts: number
  readonly documents: number
  readonly entries: number
  readonly snapshots: number
  readonly indexRows: number
  /** Bytes held by headers, bodies and heads, and bytes on disk; null where the store cannot tell. */
  readonly headerBytes: number
  readonly bodyBytes: number
  readonly stateBytes: number
  readonly diskBytes: number | null
}

/** What an adapter can do; suites and callers read it instead of trying. */
export interface StoreSupports {
  /** Data survives closing and opening again. */
  readonly persistent: boolean
  /** With a page key nothing readable is on disk. */
  readonly encryption: boolean
  /** A second opener is refused with `LOCKED` while the first is open. */
  readonly exclusive: boolean
}

/**
 * One replica's storage. Reads see every `write` that was answered and nothing of one that was not.
 * Every method fails with `CLOSED` after `close`, and with `STORE_FAILED` (or `TAMPERED` when the
 * medium says so) when the medium fails. Arrays and byte arrays handed in or out are not changed
 * afterwards by either side.
 */
export interface Store {
  readonly supports: StoreSupports
  /** All or nothing; durable when answered, as far as the adapter is configured to be. */
  write(batch: Batch): Promise<void>

  value(name: string): Promise<Uint8Array | null>
  /** Named values whose name starts with `prefix`, by name. */
  values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>>

  /** All feeds by `no`. */
  feeds(): Promise<readonly FeedRow[]>
  /**
   * Commits of a feed from sequence `from` on, by sequence, at most `limit`. With `bodies` false the caller looks at
   * none of them: a store may leave them empty where reading them costs more.
   */
  commits(
    feed: number,
    from: number,
    limit: number,
    options?: { readonly bodies?: boolean },
  ): Promise<readonly CommitRow[]>
  /** Commits of any feed by local number: those above `after`, in order, at most `limit`, without bodies. */
  commitsAfter(after: number, limit: number): Promise<readonly CommitHead[]>
  /** The commits with these local numbers, in the order asked; null where there is none. */
  commitHeads(nos: readonly number[]): Promise<readonly (CommitHead | null)[]>
  /** Parts of commits' bodies, in the order asked; shorter than asked when the commit ends. */
  bodies(
    parts: readonly { readonly commit: number; readonly offset: number; readonly size: number }[],
  ): Promise<readonly Uint8Array[]>

  /** Receipts from `from` on, by record, at most `limit`. */
  receipts(from: number, limit: number): Promise<readonly ReceiptRow[]>
  /** The last record number whose trusted time is at or before `at`; null when there is none. */
  recordAt(at: number): Promise<number | null>

  /** The documents with these row tags, in the order asked; null where there is none. */
  documents(tags: readonly Uint8Array[]): Promise<readonly (DocumentRow | null)[]>
  documentsByNo(nos: readonly number[]): Promise<readonly (DocumentRow | null)[]>
  /** Documents of a collection with `no` above `after`, by `no`, at most `limit`. */
  scan(collection: number, after: number, limit: number): Promise<readonly DocumentRow[]>
  /**
   * Documents of a collection with a head, without those of which `where` is false. A document for which that is not
   * certain is handed over too, but of a field itself (without names) `among` and `none` are decided exactly. A call
   * ends after a bounded amount of work: a page may be empty and not the last. Fails with `TAMPERED` for heads that are
   * no JSON.
   */
  scanWhere(scan: FilteredScan): Promise<DocumentPage>
  /** Like `scanWhere`, but only values of these places, the same as in the head. */
  scanValues(scan: FilteredScan, places: readonly Place[]): Promise<FilteredPage<DocumentValues>>
  /** Rows of an index in (`key`, `id`) order, reversed on request; ids order by their UTF-8 bytes. */
  scanIndex(scan: IndexScan): Promise<readonly IndexHit[]>

  /** The documents whose words are what the terms ask for: best first (`search/score.ts`), ties by id, by document. */
  search(scan: SearchScan): Promise<readonly SearchHit[]>
  /**
   * Every token of a search index at its place, strictly after `after`, by (term, document, field, position), terms by
   * their UTF-8 bytes; at most `limit`. For checks: reading on may cost as much as reading the term again.
   */
  searchPostings(search: number, after: Posting | null, limit: number): Promise<readonly Posting[]>

  /** Entries of a document with `from` ≤ place < `to`, by (place, index), reversed on request. */
  entries(
    document: number,
    range: { readonly from: number; readonly to: number; readonly reverse?: boolean; readonly limit: number },
  ): Promise<readonly EntryRow[]>
  /** The newest snapshot of a document with `place` below `below`. */
  snapshot(document: number, below: number): Promise<SnapshotRow | null>

  /** The last `seen` at or before `seq`; 0 when there is none. */
  seen(feed: number, on: number, seq: number): Promise<number>
  /** Touches with position above `after`, in order, at most `limit`. */
  touches(after: number, limit: number): Promise<readonly TouchRow[]>
  /** Numbers of documents locked under this key or format, above `after`, in order, at most `limit`. */
  locked(key: string, after: number, limit: number): Promise<readonly number[]>

  stats(): Promise<StoreStats>
  /** Idempotent; waits for the writes under way. */
  close(): Promise<void>
}

/** Opens the stores of one tenant on one device, and keeps its few small files. */
export interface StoreProvider {
  readonly supports: StoreSupports
  /**
   * Opens, or creates, the store of this name (lower-case letters, digits and `-`).
   * `pageKey`, 64 hex digits, encrypts what the medium holds; a wrong one fails with `WRONG_PASSPHRASE`.
   */
  open(name: string, options: { readonly pageKey: string | null }): Promise<Store>
  /** A small file; null when absent. */
  readFile(name: string): Promise<Uint8Array | null>
  /** Replaces a small file as a whole, durably: a crash leaves the old one or the new one. */
  writeFile(name: string, bytes: Uint8Array): Promise<void>
  /**
   * Removes every store of this tenant, then the small files Varve keeps (`smallFiles`), in order of name. A crash may
   * leave some of it; calling again goes on. Throws `LOCKED` while a store is open, which is closed first.
   */
  destroy(): Promise<void>
}

/** The working set of one write: documents, feeds and counters as they will be, and the batch that makes them so. */

import { laterStamp, type Stamp } from '../encoding/stamp.ts'
import { absentHead, decodeHead, encodeHead, type Head } from '../document/head.ts'
import { limits } from '../limits.ts'
import { compareBytes } from '../encoding/bytes.ts'
import {
  collectionOf,
  firstDocument,
  pendingPlace,
  type CommitRow,
  type DependencyRow,
  type DocumentRow,
  type EntryRow,
  type FeedRow,
  type IndexRow,
  type LockedRow,
  type ReceiptRow,
  type SearchRow,
  type SnapshotRow,
  type TouchRow,
} from '../store/rows.ts'
import type { Batch, Store } from '../store/store.ts'
import { noExtractors, type Extractors } from '../search/fields.ts'
import { changeSearchRow, madeWith, type SearchChanges } from './search-rows.ts'
import { changeIndexRows, type IndexChanges } from './index-rows.ts'
import { noteSealed } from './sealed.ts'
import type { Book } from '../counters/book.ts'
import type { Sheet } from '../counters/sheet.ts'
import type { EntryKind } from '../log/header.ts'
import type { Pruning } from './pruned.ts'
import type { ReadCommit } from './reader.ts'
import type { StandingCommit } from './standings.ts'
import { UniqueWrites } from './unique-writes.ts'
import { encodeState, stateName, type CollectionState, type ReplicaState } from './state.ts'

/** A document while it is being changed. */
export interface WorkingDocument {
  readonly no: number
  readonly tag: Uint8Array
  /** As stored; null when new. */
  readonly row: DocumentRow | null
  readonly before: Head
  head: Head
  /** Must be folded again from its entries before the write. */
  refold: boolean
  touched: boolean
  /** True when the document looks different because keys arrived or went, whatever its entries say. */
  revealed?: boolean
  changed: number
  /** Local number of the last commit of this write with an entry of it; 0 when there is none. */
  lastCommit: number
}

export interface EntryPlace {
  readonly document: number
  readonly place: number
  readonly index: number
}

/** An entry that this write enters into the record, in its order. */
export interface RecordedEntry {
  readonly row: EntryRow
  readonly kind: EntryKind
  /** Trusted time, Unix milliseconds. */
  readonly at: number
  /** The document as the record up to here makes it; null when it must be folded to be known. */
  head: Head | null
}

/** A commit of this write, which the store does not hold yet. */
export interface NewCommit {
  readonly commit: ReadCommit
  readonly parts: readonly Uint8Array[]
}

/** Collects everything one `store.write` will do; nothing outside changes until it succeeded. */
export class WorkingSet {
  state: ReplicaState
  readonly commits: CommitRow[] = []
  readonly receipts: ReceiptRow[] = []
  readonly entries: EntryRow[] = []
  readonly entriesRemoved: EntryPlace[] = []
  readonly recorded: RecordedEntry[] = []
  /** Commits that came from a peer, by local number. */
  readonly fresh = new Map<number, NewCommit>()
  /** Counters and their book as this write leaves them; null when it does not touch them. */
  sheet: Sheet | null = null
  book: Book | null = null
  readonly dependencies: DependencyRow[] = []
  readonly locked: LockedRow[] = []
  readonly lockedRemoved: LockedRow[] = []
  readonly touches: TouchRow[] = []
  readonly verdicts: { commit: number; record: number | null; at: number | null; refused: string | null }[] = []
  /** Of documents whose entries arrive in order. */
  readonly snapshots: SnapshotRow[] = []
  /** Of documents that were folded again. */
  readonly snapshotsAnew: SnapshotRow[] = []
  readonly snapshotsRemoved: { document: number; place: number }[] = []
  readonly commitSignatures: { commit: number; signature: Uint8Array }[] = []
  readonly receiptSignatures: { record: number; signature: Uint8Array }[] = []
  /** Named values beside the state. */
  readonly values = new Map<string, Uint8Array | null>()
  /** Commits of this write that set standings, in the order in which they apply. */
  readonly standings: StandingCommit[] = []
  /** Record numbers of refusals that leave the list because another commit stands for the one refused. */
  readonly unlisted: number[] = []
  /** True when a commit of this device was refused because its clock was ahead. */
  refusedAhead = false
  /** True when documents were folded again because keys arrived or went. */
  keysChanged = false
  /** Rows of an index being built over documents that do not change. */
  readonly indexRows: IndexRow[] = []
  /** The same of a search index, and the numbers of those that are no more. */
  readonly searchRows: SearchRow[] = []
  readonly searchesCleared: number[] = []
  /** Commits (local numbers) whose bodies go for good, and what is known of pruning from then on. */
  readonly bodiesDropped: { from: number; to: number }[] = []
  pruning: Pruning | null = null
  readonly feeds = new Map<number, FeedRow>()
  readonly #store: Store
  readonly #holds: (key: string) => boolean
  readonly #extractors: Extractors
  /** The list inside `state`, changed in place: it belongs to this set alone. */
  readonly #collections: CollectionState[]
  readonly #documents = new Map<string, WorkingDocument>()
  #unique: UniqueWrites | null = null

  /** `holds` says whether a key version (id in hex) is held. */
  constructor(store: Store, state: ReplicaState, holds: (key: string) => boolean, extractors = noExtractors) {
    this.#extractors = extractors
    this.#store = store
    this.#holds = holds
    this.#collections = [...state.collections]
    this.state = { ...state, collections: this.#collections }
  }

  get documents(): Iterable<WorkingDocument> {
    return this.#documents.values()
  }

  /** What unique indexes say to the local writes of this set. */
  get unique(): UniqueWrites {
    this.#unique ??= new UniqueWrites(this.#store, this)
    return this.#unique
  }

  /** Loads the documents with these row tags that are stored, so that `document` finds them. */
  async load(tags: readonly Uint8Array[]): Promise<void> {
    const wanted = tags.filter((tag) => !this.#documents.has(tagName(tag)))
    if (wanted.length === 0) return
    for (const row of await this.#store.documents(wanted)) {
      if (row !== null && !this.#documents.has(tagName(row.tag))) this.#adopt(row)
    }
  }

  async loadByNo(nos: readonly number[]): Promise<readonly WorkingDocument[]> {
    const loaded: WorkingDocument[] = []
    for (const row of await this.#store.documentsByNo(nos)) {
      if (row !== null) loaded.push(this.#documents.get(tagName(row.tag)) ?? this.#adopt(row))
    }
    return loaded
  }

  /** The document with this tag; undefined when it is neither stored nor made in this write. */
  find(tag: Uint8Array): WorkingDocument | undefined {
    return this.#documents.get(tagName(tag))
  }

  /** The document with this tag, made in `collection` when there is none. */
  document(tag: Uint8Array, collection: number): WorkingDocument {
    const name = tagName(tag)
    const known = this.#documents.get(name)
    if (known !== undefined) return known
    const counter = this.collection(collection)
    const no = firstDocument(collection) + counter.documents
    this.setCollection({ ...counter, documents: counter.documents + 1 })
    const made: WorkingDocument = {
      no,
      tag,
      row: null,
      before: absentHead,
      head: absentHead,
      refold: false,
      touched: false,
      changed: 0,
      lastCommit: 0,
    }
    this.#documents.set(name, made)
    return made
  }

  #adopt(row: DocumentRow): WorkingDocument {
    const head = row.state === null ? absentHead : decodeHead(row.state)
    const made: WorkingDocument = {
      no: row.no,
      tag: row.tag,
      row,
      before: head,
      head,
      refold: false,
      touched: false,
      changed: row.changed,
      lastCommit: 0,
    }
    this.#documents.set(tagName(row.tag), made)
    return made
  }

  collection(no: number): CollectionState {
    const found = this.state.collections[no - 1]
    if (found === undefined) throw new RangeError(`collection ${no} does not exist`)
    return found
  }

  setCollection(collection: CollectionState): void {
    this.#collections[collection.no - 1] = collection
  }

  /** The collection with this tag, made when new; learns its name once an entry tells it. */
  collectionByTag(tag: Uint8Array, name: string | null): CollectionState {
    const known = this.state.collections.find((candidate) => compareBytes(candidate.tag, tag) === 0)
    if (known !== undefined && (known.name !== null || name === null)) return known
    const made: CollectionState =
      known === undefined
        ? {
            no: this.state.collections.length + 1,
            tag,
            name,
            documents: 1,
            recorded: 0,
            pending: 0,
            indexes: [],
            sealed: [],
          }
        : { ...known, name }
    this.setCollection(made)
    return made
  }

  /** Remembers a commit that is held back without a verdict. */
  hold(commit: number): void {
    this.state = { ...this.state, held: [...this.state.held, commit] }
  }

  unhold(commit: number): void {
    if (this.state.held.includes(commit))
      this.state = { ...this.state, held: this.state.held.filter((no) => no !== commit) }
  }

  nextPosition(): number {
    this.state = { ...this.state, position: this.state.position + 1 }
    return this.state.position
  }

  /** A commit that counts was seen: later stamps of this replica are above its own. */
  seeStamp(stamp: Stamp, recorded: boolean): void {
    const { clock, recordedClock } = this.state
    this.state = {
      ...this.state,
      clock: laterStamp(clock, stamp),
      recordedClock: recorded ? laterStamp(recordedClock, stamp) : recordedClock,
    }
  }

  /**
   * Our own commits were refused because our clock was ahead: it goes back to what is recorded. Stamps
   * within a feed never go back, so the next write opens a new feed.
   */
  leaveFuture(feed: number): void {
    if (feed !== this.state.ownFeed) return
    this.state = { ...this.state, clock: this.state.recordedClock, ownFeed: null }
  }

  /** The next write opens a new feed. */
  leaveFeed(feed: number): void {
    if (feed === this.state.ownFeed) this.state = { ...this.state, ownFeed: null }
  }

  /** Remembers under which paths of an index a document has several keys. */
  markMultikey(index: number, several: readonly boolean[]): void {
    for (const collection of this.state.collections) {
      const found = collection.indexes.find((candidate) => candidate.no === index)
      if (found === undefined || !several.some((is, i) => is && found.multikey[i] !== true)) continue
      const multikey = found.multikey.map((was, i) => was || several[i] === true)
      const indexes = collection.indexes.map((other) => (other === found ? { ...found, multikey } : other))
      this.setCollection({ ...collection, indexes })
    }
  }

  /** One more entry of a document: pending, or the next of the record. */
  enter(row: EntryRow, kind: EntryKind, at: number): void {
    this.entries.push(row)
    if (row.place < pendingPlace) this.recorded.push({ row, kind, at, head: null })
  }

  /** The entry that was entered last is folded: its head may be one of the record, and due for a snapshot. */
  folded(document: WorkingDocument, place: number): void {
    const { head, refold } = document
    if (refold || head.pending > 0 || place >= pendingPlace) return
    const last = this.recorded.at(-1)
    if (last?.row.document === document.no && last.row.place === place) last.head = head
    if (head.recorded % limits.snapshotEvery !== 0) return
    this.snapshots.push({ document: document.no, place, state: encodeHead(head) })
  }

  /** Everything as one atomic batch. */
  batch(): Batch {
    const documents: DocumentRow[] = []
    const refolded = new Set<number>()
    const rows: IndexChanges = { added: [], removed: [] }
    const words: SearchChanges = { put: [], removed: [] }
    for (const document of this.#documents.values()) {
      if (!document.touched) continue
      if (document.refold) refolded.add(document.no)
      const state = encodeHead(document.head)
      noteSealed(this, document, this.#holds)
      documents.push({ no: document.no, tag: document.tag, state, changed: document.changed })
      const { indexes, search } = this.collection(collectionOf(document.no))
      if (search !== undefined) {
        changeSearchRow(search, document, this.#extractors, words)
        // Rows that were made otherwise do not fit: the index is made again when the collection is used.
        if (search.ready && !madeWith(search, this.#extractors))
          this.setCollection({ ...this.collection(collectionOf(document.no)), search: { ...search, ready: false } })
      }
      for (const { index, several } of changeIndexRows(indexes, document, rows)) this.markMultikey(index, several)
    }
    return {
      values: new Map([...this.values, [stateName, encodeState(this.state)]]),
      feeds: [...this.feeds.values()],
      commits: this.commits,
      commitSignatures: this.commitSignatures,
      verdicts: this.verdicts,
      ...(this.bodiesDropped.length === 0 ? {} : { bodiesDropped: this.bodiesDropped }),
      receipts: this.receipts,
      receiptSignatures: this.receiptSignatures,
      documents,
      entriesRemoved: this.entriesRemoved,
      entries: this.entries,
      snapshotsRemoved: this.snapshotsRemoved,
      snapshots: [...this.snapshots.filter(({ document }) => !refolded.has(document)), ...this.snapshotsAnew],
      indexRowsRemoved: rows.removed,
      indexRows: [...this.indexRows, ...rows.added],
      searchesCleared: this.searchesCleared,
      searchRowsRemoved: words.removed,
      searchRows: [...this.searchRows, ...words.put],
      dependencies: this.dependencies,
      touches: this.touches,
      lockedRemoved: this.lockedRemoved,
      locked: this.locked,
    }
  }
}

/** A tag as a short text, for maps. */
function tagName(tag: Uint8Array): string {
  const pair = (at: number): number => ((tag[at] ?? 0) << 8) | (tag[at + 1] ?? 0)
  return String.fromCharCode(pair(0), pair(2), pair(4), pair(6), pair(8), pair(10), pair(12), pair(14))
}

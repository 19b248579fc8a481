/** The working set of one write: documents, feeds and counters as they will be, and the batch that makes them so. */

import { laterStamp, type Stamp } from '../encoding/stamp.ts'
import { absentHead, decodeHead, encodeHead, type Head } from '../document/head.ts'
import { indexKeys } from '../query/order-key.ts'
import { limits } from '../limits.ts'
import { compareBytes } from '../encoding/bytes.ts'
import { documentOf } from '../document/head.ts'
import {
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
  type SnapshotRow,
  type TouchRow,
} from '../store/rows.ts'
import type { Batch, Store } from '../store/store.ts'
import type { StandingCommit } from './standings.ts'
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
  changed: number
  /** Local number of the last commit of this write with an entry of it; 0 when there is none. */
  lastCommit: number
}

export interface EntryPlace {
  readonly document: number
  readonly place: number
  readonly index: number
}

/** Collects everything one `store.write` will do; nothing outside changes until it succeeded. */
export class WorkingSet {
  state: ReplicaState
  readonly commits: CommitRow[] = []
  readonly receipts: ReceiptRow[] = []
  readonly entries: EntryRow[] = []
  readonly entriesRemoved: EntryPlace[] = []
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
  /** True when a commit of this device was refused because its clock was ahead. */
  refusedAhead = false
  /** Rows of an index being built over documents that do not change. */
  readonly indexRows: IndexRow[] = []
  readonly feeds = new Map<number, FeedRow>()
  readonly #store: Store
  /** The list inside `state`, changed in place: it belongs to this set alone. */
  readonly #collections: CollectionState[]
  readonly #documents = new Map<string, WorkingDocument>()

  constructor(store: Store, state: ReplicaState) {
    this.#store = store
    this.#collections = [...state.collections]
    this.state = { ...state, collections: this.#collections }
  }

  get documents(): Iterable<WorkingDocument> {
    return this.#documents.values()
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
        ? { no: this.state.collections.length + 1, tag, name, documents: 1, recorded: 0, pending: 0, indexes: [] }
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

  /** Remembers that a document has several keys under an index. */
  markMultikey(index: number): void {
    for (const collection of this.state.collections) {
      const found = collection.indexes.find((candidate) => candidate.no === index)
      if (found === undefined || found.multikey) continue
      const indexes = collection.indexes.map((other) => (other === found ? { ...found, multikey: true } : other))
      this.setCollection({ ...collection, indexes })
    }
  }

  /** Keeps the head of a document as a snapshot, when its last recorded version is due for one. */
  snapshotIfDue(document: WorkingDocument, place: number): void {
    const { head, refold } = document
    if (refold || head.pending > 0 || place >= pendingPlace || head.recorded % limits.snapshotEvery !== 0) return
    this.snapshots.push({ document: document.no, place, state: encodeHead(head) })
  }

  /** Everything as one atomic batch. */
  batch(): Batch {
    const documents: DocumentRow[] = []
    const refolded = new Set<number>()
    const rows: IndexChanges = { added: [], removed: [] }
    for (const document of this.#documents.values()) {
      if (!document.touched) continue
      if (document.refold) refolded.add(document.no)
      const state = encodeHead(document.head)
      documents.push({ no: document.no, tag: document.tag, state, changed: document.changed })
      this.#indexChanges(document, rows)
    }
    return {
      values: new Map([...this.values, [stateName, encodeState(this.state)]]),
      feeds: [...this.feeds.values()],
      commits: this.commits,
      commitSignatures: this.commitSignatures,
      verdicts: this.verdicts,
      receipts: this.receipts,
      receiptSignatures: this.receiptSignatures,
      documents,
      entriesRemoved: this.entriesRemoved,
      entries: this.entries,
      snapshotsRemoved: this.snapshotsRemoved,
      snapshots: [...this.snapshots.filter(({ document }) => !refolded.has(document)), ...this.snapshotsAnew],
      indexRowsRemoved: rows.removed,
      indexRows: [...this.indexRows, ...rows.added],
      dependencies: this.dependencies,
      touches: this.touches,
      lockedRemoved: this.lockedRemoved,
      locked: this.locked,
    }
  }

  #indexChanges(document: WorkingDocument, rows: IndexChanges): void {
    const { indexes } = this.collection(Math.floor(document.no / 0x1_0000_0000))
    if (indexes.length === 0) return
    const before = document.before.state.status === 'live' ? documentOf(document.before) : null
    const after = document.head.state.status === 'live' ? documentOf(document.head) : null
    for (const { no, path } of indexes) {
      const old = before === null ? [] : indexKeys(path, before)
      const fresh = after === null ? [] : indexKeys(path, after)
      if (fresh.length > 1) this.markMultikey(no)
      const oldId = document.before.state.id
      const id = document.head.state.id
      for (const key of old) {
        if (!fresh.some((other) => compareBytes(key, other) === 0))
          rows.removed.push({ index: no, key, id: oldId, document: document.no })
      }
      for (const key of fresh) {
        if (!old.some((other) => compareBytes(key, other) === 0))
          rows.added.push({ index: no, key, id, document: document.no })
      }
    }
  }
}

interface IndexChange {
  readonly index: number
  readonly key: Uint8Array
  readonly id: string
  readonly document: number
}

interface IndexChanges {
  readonly added: IndexChange[]
  readonly removed: IndexChange[]
}

/** A tag as a short text, for maps. */
function tagName(tag: Uint8Array): string {
  const pair = (at: number): number => ((tag[at] ?? 0) << 8) | (tag[at + 1] ?? 0)
  return String.fromCharCode(pair(0), pair(2), pair(4), pair(6), pair(8), pair(10), pair(12), pair(14))
}

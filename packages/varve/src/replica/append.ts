/** Appending local changes: drafts become commits of this replica's own feed, with receipts where it records. */

import { laterStamp, nextStamp, stampMs, type Stamp } from '../encoding/stamp.ts'
import type { Operation } from '../document/operation.ts'
import { bodiesRoot, commitId, EntrySealer, feedId, noCommit } from '../log/commit.ts'
import {
  encodeHeader,
  type CommitHeader,
  type CommitName,
  type Dependency,
  type EntryKind,
  type StandingChange,
} from '../log/header.ts'
import { encodeReceipt, receiptId } from '../log/receipt.ts'
import { tagBytes as sealBytes } from '../crypto/contract.ts'
import { assertLimit, limits } from '../limits.ts'
import { pendingPlace, type FeedRow } from '../store/rows.ts'
import type { ReplicaContext, SealKey } from './context.ts'
import { countEntry, foldInto } from './count.ts'
import { noteFiles } from './file-notes.ts'
import { signHeads } from './sign.ts'
import { enterStandings } from './standings.ts'
import { entryHeader, tablesOf } from './tables.ts'
import { noCounts } from './counting.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** One document's change, checked and encoded; appending it cannot fail any more. */
export interface Change {
  readonly collection: { readonly name: string; readonly tag: Uint8Array }
  readonly id: string
  /** Tag of the document in the log, and the one it is stored under. */
  readonly tag: Uint8Array
  readonly row: Uint8Array
  readonly kind: EntryKind
  readonly operations: readonly Operation[]
  readonly actor: string | null
  /** The encoded entry body. */
  readonly body: Uint8Array
  /** Null in open databases. */
  readonly key: SealKey | null
  /** Name of that key when it is not the database's own. */
  readonly keyName: string | null
  readonly expectedOv: number | null
}

/** What became of a change. */
export interface Outcome {
  readonly ov: number
  readonly cv: number
  /** Unix milliseconds: trusted time when recorded at once, else authored time. */
  readonly at: number
  readonly commit: number
}

interface DraftEntry {
  readonly document: WorkingDocument
  readonly change: Change
  readonly collection: number
  readonly ov: number
  readonly cv: number
}

interface Draft {
  readonly no: number
  readonly seq: number
  readonly stamp: Stamp
  readonly record: number | null
  readonly at: number
  readonly entries: DraftEntry[]
  readonly documents: Set<WorkingDocument>
  readonly extras: CommitExtras
  /** Collection tags and key ids so far. */
  readonly tables: Set<Uint8Array>
  bytes: number
}

/** What few commits have, and only such as are alone. */
export interface CommitExtras {
  /** Standings that it sets. */
  readonly standings?: readonly StandingChange[]
  /** The refused commit that this one stands for. */
  readonly original?: CommitName
}

const noExtras: CommitExtras = {}

/** Throws `TOO_LARGE` for changes that no commit can hold; a change alone always fits. */
export function assertOneCommit(changes: readonly Change[]): void {
  if (changes.length < 2) return
  assertLimit(changes.length, limits.commitEntries, 'The number of documents in one commit')
  const bytes = changes.reduce((sum, { body, key }) => sum + body.length + (key === null ? 0 : sealBytes), 0)
  assertLimit(bytes, limits.commitBytes, 'The change in bytes')
  const collections = new Set(changes.map(({ collection }) => collection.tag))
  assertLimit(collections.size, limits.commitTables, 'The number of collections in one commit')
  const keys = new Set(changes.map(({ key }) => key?.id))
  assertLimit(keys.size, limits.commitTables, 'The number of keys in one commit')
}

export class Appender {
  readonly #context: ReplicaContext
  readonly #set: WorkingSet
  readonly #unlisted: readonly FeedRow[]
  #records: boolean
  /** True while peers follow: what is appended is signed in the same write. */
  readonly #eager: boolean
  readonly #drafts: Draft[] = []
  #feed: FeedRow
  #nonce: Uint8Array | null = null
  #open: Draft | null = null

  constructor(
    context: ReplicaContext,
    set: WorkingSet,
    own: FeedRow | null,
    unlisted: readonly FeedRow[],
    records: boolean,
    eager: boolean,
  ) {
    this.#context = context
    this.#set = set
    this.#unlisted = unlisted
    // Receipts follow the order of a feed: what is pending in it goes first.
    this.#records = records && (own === null || own.recorded === own.length)
    this.#eager = eager
    this.#feed = own ?? this.#newFeed()
  }

  /** Appends all changes to one commit; `alone` keeps other writes out of it. `extras` come with `alone` only. */
  append(changes: readonly Change[], alone: boolean, extras = noExtras): readonly Outcome[] {
    const bytes = changes.reduce((sum, change) => sum + change.body.length, 0)
    const draft = this.#draftFor(changes, bytes, alone, extras)
    draft.bytes += bytes
    for (const { collection, key } of changes) {
      draft.tables.add(collection.tag)
      if (key !== null) draft.tables.add(key.id)
    }
    const outcomes = changes.map((change) => this.#stage(draft, change))
    this.#open = alone ? null : draft
    return outcomes
  }

  #draftFor(changes: readonly Change[], bytes: number, alone: boolean, extras: CommitExtras): Draft {
    const open = this.#open
    if (
      open !== null &&
      !alone &&
      open.entries.length + changes.length <= limits.sharedEntries &&
      open.bytes + bytes <= limits.unsignedBytes &&
      open.tables.size + newTables(open, changes) <= limits.commitTables
    ) {
      const apart = changes.some(({ row }) => {
        const document = this.#set.find(row)
        return document !== undefined && (open.documents.has(document) || document.head.order.stamp >= open.stamp)
      })
      if (!apart) return open
    }
    return this.#begin(changes, extras)
  }

  /** A draft whose stamp is above everything folded into the documents it changes, or they would fold otherwise elsewhere. */
  #begin(changes: readonly Change[], extras: CommitExtras): Draft {
    const set = this.#set
    const now = this.#context.env.now()
    let last = set.state.clock
    for (const { row } of changes) last = laterStamp(last, set.find(row)?.head.order.stamp ?? last)
    const stamp = nextStamp(last, now)
    // No recorder may accept a stamp so far ahead, its own neither: it is refused when what is pending is recorded.
    const trusted = Math.max(now, set.state.record.at, this.#drafts.at(-1)?.at ?? 0)
    if (stampMs(stamp) > trusted + limits.clockDriftMs) this.#records = false
    set.seeStamp(stamp, this.#records)
    const record = this.#records ? set.state.record.length + this.#drafts.length : null
    const at = this.#records ? trusted : stampMs(stamp)
    const seq = this.#feed.length + this.#drafts.length
    const draft: Draft = {
      no: set.nextPosition(),
      seq,
      stamp,
      record,
      at,
      entries: [],
      documents: new Set(),
      extras,
      tables: new Set(),
      bytes: 0,
    }
    this.#drafts.push(draft)
    this.#enterStandings(draft)
    return draft
  }

  /** At once, and not when the commit is sealed: the next write of this flush is judged by them. */
  #enterStandings(draft: Draft): void {
    const { no: commit, stamp, record, at, extras } = draft
    enterStandings(this.#set, {
      commit,
      author: this.#context.device.publicKey,
      stamp,
      feed: this.#feed.id,
      recorded: record === null ? null : { record, at },
      counts: true,
      changes: extras.standings ?? [],
    })
  }

  #stage(draft: Draft, change: Change): Outcome {
    const set = this.#set
    const counter = set.collectionByTag(change.collection.tag, change.collection.name)
    const document = set.document(change.row, counter.no)
    const now = set.collection(counter.no)
    const cv = now.recorded + now.pending
    set.setCollection(
      draft.record === null ? { ...now, pending: now.pending + 1 } : { ...now, recorded: now.recorded + 1 },
    )
    const place = draft.record ?? pendingPlace + draft.no
    const order = { stamp: draft.stamp, feed: this.#feed.no }
    const counted = countEntry(document.head, { place, cv, at: draft.at })
    const entry = { id: change.id, actor: change.actor, operations: change.operations }
    document.head = foldInto(counted, entry, draft.at, order, change.keyName)
    document.touched = true
    document.changed = draft.no
    noteFiles(set.values, change.operations, draft.no, true)
    const ov = counted.recorded + counted.pending - 1
    draft.entries.push({ document, change, collection: counter.no, ov, cv })
    draft.documents.add(document)
    const counts = draft.record === null ? noCounts : { ov, cv }
    const row = { document: document.no, place, index: draft.entries.length - 1, commit: draft.no, ...counts }
    set.enter(row, change.kind, draft.at)
    set.folded(document, place)
    return { ov, cv, at: draft.at, commit: draft.no }
  }

  /** Seals, chains, records and, when due, signs what was appended. */
  finish(): void {
    const dependencies = this.#dependencies()
    this.#drafts.forEach((draft, i) => {
      this.#seal(draft, i === 0 ? dependencies : [])
      // Inside the loop: what is exchanged ends at signatures, so they bound the size of a sync batch.
      const { commits, bytes } = this.#set.state.unsigned
      if (commits >= limits.unsignedCommits || bytes >= limits.unsignedBytes)
        signHeads(this.#context, this.#set, this.#feed, null)
    })
    if (this.#drafts.length === 0) return
    if (this.#eager && this.#set.state.unsigned.commits > 0) signHeads(this.#context, this.#set, this.#feed, null)
    this.#set.feeds.set(this.#feed.no, this.#feed)
  }

  #newFeed(): FeedRow {
    const { id, device, env } = this.#context
    this.#nonce = env.random(16)
    const no = this.#set.state.feeds + 1
    this.#set.state = { ...this.#set.state, feeds: no, ownFeed: no }
    return {
      no,
      id: feedId(id, device.publicKey, this.#nonce),
      publicKey: device.publicKey,
      length: 0,
      head: noCommit,
      listed: 0,
      recorded: 0,
    }
  }

  /** Feeds that grew since our last commit: from now on we are known to know them. */
  #dependencies(): readonly Dependency[] {
    const first = this.#drafts[0]
    if (first === undefined) return []
    return this.#unlisted.slice(0, limits.commitDependencies).map((feed) => {
      this.#set.feeds.set(feed.no, { ...feed, listed: feed.length })
      this.#set.dependencies.push({ feed: this.#feed.no, on: feed.no, seq: first.seq, seen: feed.length })
      return { feed: feed.id, length: feed.length }
    })
  }

  #seal(draft: Draft, dependencies: readonly Dependency[]): void {
    const { context, place } = { context: this.#context, place: this.#place(draft) }
    const tables = tablesOf(draft.entries)
    const salt = context.env.random(16)
    const sealing = new EntrySealer(place, { salt, ...tables })
    const entries = draft.entries.map(({ change, collection }) => entryHeader(change, collection, tables))
    // One piece of memory for all bodies of a commit: they are stored together, and small pieces cost more than sealing.
    const bodies = new Uint8Array(entries.reduce((sum, { size }) => sum + size, 0))
    let end = 0
    const parts = draft.entries.map(({ change }, index) => {
      const entry = entries[index]
      if (entry === undefined) throw new RangeError(`entry ${index} has no header`)
      const part = bodies.subarray(end, (end += entry.size))
      if (change.key === null) part.set(change.body)
      else sealing.seal(index, entry, change.key.key, change.body, part)
      return part
    })
    const header: CommitHeader = {
      stamp: draft.stamp,
      dependencies,
      salt,
      device:
        draft.seq === 0 && this.#nonce !== null ? { publicKey: context.device.publicKey, nonce: this.#nonce } : null,
      collections: tables.collections,
      keys: tables.keys,
      entries,
      root: bodiesRoot(parts),
      preconditions: draft.entries.flatMap(({ change }, index) =>
        change.expectedOv === null ? [] : [{ index, ov: change.expectedOv }],
      ),
      standings: draft.extras.standings ?? [],
      original: draft.extras.original ?? null,
    }
    this.#store(draft, place, encodeHeader(header), bodies, tables.numbers)
  }

  #place(draft: Draft): { database: Uint8Array; feed: Uint8Array; seq: number; previous: Uint8Array } {
    return { database: this.#context.id, feed: this.#feed.id, seq: draft.seq, previous: this.#feed.head }
  }

  #store(
    draft: Draft,
    place: Parameters<typeof commitId>[0],
    header: Uint8Array,
    bodies: Uint8Array,
    collections: readonly number[],
  ): void {
    const set = this.#set
    const id = commitId(place, header)
    const recorded = draft.record === null ? this.#feed.recorded : draft.seq + 1
    this.#feed = { ...this.#feed, length: draft.seq + 1, head: id, recorded }
    const row = {
      no: draft.no,
      feed: this.#feed.no,
      seq: draft.seq,
      stamp: draft.stamp,
      id,
      header,
      bodies,
      signature: null,
    }
    const unsigned = set.state.unsigned
    const grown = { commits: unsigned.commits + 1, bytes: unsigned.bytes + header.length + bodies.length }
    if (draft.record === null) {
      set.commits.push({ ...row, record: null, at: null, refused: null })
      set.state = { ...set.state, unsigned: { ...unsigned, ...grown } }
      return
    }
    set.commits.push({ ...row, record: draft.record, at: draft.at, refused: null })
    const cvs = collections.map((no) => draft.entries.find((entry) => entry.collection === no)?.cv ?? 0)
    const bytes = encodeReceipt({ at: draft.at, refused: null, ovs: draft.entries.map(({ ov }) => ov), cvs })
    const head = receiptId(
      { database: place.database, record: draft.record, previous: set.state.record.head, commit: id },
      bytes,
    )
    set.receipts.push({ record: draft.record, commit: draft.no, at: draft.at, bytes, signature: null })
    set.state = {
      ...set.state,
      record: { length: draft.record + 1, head, at: draft.at },
      unsigned: { ...grown, receipts: unsigned.receipts + 1 },
    }
  }
}

/** At most how many tags and key ids the changes add to those of a draft. */
function newTables({ tables }: Draft, changes: readonly Change[]): number {
  let added = 0
  for (const { collection, key } of changes) {
    if (!tables.has(collection.tag)) added++
    if (key !== null && !tables.has(key.id)) added++
  }
  return added
}

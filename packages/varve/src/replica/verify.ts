/** Verification: everything is recomputed from the log and compared with what is stored. */

import { primitives } from '../crypto/primitives.ts'
import { decodeHead, markOfHead, type Head } from '../document/head.ts'
import { documentOf } from '../document/head.ts'
import { compareBytes, equalBytes, toHex } from '../encoding/bytes.ts'
import { laterStamp, zeroStamp } from '../encoding/stamp.ts'
import { VarveError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { bodiesRoot, commitId, feedHeadMessage, feedId, noCommit } from '../log/commit.ts'
import { decodeHeader, splitBodies, type CommitHeader } from '../log/header.ts'
import { collectionTag, rowTag } from '../log/tag.ts'
import { indexKeys } from '../query/index-keys.ts'
import {
  firstDocument,
  pendingPlace,
  type CommitRow,
  type DocumentRow,
  type EntryRow,
  type FeedRow,
} from '../store/rows.ts'
import { recordProblems } from './verify-record.ts'
import { searchAgrees } from './verify-search.ts'
import { isSnapshotOf, textProblems } from './verify-texts.ts'
import { edgeProblems, emptiedSnapshot } from './verify-pruned.ts'
import { absentHead } from '../document/head.ts'
import { foldEntries } from './count.ts'
import type { EdgeMark } from './edge-mark.ts'
import { notedNames, unnoted } from './file-notes.ts'
import { entryRows } from './history.ts'
import { isLocked, type ReadEntry } from './reader.ts'
import { miscounts } from './recount.ts'
import type { Replica } from './replica.ts'
import { wronglySealed, type SealedDocument } from './sealed.ts'
import type { CollectionState } from './state.ts'

export interface Verified {
  readonly ok: boolean
  readonly commits: number
  readonly entries: number
  readonly problems: readonly { readonly code: ErrorCode; readonly where: string }[]
}

const page = 64

/** Entries of one collection: how many, and the sum of their collection versions. */
interface Counts {
  recorded: number
  pending: number
  cvs: number
}

/** What is stored of the entries of a document. */
interface Stored {
  readonly rows: readonly EntryRow[]
  readonly mark: EdgeMark | null
  /** Those above the edge, and the same opened. */
  readonly kept: readonly EntryRow[]
  readonly entries: ReadEntry[]
}

function nameOf({ name, tag }: CollectionState): string {
  return `collection ${name ?? toHex(tag)}`
}

/** Checks feeds, record, bodies, heads, versions and indexes. Never throws for what it finds. */
export function verifyReplica(replica: Replica, signal?: AbortSignal): Promise<Verified> {
  return replica.exclusive(() => new Verification(replica, signal).run())
}

class Verification {
  readonly #replica: Replica
  readonly #signal: AbortSignal | undefined
  readonly #problems: { code: ErrorCode; where: string }[] = []
  #noted: ReadonlySet<string> = new Set()
  #commits = 0
  #entries = 0
  /** What was pruned: versions below edges, and commits without bodies. */
  readonly #gone = { versions: 0, commits: 0 }
  /** Entries of commits that count, and rows found, which must be as many as the store has. */
  #counting = 0
  #rows = { entries: 0, snapshots: 0, indexRows: 0 }
  /** The highest stamps of commits: of all, and of those that are recorded and count. */
  #stamps = { any: zeroStamp, recorded: zeroStamp }

  constructor(replica: Replica, signal?: AbortSignal) {
    this.#replica = replica
    this.#signal = signal
  }

  async run(): Promise<Verified> {
    for (const feed of this.#replica.feeds.values()) await this.#guard(`feed ${toHex(feed.id)}`, () => this.#feed(feed))
    await this.#guard('record', () => recordProblems(this.#replica, (where) => this.#report(where)))
    this.#noted = await notedNames(this.#replica.store)
    for (const collection of this.#replica.state.collections) {
      await this.#guard(nameOf(collection), () => this.#collection(collection))
      await this.#guard(`search index of ${nameOf(collection)}`, () => this.#search(collection))
    }
    await this.#guard('totals', () => this.#totals())
    // What is counted can be compared only with a log that is sound.
    if (this.#problems.length === 0) await this.#guard('counters', () => this.#counters())
    return { ok: this.#problems.length === 0, commits: this.#commits, entries: this.#entries, problems: this.#problems }
  }

  async #counters(): Promise<void> {
    for (const { where } of await miscounts(this.#replica)) this.#report(where)
  }

  #report(where: string, code: ErrorCode = 'TAMPERED'): void {
    this.#problems.push({ code, where })
  }

  async #guard(where: string, check: () => Promise<void>): Promise<void> {
    this.#signal?.throwIfAborted()
    try {
      await check()
    } catch (error) {
      if (!(error instanceof VarveError)) throw error
      this.#report(`${where}: ${error.message}`, error.code)
    }
  }

  async #feed(feed: FeedRow): Promise<void> {
    const name = `feed ${toHex(feed.id)}`
    let previous = noCommit
    let seq = 0
    let signed = 0
    let recorded = 0
    while (seq < feed.length) {
      const rows = await this.#replica.store.commits(feed.no, seq, page)
      if (rows.length === 0) break
      for (const row of rows) {
        if (row.seq !== seq) return this.#report(`${name}: commit ${seq} is missing`)
        await this.#guard(`${name}, commit ${seq}`, () => Promise.resolve(this.#commit(feed, row, previous)))
        previous = row.id
        seq++
        if (row.signature !== null) signed = seq
        if (row.record !== null && ++recorded !== seq) this.#report(`${name}, commit ${seq - 1}: recorded out of order`)
      }
    }
    if (recorded !== feed.recorded)
      this.#report(`${name}: ${recorded} of its commits are recorded, not ${feed.recorded}`)
    const mayBeUnsigned = feed.no === this.#replica.state.ownFeed ? limits.unsignedCommits : 0
    if (seq - signed > mayBeUnsigned) this.#report(`${name}: commits ${signed} to ${seq - 1} have no signature`)
    if (seq !== feed.length) this.#report(`${name}: commits ${seq} to ${feed.length - 1} are missing`)
    else if (feed.length > 0 && !equalBytes(previous, feed.head))
      this.#report(`${name}: its head is not its last commit`)
  }

  #commit(feed: FeedRow, row: CommitRow, previous: Uint8Array): void {
    const name = `feed ${toHex(feed.id)}, commit ${row.seq}`
    const place = { database: this.#replica.context.id, feed: feed.id, seq: row.seq, previous }
    if (!equalBytes(commitId(place, row.header), row.id)) this.#report(`${name}: the header or the chain was changed`)
    if (
      row.signature !== null &&
      !primitives.ed25519.verify(feed.publicKey, feedHeadMessage(place, row.id), row.signature)
    ) {
      this.#report(`${name}: the signature does not fit`)
    }
    const header = decodeHeader(row.header)
    if (row.seq === 0) this.#device(feed, header)
    const gone = this.#replica.reader.pruned.dropped.has(row.no)
    const bodies = gone ? [] : splitBodies(header, row.bodies)
    if (header.stamp !== row.stamp) this.#report(`${name}: the stored stamp is not the header's`)
    if (!gone && !equalBytes(bodiesRoot(bodies), header.root)) this.#report(`${name}: the bodies were changed`)
    const commit = this.#replica.reader.decode({ ...row, size: row.bodies.length }, header)
    bodies.forEach((body, index) => {
      const read = this.#replica.reader.unseal(commit, index, body)
      if (!isLocked(read) && read.void) this.#report(`${name}, entry ${index}: ${read.reason ?? 'void'}`, 'INVALID')
    })
    this.#commits++
    this.#entries += header.entries.length
    if (row.refused === null) this.#counting += header.entries.length
    if (gone) this.#gone.commits++
    const stamps = this.#stamps
    stamps.any = laterStamp(stamps.any, row.stamp)
    if (row.refused === null && row.record !== null) stamps.recorded = laterStamp(stamps.recorded, row.stamp)
  }

  #device(feed: FeedRow, { device }: CommitHeader): void {
    const { context } = this.#replica
    const fits =
      device !== null &&
      equalBytes(feedId(context.id, device.publicKey, device.nonce), feed.id) &&
      equalBytes(device.publicKey, feed.publicKey) &&
      context.knows(device.publicKey)
    if (!fits) this.#report(`feed ${toHex(feed.id)}: it does not begin with a known device that it belongs to`)
  }

  async #collection(collection: CollectionState): Promise<void> {
    const { tag, name } = collection
    if (name !== null && !equalBytes(collectionTag(this.#replica.context.tagKey, name), tag))
      this.#report(`${nameOf(collection)}: its name is not the one its tag stands for`)
    const counts: Counts = { recorded: 0, pending: 0, cvs: 0 }
    await this.#documents(collection, counts)
    if (counts.recorded !== collection.recorded || counts.pending !== collection.pending)
      this.#report(`${nameOf(collection)}: its counters are not the number of its entries`)
    else if (counts.cvs !== (counts.recorded * (counts.recorded - 1)) / 2)
      this.#report(`${nameOf(collection)}: its versions do not count from 0 to ${counts.recorded - 1}`)
  }

  async #search(collection: CollectionState): Promise<void> {
    if (!(await searchAgrees(this.#replica, collection)))
      this.#report(`search index of ${nameOf(collection)}: its words are not those of the documents`)
  }

  async #documents(collection: CollectionState, counts: Counts): Promise<void> {
    let after = firstDocument(collection.no)
    for (;;) {
      const rows = await this.#replica.store.scan(collection.no, after, page)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.no
      const read = await this.#entriesOf(rows)
      for (const row of rows) {
        await this.#guard(`document ${toHex(row.tag)}`, () => this.#document(collection, row, counts, read.get(row.no)))
      }
    }
  }

  /**
   * The entries of a page of documents, read together, because those of one commit lie together; nothing
   * when one of them cannot be read: then each document is read, and judged, alone.
   */
  async #entriesOf(rows: readonly DocumentRow[]): Promise<ReadonlyMap<number, Stored>> {
    const { reader } = this.#replica
    const found = new Map<number, Stored>()
    try {
      const wanted: EntryRow[] = []
      for (const { no } of rows) {
        const stored = await this.#stored(no)
        found.set(no, { ...stored, entries: [] })
        wanted.push(...stored.kept)
      }
      for (const entry of await reader.read(wanted)) found.get(entry.row.document)?.entries.push(entry)
      return found
    } catch (error) {
      if (!(error instanceof VarveError)) throw error
      return new Map()
    }
  }

  async #stored(document: number): Promise<Omit<Stored, 'entries'>> {
    const { store, reader } = this.#replica
    const rows = await entryRows(store, document)
    const mark = reader.pruned.any ? await reader.pruned.storedEdge(document) : null
    return { rows, mark, kept: mark === null ? rows : rows.filter(({ place }) => place > mark.edge.record) }
  }

  async #document(
    collection: CollectionState,
    row: DocumentRow,
    counts: Counts,
    known: Stored | undefined,
  ): Promise<void> {
    const where = `document ${toHex(row.tag)}`
    const { reader, compare } = this.#replica
    const { rows, kept, mark } = known ?? (await this.#stored(row.no))
    const entries = known?.entries ?? (await reader.read(kept))
    if (mark !== null) await this.#edge(where, row, mark, rows)
    const base = mark?.edge.head ?? absentHead
    const folded = foldEntries(base, entries, compare)
    const stored = row.state === null ? absentHead : decodeHead(row.state)
    if (markOfHead(folded) !== markOfHead(stored)) this.#report(`${where}: the head is not what its entries say`)
    for (const problem of textProblems(stored)) this.#report(`${where}, ${problem}`)
    this.#files(where, entries)
    this.#sealed(where, { collection: collection.name ?? '', id: folded.state.id }, entries)
    await this.#rowsOf(where, row, rows, counts)
    if (rows.length >= limits.snapshotEvery) await this.#snapshots(row, mark, entries)
    await this.#indexes(collection, row, folded)
  }

  async #edge(where: string, row: DocumentRow, mark: EdgeMark, rows: readonly EntryRow[]): Promise<void> {
    this.#gone.versions += mark.edge.ov
    for (const problem of await edgeProblems(this.#replica, row.no, mark, rows)) this.#report(`${where}: ${problem}`)
  }

  #files(where: string, entries: readonly ReadEntry[]): void {
    for (const hash of unnoted(this.#noted, entries))
      this.#report(`${where}: the chunks of the file ${hash} are not noted`)
  }

  #sealed(where: string, document: SealedDocument, entries: readonly ReadEntry[]): void {
    for (const { version, path, reason } of wronglySealed(this.#replica.context, document, entries))
      this.#report(`${where}, version ${(entries[0]?.row.ov ?? 0) + version}, "${path}": ${reason}`, 'INVALID')
  }

  async #rowsOf(where: string, row: DocumentRow, entries: readonly EntryRow[], counts: Counts): Promise<void> {
    const commits = await this.#replica.reader.commits(entries.map(({ commit }) => commit))
    for (const [ov, entry] of entries.entries()) {
      const name = `${where}: entry ${entry.index} of commit ${entry.commit}`
      const commit = commits.get(entry.commit)
      const head = commit?.head
      if (commit === undefined || !equalBytes(rowTagOf(commit.header, entry.index), row.tag))
        this.#report(`${name} belongs to another document`)
      if (head === undefined || head.refused !== null || entry.place !== (head.record ?? pendingPlace + head.no))
        this.#report(`${name} is not where its commit was recorded`)
      const recorded = entry.place < pendingPlace
      if (recorded && entry.ov !== ov) this.#report(`${where}: version ${ov} is stored as ${entry.ov}`)
      counts.recorded += recorded ? 1 : 0
      counts.pending += recorded ? 0 : 1
      counts.cvs += recorded ? entry.cv : 0
    }
    this.#rows.entries += entries.length
  }

  /** A snapshot is the fold of the entries up to its place; below an edge nothing is left of it. */
  async #snapshots(row: DocumentRow, mark: EdgeMark | null, entries: readonly ReadEntry[]): Promise<void> {
    const base = mark?.edge.head ?? absentHead
    let below = pendingPlace
    for (;;) {
      const snapshot = await this.#replica.store.snapshot(row.no, below)
      if (snapshot === null) return
      this.#rows.snapshots++
      below = snapshot.place
      const upTo = entries.filter((entry) => entry.row.place <= snapshot.place)
      const isGone = mark !== null && snapshot.place <= mark.edge.record
      const fits = isGone
        ? snapshot.state === emptiedSnapshot
        : isSnapshotOf(snapshot.state, foldEntries(base, upTo, this.#replica.compare))
      if (!fits)
        this.#report(`document ${toHex(row.tag)}: its snapshot at record ${snapshot.place} is not what its entries say`)
    }
  }

  /**
   * Rows beyond those that belong to something, and the clock: never below what is recorded, and after a
   * refused jump not above pending commits of others either.
   */
  async #totals(): Promise<void> {
    const { clock, recordedClock } = this.#replica.state
    if (recordedClock !== this.#stamps.recorded || clock < recordedClock || clock > this.#stamps.any)
      this.#report('clock: it is not the one of the last commits')
    const { any, state } = this.#replica.reader.pruned
    if (any && (state.versions !== this.#gone.versions || state.commits !== this.#gone.commits))
      this.#report('pruning: what is said to be gone is not what is gone')
    const stats = await this.#replica.store.stats()
    const building = this.#replica.state.collections.some(({ indexes }) => indexes.some(({ ready }) => !ready))
    if (this.#rows.entries !== this.#counting || stats.entries !== this.#counting)
      this.#report(`entries: the commits have ${this.#counting}, the store ${stats.entries}`)
    if (stats.snapshots !== this.#rows.snapshots)
      this.#report(`snapshots: the documents have ${this.#rows.snapshots}, the store ${stats.snapshots}`)
    if (!building && stats.indexRows !== this.#rows.indexRows)
      this.#report(`index rows: the documents have ${this.#rows.indexRows}, the store ${stats.indexRows}`)
  }

  async #indexes(collection: CollectionState, row: DocumentRow, head: Head): Promise<void> {
    // One that is still being made does not have all its rows yet.
    for (const index of collection.indexes.filter(({ ready }) => ready)) {
      const keys = head.state.status === 'live' ? indexKeys(index.paths, documentOf(head)) : []
      this.#rows.indexRows += keys.length
      for (const key of keys) {
        const to = new Uint8Array([...key, 0])
        // Nothing stands between an id and the same id with a zero behind it, so the first row backwards is its own.
        const hits = await this.#replica.store.scanIndex({
          index: index.no,
          range: { from: key, to },
          reverse: true,
          after: { key, id: `${head.state.id}\0` },
          limit: 1,
        })
        const [hit] = hits
        if (hit === undefined || hit.document !== row.no || compareBytes(hit.key, key) !== 0) {
          this.#report(`document ${toHex(row.tag)}: its row in index "${index.paths.join(', ')}" is missing`)
        }
      }
    }
  }
}

function rowTagOf({ collections, entries }: CommitHeader, index: number): Uint8Array {
  const entry = entries[index]
  const collection = entry === undefined ? undefined : collections[entry.collection]
  return entry === undefined || collection === undefined ? new Uint8Array() : rowTag(collection, entry.tag)
}

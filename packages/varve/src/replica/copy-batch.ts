/** One write of the copy of a pruned replica: commits with their receipts, of which some have no bodies any more. */

import { toHex } from '../encoding/bytes.ts'
import { decodeHeader, splitBodies, type CommitHeader } from '../log/header.ts'
import { decodeReceipt, receiptId } from '../log/receipt.ts'
import { rowTags } from '../log/tag.ts'
import { VarveError } from '../errors.ts'
import type { CommitHead, CommitRow, FeedRow, ReceiptRow } from '../store/rows.ts'
import type { Cut } from './copy-pruned.ts'
import { countEntry, foldInto } from './count.ts'
import { checkCvs, countIn, type Recorded } from './counting.ts'
import { edgeName, encodeEdge, type Edge } from './edge-mark.ts'
import { noteAt } from './file-notes.ts'
import { finishDocuments } from './finish.ts'
import { Issues } from './issues.ts'
import { rangesOf } from './prune-drops.ts'
import { isLocked, type ReadCommit } from './reader.ts'
import { refoldMarked } from './refold.ts'
import type { Replica } from './replica.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** A receipt with its commit, as the original has it; no bodies when they are gone. */
export interface Copied {
  readonly receipt: ReceiptRow
  readonly head: CommitHead
  readonly bodies: Uint8Array | null
}

export interface Copying {
  readonly from: Replica
  readonly to: Replica
  readonly cut: Cut
}

/** Edges asked for at once. */
const lanes = 32

/** Adds the next receipts of the record, and their commits. */
export async function copyBatch(copying: Copying, copied: readonly Copied[]): Promise<void> {
  const commits = copied.map((each) => ({ ...each, header: decodeHeader(each.head.header) }))
  const edges = await edgesOf(copying, commits)
  const late = await copying.to.update(async (set) => {
    await set.load(commits.flatMap(({ header }) => rowTags(header)))
    const batch = new CopyBatch(copying, set, edges)
    for (const commit of commits) await batch.add(commit)
    return batch.finish()
  })
  // Now that the edges they begin at are stored.
  if (late.length > 0) await refold(copying.to, late)
}

/** Documents of which entries came that belong before others in time. */
function refold(to: Replica, late: readonly number[]): Promise<void> {
  const { store, reader, compare } = to
  return to.update(async (set) => {
    for (const document of await set.loadByNo(late)) {
      document.refold = true
      document.touched = true
    }
    await refoldMarked({ store, reader, compare }, set)
    finishDocuments(set)
  })
}

/** The edges of the documents of these commits, by row tag, as far as they may lie below one. */
async function edgesOf(
  { from, cut }: Copying,
  commits: readonly { readonly receipt: ReceiptRow; readonly header: CommitHeader }[],
): Promise<ReadonlyMap<string, Edge>> {
  const below = commits.filter(({ receipt }) => receipt.record < cut.pruned.reach)
  const tags = new Map(below.flatMap(({ header }) => rowTags(header).map((tag) => [toHex(tag), tag] as const)))
  const rows = await from.store.documents([...tags.values()])
  const known = rows.filter((row) => row !== null)
  const edges = new Map<string, Edge>()
  for (let i = 0; i < known.length; i += lanes) {
    const some = known.slice(i, i + lanes)
    const found = await Promise.all(some.map(({ no }) => from.reader.pruned.edge(no)))
    some.forEach(({ tag }, at) => {
      const edge = found[at]
      if (edge !== null && edge !== undefined) edges.set(toHex(tag), edge)
    })
  }
  return edges
}

interface Adding extends Copied {
  readonly header: CommitHeader
}

/** What one commit's entries are entered with. */
interface Entering {
  readonly row: CommitRow
  readonly header: CommitHeader
  readonly read: ReadCommit
  readonly parts: readonly Uint8Array[] | null
  readonly recorded: Recorded
}

class CopyBatch {
  readonly #to: Replica
  readonly #set: WorkingSet
  readonly #edges: ReadonlyMap<string, Edge>
  readonly #issues: Issues
  readonly #notes: Cut['notes']
  readonly #state: Cut['pruned']
  /** Edges that are taken over, and commits without bodies, by their numbers in the copy. */
  readonly #taken = new Map<number, Edge>()
  readonly #dropped: number[] = []
  readonly #late = new Set<number>()

  constructor({ to, cut }: Copying, set: WorkingSet, edges: ReadonlyMap<string, Edge>) {
    this.#to = to
    this.#set = set
    this.#edges = edges
    this.#issues = new Issues(to, set, (id) => to.feedById(id))
    this.#notes = cut.notes
    this.#state = cut.pruned
  }

  async add({ receipt, head, header, bodies }: Adding): Promise<void> {
    const set = this.#set
    const feed = set.feeds.get(head.feed) ?? this.#to.feeds.get(head.feed)
    if (feed === undefined || feed.length !== head.seq) throw unsound(`feed ${head.feed} at commit ${head.seq}`)
    const recorded = { record: receipt.record, receipt: decodeReceipt(receipt.bytes, header.entries.length) }
    const no = set.nextPosition()
    const { size, ...rest } = head
    // Stores remember the size of bodies that are dropped, not of those that never were.
    const row: CommitRow = { ...rest, no, bodies: bodies ?? new Uint8Array(size) }
    set.commits.push(row)
    if (bodies === null) this.#dropped.push(no)
    for (const [name, value] of this.#notes.get(head.no) ?? []) set.values.set(noteAt(name, no), value)
    this.#dependencies(row, header)
    this.#record(receipt, row, feed)
    await this.#issues.arrived({ no, id: row.id, publicKey: feed.publicKey, header }, recorded)
    if (head.refused !== null) return
    set.seeStamp(head.stamp, true)
    checkCvs(set, header.collections, recorded)
    const read = this.#to.reader.decode({ ...rest, no, size }, header, feed)
    const parts = bodies === null ? null : splitBodies(header, bodies)
    rowTags(header).forEach((tag, index) => {
      this.#enter({ row, header, read, parts, recorded }, index, tag)
    })
  }

  /** Numbers of documents that have to be folded again. */
  finish(): readonly number[] {
    const set = this.#set
    const { pruned } = this.#to.reader
    const pages = pruned.dropped.with(this.#dropped)
    for (const [name, page] of pages) set.values.set(name, page)
    set.bodiesDropped.push(...rangesOf(this.#dropped))
    set.pruning = { state: this.#state, edges: this.#taken }
    pruned.expect(pages)
    finishDocuments(set)
    return [...this.#late]
  }

  #dependencies({ feed, seq }: CommitRow, { dependencies }: CommitHeader): void {
    for (const { feed: id, length: seen } of dependencies) {
      const on = this.#to.feedById(id)
      if (on !== undefined) this.#set.dependencies.push({ feed, on: on.no, seq, seen })
    }
  }

  #record({ record, at, bytes, signature }: ReceiptRow, { no, id, seq }: CommitRow, feed: FeedRow): void {
    const set = this.#set
    const { head: previous } = set.state.record
    const head = receiptId({ database: this.#to.context.id, record, previous, commit: id }, bytes)
    set.feeds.set(feed.no, { ...feed, length: seq + 1, head: id, recorded: seq + 1 })
    set.receipts.push({ record, commit: no, at, bytes, signature })
    set.state = { ...set.state, record: { length: record + 1, head, at } }
  }

  #enter(entering: Entering, index: number, tag: Uint8Array): void {
    const { row, header, recorded } = entering
    const collectionTag = header.collections[header.entries[index]?.collection ?? -1]
    if (collectionTag === undefined) throw unsound(`entry ${index} of record ${recorded.record}`)
    const set = this.#set
    const collection = set.collectionByTag(collectionTag, null)
    const document = set.document(tag, collection.no)
    const counts = countIn(set, document, collection.no, recorded, index)
    const { record: place, receipt } = recorded
    set.entries.push({ document: document.no, place, index, commit: row.no, ...counts })
    document.head = countEntry(document.head, { place, cv: counts.cv, at: receipt.at })
    document.touched = true
    document.lastCommit = row.no
    const edge = this.#edges.get(toHex(tag))
    if (edge === undefined || place > edge.record) this.#fold(entering, index, document)
    else if (place === edge.record) this.#begin(document, edge)
  }

  /** Everything that is kept of the document comes after this. */
  #begin(document: WorkingDocument, edge: Edge): void {
    const { recorded, cv } = document.head
    if (recorded !== edge.ov + 1 || cv !== edge.cv) throw unsound(`the edge at record ${edge.record}`)
    document.head = edge.head
    this.#taken.set(document.no, edge)
    this.#set.values.set(edgeName(document.no), encodeEdge(this.#to.context, document.no, edge, null))
  }

  #fold({ row, read, parts, recorded }: Entering, index: number, document: WorkingDocument): void {
    const body = parts?.[index]
    if (body === undefined) throw unsound(`the bodies of record ${recorded.record}`)
    if (this.#late.has(document.no)) return
    const plain = this.#to.reader.unseal(read, index, body)
    if (isLocked(plain)) {
      this.#set.locked.push({ key: plain.lockedBy, document: document.no })
      return
    }
    const order = { stamp: row.stamp, feed: row.feed }
    if (this.#to.compare(order, document.head.order) <= 0) {
      this.#late.add(document.no)
      return
    }
    document.head = foldInto(document.head, plain, recorded.receipt.at, order, plain.key)
    this.#set.folded(document, recorded.record)
  }
}

function unsound(where: string): VarveError {
  return new VarveError('TAMPERED', `A pruned replica cannot be copied, ${where} is not what it should be: run verify`)
}

/** One write that takes commits and receipts over: what was checked is judged, folded and collected in a working set. */

import { compareBytes, toHex } from '../encoding/bytes.ts'
import type { Order } from '../document/head.ts'
import { stampMs } from '../encoding/stamp.ts'
import { VarveError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { epochAt } from '../log/appointment.ts'
import { noCommit } from '../log/commit.ts'
import { encodeReceipt, receiptId, type Receipt } from '../log/receipt.ts'
import { rowTags } from '../log/tag.ts'
import { pendingPlace, type CommitRow, type FeedRow } from '../store/rows.ts'
import { signHeads, signRecord } from './sign.ts'
import { EdgeGuard, type Arriving } from './below-edge.ts'
import type { CheckedCommit, CheckedReceipt } from './check.ts'
import { checkedAgain, storedCommit } from './checked-again.ts'
import { countEntry, foldInto } from './count.ts'
import { checkCvs, countIn, type Recorded } from './counting.ts'
import { noteFiles } from './file-notes.ts'
import { adoptDeclarations, isHidden } from './declarations.ts'
import { finishDocuments } from './finish.ts'
import { Issues } from './issues.ts'
import {
  acceptedWrongly,
  checkAccepted,
  distinct,
  inJudgingOrder,
  preconditions,
  standing,
  type Judged,
} from './judge.ts'
import { isLocked } from './reader.ts'
import { refoldMarked } from './refold.ts'
import type { Replica } from './replica.ts'
import { enterStandings } from './standings.ts'
import { subjectName } from './subjects.ts'
import { UniqueRecords } from './unique-records.ts'
import { applyVerdict } from './verdict.ts'
import type { WorkingSet } from './working.ts'

export class Ingest {
  readonly #replica: Replica
  readonly #set: WorkingSet
  readonly #unique: UniqueRecords
  readonly #guard: EdgeGuard
  readonly #issues: Issues
  /** Verdicts this recorder gave in this write. */
  readonly given: (ErrorCode | null)[] = []
  /** Numbers of the feeds this write brings, by id in hex. */
  readonly #newFeeds = new Map<string, number>()
  /** Bytes of the commits whose receipts the record's signature does not cover yet. */
  #unsignedBytes = 0

  constructor(replica: Replica, set: WorkingSet) {
    this.#replica = replica
    this.#set = set
    this.#unique = new UniqueRecords(replica, this.#compare, set)
    this.#guard = new EdgeGuard(replica.reader.pruned, set, this.#compare)
    this.#issues = new Issues(replica, set, (id) => this.#feed(id))
  }

  async run(commits: readonly CheckedCommit[], receipts: readonly CheckedReceipt[]): Promise<void> {
    // Receipts may make this device give its feed up: what it wrote must be signed before.
    await this.#sign()
    const subjects = receipts.flatMap(({ subject }) => (subject === null ? [] : rowTags(subject.header)))
    await this.#set.load([...commits.flatMap((commit) => commit.documents), ...subjects])
    const unrecorded = new Map(commits.map((commit) => [subjectName(commit.feed, commit.seq), commit]))
    for (const commit of commits) this.#register(commit)
    for (const receipt of receipts) {
      const name = subjectName(receipt.feed, receipt.seq)
      const commit = unrecorded.get(name)
      unrecorded.delete(name)
      if (receipt.receipt.refused === null) await this.#checkAccepted(receipt, commit)
      if (commit === undefined) await this.#judge(receipt)
      else await this.#apply(commit, { record: receipt.record, receipt: receipt.receipt })
      this.#storeReceipt(receipt, commit)
    }
    const { recordsNow } = this.#replica
    for (const commit of inJudgingOrder([...unrecorded.values()])) {
      const recorded = recordsNow ? await this.#record(commit, this.#set.state.position + 1) : null
      await this.#apply(commit, recorded, recorded === null ? await this.#guard.refusal(this.#arriving(commit)) : null)
      // What it declares counts from the next one on.
      if (recordsNow) this.#adopt(commit)
    }
    await this.release()
    await this.finish()
  }

  #adopt({ header, documents }: CheckedCommit): void {
    const { context } = this.#replica
    if (!header.collections.some((tag) => isHidden(context, tag))) return
    const changed = documents.flatMap((tag) => this.#set.find(tag) ?? [])
    adoptDeclarations(context, this.#set, changed)
  }

  /** Judges again what is held back: clocks move on, and devices get approved. */
  async release(): Promise<void> {
    let known: number
    do {
      known = this.#set.standings.length
      await this.#releaseOnce()
      // What was released may have approved the device of what was not.
    } while (this.#set.standings.length > known)
  }

  async #releaseOnce(): Promise<void> {
    for (const no of this.#set.state.held) {
      const row = await storedCommit(this.#replica, no)
      if (row === null || this.#set.verdicts.some(({ commit }) => commit === no)) continue
      const commit = checkedAgain(this.#replica, row)
      await this.#set.load(commit.documents)
      const { context } = this.#replica
      const refusal =
        standing(context, this.#set, commit.publicKey, commit.header, null) ??
        distinct(commit) ??
        (await this.#guard.refusal(this.#arriving(commit)))
      if (refusal !== null) continue
      this.#enterStandings(commit, no, null)
      this.#set.unhold(no)
      this.#set.verdicts.push({ commit: no, record: null, at: null, refused: null })
      this.#set.seeStamp(row.stamp, false)
      this.#fold(row, commit, null)
    }
  }

  /** Gives receipts to stored commits without one, a slice of them, in the order in which pending commits apply. */
  async recordStored(): Promise<void> {
    const rowsOf = new Map<CheckedCommit, CommitRow>()
    for (const feed of this.#replica.waitingFeeds) {
      const left = limits.pendingSlice - rowsOf.size
      if (left <= 0) break
      const rows = await this.#replica.store.commits(feed.no, feed.recorded, Math.min(left, limits.unsignedCommits))
      if (rows.length === 0)
        throw new VarveError('TAMPERED', `Feed ${toHex(feed.id)} ends at ${feed.recorded}: run verify`)
      for (const row of rows) rowsOf.set(checkedAgain(this.#replica, row), row)
    }
    for (const commit of inJudgingOrder([...rowsOf.keys()])) {
      const row = rowsOf.get(commit)
      if (row === undefined) continue
      await this.#set.load(commit.documents)
      const { record, receipt, id, bytes } = await this.#record(commit, row.no)
      const subject = { row, header: commit.header }
      const checked = { record, id, receipt, bytes, feed: commit.feed, seq: commit.seq, signature: null, subject }
      await this.#judge(checked)
    }
  }

  /** Applies a verdict on a commit that is stored. */
  async #judge(checked: CheckedReceipt): Promise<void> {
    applyVerdict(this.#replica, this.#set, checked)
    const { subject, feed } = checked
    const publicKey = this.#feed(feed)?.publicKey
    if (subject === null || publicKey === undefined) return
    await this.#issues.judged({ no: subject.row.no, id: subject.row.id, publicKey, header: subject.header }, checked)
  }

  /** Folds again what needs it, numbers the changes and signs. */
  async finish(): Promise<void> {
    const { store, reader, context } = this.#replica
    const source = { store, reader, compare: this.#compare, blind: context.blind === true }
    await refoldMarked(source, this.#set)
    finishDocuments(this.#set)
    await this.#sign()
  }

  async #sign(): Promise<void> {
    const own = this.#replica.ownFeed
    const { commits, receipts } = this.#set.state.unsigned
    if (commits === 0 && receipts === 0) return
    const [last] =
      own === null || commits === 0
        ? []
        : await this.#replica.store.commits(own.no, own.length - 1, 1, { bodies: false })
    signHeads(this.#replica.context, this.#set, own, last?.no ?? null)
  }

  /** The feed of a commit with this commit as its head; the own feed, grown elsewhere, is given up. */
  #register(commit: CheckedCommit): void {
    const set = this.#set
    const known = this.#feed(commit.feed)
    const feed: FeedRow = known ?? { ...this.#newFeed(commit.feed), publicKey: commit.publicKey }
    set.feeds.set(feed.no, { ...feed, publicKey: commit.publicKey, length: commit.seq + 1, head: commit.id })
    if (feed.no === set.state.ownFeed) set.state = { ...set.state, ownFeed: null }
  }

  #feed(id: Uint8Array): FeedRow | undefined {
    const stored = this.#replica.feedById(id)
    if (stored !== undefined) return this.#set.feeds.get(stored.no) ?? stored
    const no = this.#newFeeds.get(toHex(id))
    return no === undefined ? undefined : this.#set.feeds.get(no)
  }

  #newFeed(id: Uint8Array): FeedRow {
    const set = this.#set
    const no = set.state.feeds + 1
    set.state = { ...set.state, feeds: no }
    const feed = { no, id, publicKey: new Uint8Array(32), length: 0, head: noCommit, listed: 0, recorded: 0 }
    set.feeds.set(no, feed)
    this.#newFeeds.set(toHex(id), no)
    return feed
  }

  #storeReceipt(checked: CheckedReceipt, commit: CheckedCommit | undefined): void {
    const { record, id, receipt, bytes, signature } = checked
    const set = this.#set
    this.#markRecorded(checked.feed, checked.seq)
    const no = commit === undefined ? set.verdicts.at(-1)?.commit : set.commits.at(-1)?.no
    if (no === undefined) throw new VarveError('TAMPERED', `Receipt ${record} speaks of no commit`)
    set.receipts.push({ record, commit: no, at: receipt.at, bytes, signature })
    set.state = { ...set.state, record: { length: record + 1, head: id, at: receipt.at } }
  }

  /** Receipts follow the order of a feed, so that one number says which commits have one. */
  #markRecorded(id: Uint8Array, seq: number): void {
    const feed = this.#feed(id)
    if (feed === undefined) return
    if (feed.recorded !== seq) {
      throw new VarveError(
        'TAMPERED',
        `The record speaks of commit ${toHex(id)}/${seq} where ${feed.recorded} is next: the recorder broke the order of a feed; nothing was taken over`,
        { details: { feed: toHex(id), seq } },
      )
    }
    this.#set.feeds.set(feed.no, { ...feed, recorded: seq + 1 })
  }

  /** Where a commit stands in time. */
  #arriving({ feed, header, documents }: Pick<CheckedCommit, 'feed' | 'header' | 'documents'>): Arriving {
    return { order: { stamp: header.stamp, feed: this.#feed(feed)?.no ?? 0 }, documents }
  }

  #judged({ feed, seq, header, documents }: Pick<CheckedCommit, 'feed' | 'seq' | 'header' | 'documents'>): Judged {
    const feedNumber = (id: Uint8Array): number | undefined => this.#feed(id)?.no
    return { feed: feedNumber(feed) ?? 0, seq, header, documents, feedNumber }
  }

  /** A receipt speaks of a commit of the same unit, or of one that is stored. */
  async #checkAccepted(checked: CheckedReceipt, commit: CheckedCommit | undefined): Promise<void> {
    const { record, receipt, feed, seq, subject } = checked
    const header = (commit ?? subject)?.header
    const publicKey = this.#feed(feed)?.publicKey
    if (header === undefined || publicKey === undefined) return
    const documents = commit?.documents ?? rowTags(header)
    await this.#guard.assertAbove(this.#arriving({ feed, header, documents }))
    const { context } = this.#replica
    const { recorder } = epochAt(context.epochs(), record)
    const judged = this.#judged({ feed, seq, header, documents })
    await checkAccepted(context, this.#set, { ...judged, publicKey, recorder, recorded: { record, receipt } })
    const refusal = await this.#issues.refusal({ publicKey, header })
    if (refusal !== null) throw acceptedWrongly(record, refusal.reason)
  }

  /** Gives a commit the next receipt of this recorder; `no` is its local number. */
  async #record(
    commit: CheckedCommit,
    no: number,
  ): Promise<Recorded & { readonly id: Uint8Array; readonly bytes: Uint8Array }> {
    const { context } = this.#replica
    const set = this.#set
    const { length: record, head: previous, at: last } = set.state.record
    const now = context.env.now()
    const at = Math.max(now, last)
    const refused =
      standing(context, set, commit.publicKey, commit.header, at) ??
      distinct(commit) ??
      (await this.#issues.refusal(commit)) ??
      (await this.#guard.refusal(this.#arriving(commit))) ??
      (await preconditions(this.#replica.store, set, this.#judged(commit))) ??
      (await this.#unique.refusal(commit, no, this.#feed(commit.feed)))
    const ovs: number[] = []
    const cvs: number[] = []
    if (refused === null) {
      for (const document of commit.documents) ovs.push(set.find(document)?.head.recorded ?? 0)
      for (const tag of commit.header.collections) cvs.push(set.collectionByTag(tag, null).recorded)
    }
    const receipt = { at, refused, ovs, cvs }
    const bytes = encodeReceipt(receipt)
    const head = receiptId({ database: context.id, record, previous, commit: commit.id }, bytes)
    set.receipts.push({ record, commit: no, at, bytes, signature: null })
    this.#markRecorded(commit.feed, commit.seq)
    const { unsigned } = set.state
    set.state = {
      ...set.state,
      record: { length: record + 1, head, at },
      unsigned: { ...unsigned, receipts: unsigned.receipts + 1 },
    }
    this.given.push(refused?.code ?? null)
    this.#signRecordIfDue(commit)
    return { record, receipt, id: head, bytes }
  }

  /** Receipts that share a signature are sent together with their commits: they must fit into a unit. */
  #signRecordIfDue({ headerBytes, bodies }: CheckedCommit): void {
    this.#unsignedBytes += headerBytes.length + bodies.length
    if (this.#set.state.unsigned.receipts < limits.unsignedCommits && this.#unsignedBytes < limits.unsignedBytes) return
    signRecord(this.#replica.context, this.#set)
    this.#unsignedBytes = 0
  }

  /** Stores one commit and folds its entries into the working set. */
  async #apply(commit: CheckedCommit, recorded: Recorded | null, late: Receipt['refused'] = null): Promise<void> {
    const set = this.#set
    const no = set.nextPosition()
    const feed = this.#feed(commit.feed)?.no ?? 0
    const { context } = this.#replica
    const refusal =
      recorded === null
        ? (standing(context, set, commit.publicKey, commit.header, null) ?? distinct(commit) ?? late)
        : recorded.receipt.refused
    const refused = refusal?.code ?? null
    const row: CommitRow = {
      no,
      feed,
      seq: commit.seq,
      stamp: commit.header.stamp,
      id: commit.id,
      header: commit.headerBytes,
      bodies: commit.bodies,
      signature: commit.signature,
      record: recorded?.record ?? null,
      at: recorded?.receipt.at ?? null,
      refused,
    }
    set.commits.push(row)
    this.#dependencies(feed, commit)
    await this.#issues.arrived({ ...commit, no }, recorded)
    if (refused !== null && recorded === null) set.hold(no)
    if (refused !== null) return
    this.#enterStandings(commit, no, recorded)
    set.seeStamp(commit.header.stamp, recorded !== null)
    this.#fold(row, commit, recorded)
  }

  #enterStandings({ publicKey: author, feed, header }: CheckedCommit, no: number, recorded: Recorded | null): void {
    enterStandings(this.#set, {
      commit: no,
      author,
      stamp: header.stamp,
      feed,
      recorded: recorded === null ? null : { record: recorded.record, at: recorded.receipt.at },
      counts: true,
      changes: header.standings,
    })
  }

  #dependencies(feed: number, commit: CheckedCommit): void {
    for (const { feed: on, length } of commit.header.dependencies) {
      const other = this.#feed(on) ?? (this.#set.state.feeds < limits.knownFeeds ? this.#newFeed(on) : null)
      if (other === null) continue
      this.#set.dependencies.push({ feed, on: other.no, seq: commit.seq, seen: length })
    }
  }

  #fold(row: CommitRow, commit: CheckedCommit, recorded: Recorded | null): void {
    const set = this.#set
    const { context } = this.#replica
    const feed = this.#feed(commit.feed)
    const read = this.#replica.reader.decode({ ...row, size: row.bodies.length }, commit.header, feed)
    set.fresh.set(row.no, { commit: read, parts: commit.parts })
    if (recorded !== null) checkCvs(set, commit.header.collections, recorded)
    commit.header.entries.forEach((entry, index) => {
      const body = commit.parts[index]
      const collectionTag = commit.header.collections[entry.collection]
      const tag = commit.documents[index]
      if (body === undefined || collectionTag === undefined || tag === undefined) return
      const plain = this.#replica.reader.unseal(read, index, body)
      const collection = set.collectionByTag(collectionTag, isLocked(plain) ? null : plain.collection)
      const document = set.document(tag, collection.no)
      const { ov, cv } = countIn(set, document, collection.no, recorded, index)
      const place = recorded?.record ?? pendingPlace + row.no
      const at = recorded?.receipt.at ?? stampMs(row.stamp)
      set.enter({ document: document.no, place, index, commit: row.no, ov, cv }, entry.kind, at)
      document.head = countEntry(document.head, { place, cv, at })
      document.touched = true
      // A commit that was held back has a position that followers have passed: its documents get one of their own.
      if (row.no > this.#replica.state.position) document.lastCommit = row.no
      if (document.head.pending > 0 && recorded !== null) document.refold = true
      if (isLocked(plain)) {
        if (context.blind !== true) set.locked.push({ key: plain.lockedBy, document: document.no })
        return
      }
      noteFiles(set.values, plain.operations, row.no)
      const order = { stamp: row.stamp, feed: row.feed }
      if (this.#compare(order, document.head.order) <= 0) document.refold = true
      else document.head = foldInto(document.head, plain, at, order, plain.key)
      set.folded(document, place)
    })
  }

  /** Like the replica's own comparison, but knows the feeds this write brings. */
  readonly #compare = (a: Order, b: Order): number => {
    if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1
    return a.feed === b.feed ? 0 : compareBytes(this.#feedId(a.feed), this.#feedId(b.feed))
  }

  #feedId(no: number): Uint8Array {
    return (this.#set.feeds.get(no) ?? this.#replica.feeds.get(no))?.id ?? new Uint8Array()
  }
}

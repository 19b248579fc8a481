/** What a peer still lacks, unit by unit, at the cost of the difference: receipts with their commits, then pending commits. */

import { toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { noCommit } from '../log/commit.ts'
import { decodeHeader } from '../log/header.ts'
import { encodeUnit, type FeedRun, type RecordRun, type Unit } from '../log/unit.ts'
import type { CommitRow, FeedRow, ReceiptRow } from '../store/rows.ts'
import type { Position } from './position.ts'
import type { Replica } from './replica.ts'

/** Larger units are not kept: they are those of peers that catch up, each from its own place. */
const sharedBytes = 64 * 1024

/** How far back an urgent commit may reach for commits of its feed that the peer lacks. */
const urgentReach = 64

/** Part of a feed that receipts speak of. */
interface FeedRange {
  readonly feed: FeedRow
  readonly from: number
  end: number
}

/** A unit that every peer at this record number gets alike. */
interface SharedUnit {
  readonly from: number
  readonly end: number
  readonly bytes: Uint8Array
  readonly feeds: readonly FeedRun[]
}

/** The last such unit of each replica: a change goes to many peers, and is read and encoded once. */
const lastUnits = new WeakMap<Replica, SharedUnit>()

/** Follows what one peer holds of one replica. Everything given out ends at a signature. */
export class Outgoing {
  readonly #replica: Replica
  /** Receipts the peer holds. */
  #record: number
  /** Commits the peer holds of feeds, where that is more than its receipts say; by feed id in hex. */
  readonly #held = new Map<string, number>()
  readonly #blocked = new Set<string>()
  readonly #unfollow: () => void
  #urgentAfter: number
  /** Commits given out so far. */
  sent = 0

  constructor(replica: Replica, peer: Position) {
    this.#replica = replica
    this.#record = peer.record
    this.#urgentAfter = replica.state.position
    for (const { feed, length } of peer.feeds) this.#held.set(toHex(feed), length)
    this.#unfollow = replica.followed()
  }

  /** Receipts the peer has been given or gave itself. */
  get record(): number {
    return this.#record
  }

  close(): void {
    this.#unfollow()
  }

  /** Notes that the peer holds what it sent. */
  received(unit: Unit): void {
    for (const run of unit.feeds) this.#hold(run.feed, run.from + run.commits.length)
    if (unit.record !== null) this.#record = Math.max(this.#record, unit.record.from + unit.record.receipts.length)
  }

  /** Nothing more of this feed: the peer does not take it. */
  block(feed: Uint8Array): void {
    this.#blocked.add(toHex(feed))
  }

  /** The next unit the peer lacks; null when it has everything. */
  async next(): Promise<Uint8Array | null> {
    await this.#replica.sign()
    return (await this.#recorded()) ?? (await this.#pending())
  }

  /** Commits in these collections (tags in hex), ahead of the record; null when there is none that can go ahead. */
  async urgent(collections: ReadonlySet<string>): Promise<Uint8Array | null> {
    await this.#replica.sign()
    for (;;) {
      const heads = await this.#replica.store.commitsAfter(this.#urgentAfter, limits.unsignedCommits)
      if (heads.length === 0) return null
      for (const head of heads) {
        this.#urgentAfter = head.no
        const { collections: named } = decodeHeader(head.header)
        if (head.refused !== null || !named.some((tag) => collections.has(toHex(tag)))) continue
        const unit = await this.#ahead(head.feed, head.seq)
        if (unit !== null) return unit
      }
    }
  }

  async #ahead(no: number, seq: number): Promise<Uint8Array | null> {
    const feed = this.#replica.feeds.get(no)
    if (feed === undefined) return null
    const name = toHex(feed.id)
    const held = this.#held.get(name) ?? 0
    if (held > seq || this.#blocked.has(name)) return null
    const from = Math.max(0, seq - urgentReach + 1)
    const rows = await this.#replica.store.commits(no, from, seq - from + 1)
    const known = rows.findLast((row) => row.seq < held || (row.record !== null && row.record < this.#record))
    if (known === undefined && from > 0) return null
    const run = await this.#run(feed, known === undefined ? 0 : known.seq + 1, seq + 1, 0)
    return run === null ? null : encodeUnit({ feeds: [run], record: null })
  }

  async #recorded(): Promise<Uint8Array | null> {
    if (this.#record >= this.#replica.state.record.length) return null
    const last = lastUnits.get(this.#replica)
    if (last !== undefined && last.from === this.#record && this.#holdsNothingOf(last)) return this.#give(last)
    const receipts = await this.#receipts()
    if (receipts.length === 0) return null
    const { list, ranges } = await this.#subjects(receipts)
    const feeds: FeedRun[] = []
    let whole = true
    for (const { feed, from, end } of ranges) {
      const held = this.#held.get(toHex(feed.id)) ?? 0
      if (held > from) whole = false
      const run = await this.#run(feed, Math.max(from, held), end, 0)
      if (run !== null) feeds.push(run)
      else if (held <= end) this.#held.delete(toHex(feed.id))
    }
    const signature = receipts.at(-1)?.signature
    if (signature === null || signature === undefined) throw lost(`the signature of record ${this.#record}`)
    const from = this.#record
    const bytes = encodeUnit({ feeds, record: { from, receipts: list, signature } })
    this.#record += receipts.length
    if (whole && bytes.length <= sharedBytes) lastUnits.set(this.#replica, { from, end: this.#record, bytes, feeds })
    return bytes
  }

  /** The commits that receipts speak of, and how much of each feed they take. */
  async #subjects(
    receipts: readonly ReceiptRow[],
  ): Promise<{ readonly list: RecordRun['receipts']; readonly ranges: Iterable<FeedRange> }> {
    const heads = await this.#replica.store.commitHeads(receipts.map((receipt) => receipt.commit))
    const ranges = new Map<number, FeedRange>()
    const list = receipts.map((receipt, i) => {
      const head = heads[i]
      const feed = head === null || head === undefined ? undefined : this.#replica.feeds.get(head.feed)
      if (head === null || head === undefined || feed === undefined)
        throw lost(`the commit of receipt ${receipt.record}`)
      const range = ranges.get(feed.no)
      if (range === undefined) ranges.set(feed.no, { feed, from: head.seq, end: head.seq + 1 })
      else range.end = head.seq + 1
      return { feed: feed.id, seq: head.seq, bytes: receipt.bytes }
    })
    return { list, ranges: ranges.values() }
  }

  #holdsNothingOf({ feeds }: SharedUnit): boolean {
    return feeds.every(({ feed, from }) => (this.#held.get(toHex(feed)) ?? 0) <= from)
  }

  #give({ bytes, end, feeds }: SharedUnit): Uint8Array {
    this.#record = end
    for (const { feed, from, commits } of feeds) {
      this.#hold(feed, from + commits.length)
      this.sent += commits.length
    }
    return bytes
  }

  async #pending(): Promise<Uint8Array | null> {
    for (const feed of this.#replica.feeds.values()) {
      const name = toHex(feed.id)
      if (feed.length === feed.recorded || this.#blocked.has(name)) continue
      const run = await this.#run(feed, Math.max(feed.recorded, this.#held.get(name) ?? 0), 0, limits.batchBytes)
      if (run !== null) return encodeUnit({ feeds: [run], record: null })
    }
    return null
  }

  #hold(feed: Uint8Array, length: number): void {
    const name = toHex(feed)
    this.#held.set(name, Math.max(this.#held.get(name) ?? 0, length))
  }

  /** Receipts from here on, at most a batch of them when there are so many, ending signed. */
  async #receipts(): Promise<readonly ReceiptRow[]> {
    const taken: ReceiptRow[] = []
    let bytes = 0
    for (;;) {
      const page = await this.#replica.store.receipts(this.#record + taken.length, limits.unsignedCommits)
      const heads = await this.#replica.store.commitHeads(page.map((receipt) => receipt.commit))
      for (const [i, receipt] of page.entries()) {
        taken.push(receipt)
        bytes += receipt.bytes.length + (heads[i]?.size ?? 0) + (heads[i]?.header.length ?? 0)
        if (receipt.signature !== null && (bytes >= limits.batchBytes || taken.length >= limits.batchCommits / 2))
          return taken
      }
      if (page.length < limits.unsignedCommits) return signedPart(taken)
    }
  }

  /** Commits `from` … of a feed, at least up to `needed`, else about `bytes` of them, ending signed; null when there are none. */
  async #run(feed: FeedRow, from: number, needed: number, bytes: number): Promise<FeedRun | null> {
    if (from >= (needed === 0 ? feed.length : needed)) return null
    const commits = await this.#commits(feed, from, needed, bytes)
    const signature = commits.at(-1)?.signature
    if (signature === null || signature === undefined) {
      // What was written after the last signature goes next time; what is recorded is signed always.
      if (needed === 0) return null
      throw lost(`the signature of feed ${toHex(feed.id)}`)
    }
    const previous = from === 0 ? noCommit : (await this.#replica.store.commits(feed.no, from - 1, 1))[0]?.id
    if (previous === undefined) throw lost(`commit ${from - 1} of feed ${toHex(feed.id)}`)
    this.#hold(feed.id, from + commits.length)
    this.sent += commits.length
    const run = commits.map(({ header, bodies }) => ({ header, bodies }))
    return { feed: feed.id, from, previous, commits: run, signature }
  }

  async #commits(feed: FeedRow, from: number, needed: number, bytes: number): Promise<readonly CommitRow[]> {
    const taken: CommitRow[] = []
    let size = 0
    for (;;) {
      const page = await this.#replica.store.commits(feed.no, from + taken.length, limits.unsignedCommits)
      for (const commit of page) {
        taken.push(commit)
        size += commit.header.length + commit.bodies.length
        const enough = needed > 0 ? commit.seq + 1 >= needed : size >= bytes || taken.length >= limits.batchCommits / 2
        if (commit.signature !== null && enough) return taken
      }
      if (page.length < limits.unsignedCommits) return signedPart(taken)
    }
  }
}

/** Without what was written after the last signature. */
function signedPart<Row extends { readonly signature: Uint8Array | null }>(rows: readonly Row[]): readonly Row[] {
  return rows.slice(0, rows.findLastIndex((row) => row.signature !== null) + 1)
}

function lost(what: string): VarveError {
  return new VarveError('TAMPERED', `The store has lost ${what}: run verify and restore the replica`)
}

/** What a peer still lacks, unit by unit, at the cost of the difference: receipts with their commits, then pending commits. */

import { toHex } from '../encoding/bytes.ts'
import { limits } from '../limits.ts'
import { decodeHeader } from '../log/header.ts'
import { encodeUnit, type FeedRun, type Unit } from '../log/unit.ts'
import { feedRun, lost, receiptsFrom, type FeedRange } from './outgoing-runs.ts'
import type { FeedRow } from '../store/rows.ts'
import type { Position } from './position.ts'
import type { Replica } from './replica.ts'

/** Larger units are not kept: they are those of peers that catch up, each from its own place. */
const sharedBytes = 64 * 1024

/** How far back an urgent commit may reach for commits of its feed that the peer lacks. */
const urgentReach = 64

/** A unit with what the peer holds once it has it. */
interface Prepared {
  readonly bytes: Uint8Array
  readonly feeds: readonly FeedRun[]
  /** Receipts, from and to; null for a unit without a record. */
  readonly record: { readonly from: number; readonly end: number } | null
}

/** The last unit of each replica that every peer at its record number gets alike: a change is read and encoded once. */
const lastUnits = new WeakMap<Replica, Prepared>()

const reading = new WeakMap<Replica, Set<Promise<unknown>>>()

/** What is being read of a replica for those who get it next. */
function readingOf(replica: Replica): Set<Promise<unknown>> {
  const known = reading.get(replica)
  if (known !== undefined) return known
  const none = new Set<Promise<unknown>>()
  reading.set(replica, none)
  return none
}

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
  /** While a unit of the peer is taken over it is not known what the peer holds. */
  #taking: { readonly unit: Unit; readonly done: Promise<void>; readonly settle: () => void } | null = null
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
    this.dropped()
    this.#unfollow()
  }

  /** A unit of the peer is going to be taken over; `received` or `dropped` must follow. */
  receiving(unit: Unit): void {
    this.dropped()
    let settle: () => void = () => undefined
    const done = new Promise<void>((resolve) => {
      settle = resolve
    })
    this.#taking = { unit, done, settle }
  }

  /** It was: the peer holds what it sent. */
  received(): void {
    const unit = this.#taking?.unit
    if (unit === undefined) return
    for (const run of unit.feeds) this.#hold(run.feed, run.from + run.commits.length)
    if (unit.record !== null) this.#record = Math.max(this.#record, unit.record.from + unit.record.receipts.length)
    this.dropped()
  }

  /** It was not. */
  dropped(): void {
    this.#taking?.settle()
    this.#taking = null
  }

  /** Nothing more of this feed: the peer does not take it. */
  block(feed: Uint8Array): void {
    if (this.#replica.feedById(feed) !== undefined) this.#blocked.add(toHex(feed))
  }

  /** The next unit the peer lacks; null when it has everything. */
  async next(): Promise<Uint8Array | null> {
    await this.#turn()
    await this.#replica.sign()
    return this.#read(async () => (await this.#recorded()) ?? this.#pending())
  }

  /** Whether the peer has been given everything; false too while that is not known. */
  get dry(): boolean {
    if (this.#taking !== null || this.#record < this.#replica.state.record.length) return false
    return this.#replica.waitingFeeds.every((feed) => this.#lacks(feed) === null)
  }

  /** Commits in these collections (tags in hex), ahead of the record; null when there is none that can go ahead. */
  async urgent(collections: ReadonlySet<string>): Promise<Uint8Array | null> {
    await this.#turn()
    await this.#replica.sign()
    for (;;) {
      const heads = await this.#replica.store.commitsAfter(this.#urgentAfter, limits.unsignedCommits)
      if (heads.length === 0) return null
      for (const head of heads) {
        this.#urgentAfter = head.no
        const { collections: named } = decodeHeader(head.header)
        if (head.refused !== null || !named.some((tag) => collections.has(toHex(tag)))) continue
        const prepared = await this.#ahead(head.feed, head.seq)
        if (prepared !== null) return this.#give(prepared)
      }
    }
  }

  /** Waits for what is being taken over; who waits for what the peer wrote comes before the peer itself. */
  async #turn(): Promise<void> {
    if (this.#taking === null) return
    await this.#taking.done
    await Promise.allSettled(readingOf(this.#replica))
  }

  async #read(find: () => Promise<Prepared | null>): Promise<Uint8Array | null> {
    const found = find()
    const others = readingOf(this.#replica).add(found)
    try {
      return this.#give(await found)
    } finally {
      others.delete(found)
    }
  }

  #give(prepared: Prepared | null): Uint8Array | null {
    if (prepared === null) return null
    for (const { feed, from, commits } of prepared.feeds) {
      this.#hold(feed, from + commits.length)
      this.sent += commits.length
    }
    if (prepared.record !== null) this.#record = Math.max(this.#record, prepared.record.end)
    return prepared.bytes
  }

  async #ahead(no: number, seq: number): Promise<Prepared | null> {
    const feed = this.#replica.feeds.get(no)
    if (feed === undefined) return null
    const name = toHex(feed.id)
    const held = this.#held.get(name) ?? 0
    if (held > seq || this.#blocked.has(name)) return null
    const from = Math.max(0, seq - urgentReach + 1)
    // Bodies that have sunk count nothing here; the run is read whole.
    const rows = await this.#replica.store.commits(no, from, seq - from + 1, { bodies: false })
    const known = rows.findLast((row) => row.seq < held || (row.record !== null && row.record < this.#record))
    if (known === undefined && from > 0) return null
    const first = known === undefined ? 0 : known.seq + 1
    const lacking = rows.filter((row) => row.seq >= first)
    if (lacking.reduce((sum, row) => sum + row.header.length + row.bodies.length, 0) > limits.batchBytes) return null
    const run = await feedRun(this.#replica, feed, { from: first, needed: seq + 1 })
    return run === null ? null : prepare([run], null)
  }

  async #recorded(): Promise<Prepared | null> {
    // What comes while this waits is for the next unit.
    const from = this.#record
    const { length } = this.#replica.state.record
    if (from >= length) return null
    const last = lastUnits.get(this.#replica)
    if (last?.record?.from === from && this.#holdsNothingOf(last)) return last
    for (let most = length - from; ;) {
      const receipts = await receiptsFrom(this.#replica, from, most)
      if (receipts === null) return null
      const { list, signature, ranges } = receipts
      const whole = ranges.every((range) => (this.#held.get(toHex(range.feed.id)) ?? 0) <= range.from)
      const prepared = prepare(await this.#runs(ranges), { from, receipts: list, signature })
      if (prepared.bytes.length > limits.batchMaximumBytes / 2 && list.length > limits.unsignedCommits) {
        // Runs of feeds reach beyond what was asked of them, up to a signature: fewer receipts, fewer feeds.
        most = Math.floor(list.length / 2)
        continue
      }
      if (whole && prepared.bytes.length <= sharedBytes) lastUnits.set(this.#replica, prepared)
      return prepared
    }
  }

  async #runs(ranges: readonly FeedRange[]): Promise<readonly FeedRun[]> {
    const feeds: FeedRun[] = []
    for (const { feed, from, end } of ranges) {
      const held = this.#held.get(toHex(feed.id)) ?? 0
      const run = await feedRun(this.#replica, feed, { from: Math.max(from, held), needed: end })
      if (run !== null) feeds.push(run)
      else if (Math.max(from, held) < end) throw lost(`the signature of feed ${toHex(feed.id)}`)
    }
    return feeds
  }

  /** Commits without a receipt, once the peer holds every receipt. */
  async #pending(): Promise<Prepared | null> {
    for (const { no } of this.#replica.waitingFeeds) {
      const feed = this.#replica.feeds.get(no)
      if (this.#record < this.#replica.state.record.length) return this.#recorded()
      const from = feed === undefined ? null : this.#lacks(feed)
      if (feed === undefined || from === null) continue
      const run = await feedRun(this.#replica, feed, { from, needed: null })
      if (run !== null) return prepare([run], null)
    }
    return null
  }

  /** The first commit without a receipt that the peer lacks of a feed and would take; null when there is none. */
  #lacks({ id, length, recorded }: FeedRow): number | null {
    const name = toHex(id)
    const from = Math.max(recorded, this.#held.get(name) ?? 0)
    return from < length && !this.#blocked.has(name) ? from : null
  }

  #holdsNothingOf({ feeds }: Prepared): boolean {
    return feeds.every(({ feed, from }) => (this.#held.get(toHex(feed)) ?? 0) <= from)
  }

  #hold(feed: Uint8Array, length: number): void {
    const name = toHex(feed)
    this.#held.set(name, Math.max(this.#held.get(name) ?? 0, length))
  }
}

function prepare(feeds: readonly FeedRun[], record: Unit['record']): Prepared {
  const bytes = encodeUnit({ feeds, record })
  return {
    bytes,
    feeds,
    record: record === null ? null : { from: record.from, end: record.from + record.receipts.length },
  }
}

/** What one replica offers another: its vector and record, and the units that bring the other up to it. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import type { VarveError } from '../errors.ts'
import { encodeUnit, type FeedRun } from '../log/unit.ts'
import type { FeedRow } from '../store/rows.ts'
import { forked } from './check.ts'
import { feedRun, lost, receiptsFrom } from './outgoing-runs.ts'
import { twoRecords } from './position.ts'
import type { Replica } from './replica.ts'

/** What a replica holds: how far each feed goes, and the record. */
export interface Summary {
  readonly feeds: ReadonlyMap<string, { readonly length: number; readonly head: Uint8Array }>
  readonly record: number
  /** Id of the last receipt, to see that two records of one length are one. */
  readonly recordHead?: Uint8Array
}

export function summaryOf(replica: Replica): Summary {
  const feeds = new Map<string, { length: number; head: Uint8Array }>()
  for (const { id, length, head } of replica.feeds.values()) if (length > 0) feeds.set(toHex(id), { length, head })
  const { length, head } = replica.state.record
  return { feeds, record: length, recordHead: head }
}

/**
 * The units that `peer` lacks: first what is recorded, in record order with its receipts, then what is
 * pending. Everything sent ends at a signature; `replica.sign()` must have been called. Forks that the
 * summaries show are given to `report`, or thrown without one.
 */
export async function* unitsFor(
  replica: Replica,
  peer: Summary,
  report: (error: VarveError) => void = raise,
): AsyncGenerator<Uint8Array> {
  const sending = new Sending(replica, peer, report)
  yield* sending.recorded()
  yield* sending.pending()
}

function raise(error: VarveError): never {
  throw error
}

class Sending {
  readonly #replica: Replica
  readonly #lengths = new Map<number, number>()
  /** Feeds and the signed part of the record as they were when this began; what is written meanwhile goes next time. */
  readonly #feeds: readonly FeedRow[]
  readonly #end: number
  #record: number

  constructor(replica: Replica, peer: Summary, report: (error: VarveError) => void) {
    this.#replica = replica
    this.#record = peer.record
    const { record, unsigned } = replica.state
    this.#end = record.length - unsigned.receipts
    this.#feeds = [...replica.feeds.values()]
    const { recordHead } = peer
    if (recordHead !== undefined && peer.record === record.length && !equalBytes(recordHead, record.head))
      report(twoRecords(record.length))
    for (const feed of this.#feeds) {
      const theirs = peer.feeds.get(toHex(feed.id))
      if (theirs?.length === feed.length && !equalBytes(theirs.head, feed.head))
        report(forked(feed.id, feed.length - 1))
      this.#lengths.set(feed.no, theirs?.length ?? 0)
    }
  }

  async *recorded(): AsyncGenerator<Uint8Array> {
    while (this.#record < this.#end) {
      const receipts = await receiptsFrom(this.#replica, this.#record, this.#end - this.#record)
      if (receipts === null) throw lost(`the signature of record ${this.#end - 1}`)
      const { list, signature, ranges } = receipts
      const feeds: FeedRun[] = []
      for (const { feed, end } of ranges) {
        const run = await this.#run(feed, end)
        if (run !== null) feeds.push(run)
        else if ((this.#lengths.get(feed.no) ?? 0) < end) throw lost(`the signature of feed ${toHex(feed.id)}`)
      }
      const unit = encodeUnit({ feeds, record: { from: this.#record, receipts: list, signature } })
      this.#record += list.length
      yield unit
    }
  }

  async *pending(): AsyncGenerator<Uint8Array> {
    for (const feed of this.#feeds) {
      for (let run = await this.#run(feed, null); run !== null; run = await this.#run(feed, null))
        yield encodeUnit({ feeds: [run], record: null })
    }
  }

  /** The next commits of a feed, at least up to `needed`; null when the peer has them, or none of them is signed yet. */
  async #run(feed: FeedRow, needed: number | null): Promise<FeedRun | null> {
    const from = this.#lengths.get(feed.no) ?? 0
    const run = await feedRun(this.#replica, feed, { from, needed })
    if (run !== null) this.#lengths.set(feed.no, from + run.commits.length)
    return run
  }
}

/** True when both replicas belong to one database. */
export function sameDatabase(a: Replica, b: Replica): boolean {
  return equalBytes(a.context.id, b.context.id)
}

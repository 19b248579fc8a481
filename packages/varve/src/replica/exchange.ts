/** What one replica offers another: its vector and record, and the units that bring the other up to it. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { noCommit } from '../log/commit.ts'
import { epochEnd } from '../log/appointment.ts'
import { encodeUnit, type FeedRun, type RecordRun } from '../log/unit.ts'
import { limits } from '../limits.ts'
import type { CommitRow, FeedRow, ReceiptRow } from '../store/rows.ts'
import { forked } from './check.ts'
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
  /** How far feeds and record went when this began, all of it signed; what is written meanwhile goes next time. */
  readonly #ends = new Map<number, number>()
  readonly #end: number
  #record: number

  constructor(replica: Replica, peer: Summary, report: (error: VarveError) => void) {
    this.#replica = replica
    this.#record = peer.record
    this.#end = replica.state.record.length
    const { recordHead } = peer
    if (recordHead !== undefined && peer.record === this.#end && !equalBytes(recordHead, replica.state.record.head))
      report(forkedRecord(this.#end))
    for (const feed of replica.feeds.values()) {
      const theirs = peer.feeds.get(toHex(feed.id))
      if (theirs?.length === feed.length && !equalBytes(theirs.head, feed.head))
        report(forked(feed.id, feed.length - 1))
      this.#lengths.set(feed.no, theirs?.length ?? 0)
      this.#ends.set(feed.no, feed.length)
    }
  }

  async *recorded(): AsyncGenerator<Uint8Array> {
    while (this.#record < this.#end) {
      const receipts = await this.#signedReceipts()
      const heads = await this.#replica.store.commitHeads(receipts.map((receipt) => receipt.commit))
      const ends = new Map<number, number>()
      const run: { feed: Uint8Array; seq: number; bytes: Uint8Array }[] = []
      receipts.forEach((receipt, i) => {
        const head = heads[i]
        const feed = head === null || head === undefined ? undefined : this.#replica.feeds.get(head.feed)
        if (head === null || head === undefined || feed === undefined)
          throw lost(`the commit of receipt ${receipt.record}`)
        ends.set(feed.no, Math.max(ends.get(feed.no) ?? 0, head.seq + 1))
        run.push({ feed: feed.id, seq: head.seq, bytes: receipt.bytes })
      })
      const feeds: FeedRun[] = []
      for (const [no, needed] of ends) {
        const part = await this.#feedRun(no, needed, Number.MAX_SAFE_INTEGER)
        if (part !== null) feeds.push(part)
      }
      const signature = receipts.at(-1)?.signature
      if (signature === null || signature === undefined) throw lost(`the signature of record ${this.#end - 1}`)
      const record: RecordRun = { from: this.#record, receipts: run, signature }
      this.#record += receipts.length
      yield encodeUnit({ feeds, record })
    }
  }

  async *pending(): AsyncGenerator<Uint8Array> {
    for (const feed of this.#replica.feeds.values()) {
      for (;;) {
        const run = await this.#feedRun(feed.no, 0, limits.batchBytes)
        if (run === null) break
        yield encodeUnit({ feeds: [run], record: null })
      }
    }
  }

  /** Receipts of one recorder from here to a signed one, at least a batch of them when there are so many. */
  async #signedReceipts(): Promise<readonly ReceiptRow[]> {
    const taken: ReceiptRow[] = []
    const most = epochEnd(this.#replica.context.epochs(), this.#record) - this.#record
    let bytes = 0
    for (;;) {
      const page = await this.#replica.store.receipts(this.#record + taken.length, limits.unsignedCommits)
      const heads = await this.#replica.store.commitHeads(page.map((receipt) => receipt.commit))
      for (const [i, receipt] of page.entries()) {
        taken.push(receipt)
        bytes += receipt.bytes.length + (heads[i]?.size ?? 0) + (heads[i]?.header.length ?? 0)
        if (receipt.signature !== null && (bytes >= limits.batchBytes || taken.length >= most)) return taken
      }
      if (page.length < limits.unsignedCommits) return signedPart(taken)
    }
  }

  /** The next commits of a feed, at least up to `needed`, ending signed; null when the peer has them. */
  async #feedRun(no: number, needed: number, bytes: number): Promise<FeedRun | null> {
    const feed = this.#replica.feeds.get(no)
    const from = this.#lengths.get(no) ?? 0
    if (feed === undefined || from >= Math.max(needed, needed === 0 ? (this.#ends.get(no) ?? 0) : 0)) return null
    const commits = await this.#signedCommits(feed, from, needed, bytes)
    const signature = commits.at(-1)?.signature
    if (signature === null || signature === undefined) {
      // What was written after the last signature goes next time; what is recorded is signed always.
      if (needed === 0) return null
      throw lost(`the signature of feed ${toHex(feed.id)}`)
    }
    const previous = from === 0 ? noCommit : (await this.#replica.store.commits(no, from - 1, 1))[0]?.id
    if (previous === undefined) throw lost(`commit ${from - 1} of feed ${toHex(feed.id)}`)
    this.#lengths.set(no, from + commits.length)
    return {
      feed: feed.id,
      from,
      previous,
      commits: commits.map(({ header, bodies }) => ({ header, bodies })),
      signature,
    }
  }

  async #signedCommits(feed: FeedRow, from: number, needed: number, bytes: number): Promise<readonly CommitRow[]> {
    const taken: CommitRow[] = []
    let size = 0
    for (;;) {
      const page = await this.#replica.store.commits(feed.no, from + taken.length, limits.unsignedCommits)
      for (const commit of page) {
        taken.push(commit)
        size += commit.header.length + commit.bodies.length
        const enough = needed > 0 ? commit.seq + 1 >= needed : size >= bytes
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

function forkedRecord(length: number): VarveError {
  return new VarveError(
    'TAMPERED',
    `The two records of ${length} receipts differ: the recorder issued two histories, or was restored from a copy`,
    { details: { record: length - 1 } },
  )
}

function lost(what: string): VarveError {
  return new VarveError('TAMPERED', `The store has lost ${what}: run verify and restore the replica`)
}

/** True when both replicas belong to one database. */
export function sameDatabase(a: Replica, b: Replica): boolean {
  return equalBytes(a.context.id, b.context.id)
}

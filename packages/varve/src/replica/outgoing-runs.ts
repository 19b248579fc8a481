/** Reading what goes into a unit: runs of receipts and of commits, each ending at a signature and within the limits. */

import { toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { epochEnd } from '../log/appointment.ts'
import { noCommit } from '../log/commit.ts'
import type { FeedRun, RecordRun } from '../log/unit.ts'
import type { CommitHead, CommitRow, FeedRow, ReceiptRow } from '../store/rows.ts'
import type { Replica } from './replica.ts'

/** Part of a feed that receipts speak of. */
export interface FeedRange {
  readonly feed: FeedRow
  readonly from: number
  end: number
}

/** A receipt with the commit it speaks of. */
interface Recorded {
  readonly receipt: ReceiptRow
  readonly head: CommitHead
}

/** Consecutive receipts that end signed, and how much of each feed they take. */
export interface Receipts {
  readonly list: RecordRun['receipts']
  readonly signature: Uint8Array
  readonly ranges: readonly FeedRange[]
}

/**
 * Receipts from `from` on, about a batch of them and at most `most`, ending signed; null when none of those is. What
 * stands between two signatures is never cut, so it bounds how far `most` and the batch are overrun. Receipts of two
 * recorders never go together: whether the second may is judged by what comes before.
 */
export async function receiptsFrom(replica: Replica, from: number, most: number): Promise<Receipts | null> {
  const taken: Recorded[] = []
  const whole = Math.min(most, limits.runCommits, epochEnd(replica.context.epochs(), from) - from)
  let bytes = 0
  let signed = 0
  for (;;) {
    const page = await replica.store.receipts(from + taken.length, limits.unsignedCommits)
    const heads = await replica.store.commitHeads(page.map((receipt) => receipt.commit))
    for (const [i, receipt] of page.entries()) {
      const full = bytes >= limits.batchBytes || taken.length >= whole
      if (full && signed > 0) return receiptsOf(replica, taken.slice(0, signed))
      const head = heads[i]
      if (head === null || head === undefined) throw lost(`the commit of receipt ${receipt.record}`)
      taken.push({ receipt, head })
      bytes += receipt.bytes.length + head.size + head.header.length
      if (receipt.signature !== null) signed = taken.length
    }
    if (page.length < limits.unsignedCommits) return receiptsOf(replica, taken.slice(0, signed))
  }
}

function receiptsOf(replica: Replica, taken: readonly Recorded[]): Receipts | null {
  const signature = taken.at(-1)?.receipt.signature ?? null
  if (signature === null) return null
  const ranges = new Map<number, FeedRange>()
  const list = taken.map(({ receipt, head }) => {
    const feed = replica.feeds.get(head.feed)
    if (feed === undefined) throw lost(`the feed of receipt ${receipt.record}`)
    const range = ranges.get(feed.no)
    if (range === undefined) ranges.set(feed.no, { feed, from: head.seq, end: head.seq + 1 })
    else range.end = head.seq + 1
    return { feed: feed.id, seq: head.seq, bytes: receipt.bytes }
  })
  return { list, signature, ranges: [...ranges.values()] }
}

/**
 * Commits of a feed from `from` on, up to the first signature at or behind `needed`, or without it about a batch of
 * them; null when there are none, or none that is signed.
 */
export async function feedRun(
  replica: Replica,
  feed: FeedRow,
  { from, needed }: { readonly from: number; readonly needed: number | null },
): Promise<FeedRun | null> {
  if (from >= (needed ?? feed.length)) return null
  const commits = await signedCommits(replica, feed, from, needed)
  const signature = commits.at(-1)?.signature
  if (signature === null || signature === undefined) return null
  const previous = from === 0 ? noCommit : (await replica.store.commits(feed.no, from - 1, 1, { bodies: false }))[0]?.id
  if (previous === undefined) throw lost(`commit ${from - 1} of feed ${toHex(feed.id)}`)
  const run = commits.map(({ header, bodies }) => ({ header, bodies }))
  return { feed: feed.id, from, previous, commits: run, signature }
}

/** Never beyond the feed as it was given: what came meanwhile may have come from the peer. */
async function signedCommits(
  replica: Replica,
  feed: FeedRow,
  from: number,
  needed: number | null,
): Promise<readonly CommitRow[]> {
  const taken: CommitRow[] = []
  let size = 0
  let signed = 0
  while (from + taken.length < feed.length) {
    const most = Math.min(limits.unsignedCommits, feed.length - from - taken.length)
    const page = await replica.store.commits(feed.no, from + taken.length, most)
    for (const commit of page) {
      if (replica.reader.pruned.dropped.has(commit.no)) throw notHere(replica, feed, commit.seq)
      const full = size >= limits.batchBytes || taken.length >= limits.runCommits
      if (needed === null ? full && signed > 0 : signed >= needed - from) return taken.slice(0, signed)
      taken.push(commit)
      size += commit.header.length + commit.bodies.length
      if (commit.signature !== null) signed = taken.length
    }
    if (page.length < most) break
  }
  return taken.slice(0, signed)
}

function notHere({ context }: Replica, { id }: FeedRow, seq: number): VarveError {
  return new VarveError(
    'PRUNED',
    `Commit ${toHex(id)}/${seq} of "${context.name}", which the other side lacks, has been pruned here: sync with a copy that holds it`,
    { details: { feed: toHex(id), seq } },
  )
}

export function lost(what: string): VarveError {
  return new VarveError('TAMPERED', `The store has lost ${what}: run verify and restore the replica`)
}

/** Signing heads: one signature over the last commit of a feed, or the last receipt, proves all before it. */

import { feedHeadMessage, noCommit } from '../log/commit.ts'
import { recordHeadMessage } from '../log/receipt.ts'
import type { FeedRow } from '../store/rows.ts'
import type { ReplicaContext } from './context.ts'
import type { WorkingSet } from './working.ts'

/**
 * Signs the heads of the own feed and, for a recorder, of the record, so that everything below may
 * leave the device. `lastCommit` is the local number of the feed's last commit when it is stored already.
 */
export function signHeads(
  context: ReplicaContext,
  set: WorkingSet,
  feed: FeedRow | null,
  lastCommit: number | null,
): void {
  const { unsigned } = set.state
  if (feed !== null && unsigned.commits > 0) {
    const place = { database: context.id, feed: feed.id, seq: feed.length - 1, previous: noCommit }
    const signature = context.device.sign(feedHeadMessage(place, feed.head))
    const position = set.commits.findLastIndex((commit) => commit.feed === feed.no)
    const last = set.commits[position]
    if (last !== undefined) set.commits[position] = { ...last, signature }
    else if (lastCommit !== null) set.commitSignatures.push({ commit: lastCommit, signature })
  }
  if (unsigned.receipts > 0) signRecord(context, set)
  set.state = { ...set.state, unsigned: { commits: 0, bytes: 0, receipts: 0 } }
}

/** Signs the last receipt alone. */
export function signRecord(context: ReplicaContext, set: WorkingSet): void {
  const { record, unsigned } = set.state
  const signature = context.device.sign(recordHeadMessage(context.id, record.length - 1, record.head))
  const last = set.receipts.at(-1)
  if (last === undefined) set.receiptSignatures.push({ record: record.length - 1, signature })
  else set.receipts[set.receipts.length - 1] = { ...last, signature }
  set.state = { ...set.state, unsigned: { ...unsigned, receipts: 0 } }
}

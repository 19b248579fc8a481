/** Checking the record: receipts chained, in time, signed by their recorders, and what is stored beside them. */

import { primitives } from '../crypto/primitives.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { limits } from '../limits.ts'
import { epochAt } from '../log/appointment.ts'
import { decodeHeader, type CommitName } from '../log/header.ts'
import { decodeReceipt, noReceipt, receiptId, recordHeadMessage } from '../log/receipt.ts'
import type { CommitHead } from '../store/rows.ts'
import { issueFor } from './issues.ts'
import type { Replica } from './replica.ts'

/** Receipts read at once. */
const page = 64

/** Checks every receipt against the one before it, its commit and its signatures; gives what is wrong to `report`. */
export async function recordProblems(replica: Replica, report: (where: string) => void): Promise<void> {
  const { context, state, store } = replica
  const epochs = context.epochs()
  let previous = noReceipt
  let at = 0
  let record = 0
  let signed = 0
  while (record < state.record.length) {
    const rows = await store.receipts(record, page)
    const heads = await store.commitHeads(rows.map((row) => row.commit))
    if (rows.length === 0) break
    for (const [i, row] of rows.entries()) {
      const head = heads[i]
      if (row.record !== record || head === null || head === undefined)
        return report(`record ${record}: it, or its commit, is missing`)
      const id = receiptId({ database: context.id, record, previous, commit: head.id }, row.bytes)
      const header = decodeHeader(head.header)
      const receipt = decodeReceipt(row.bytes, header.entries.length)
      if (
        row.signature !== null &&
        !primitives.ed25519.verify(
          epochAt(epochs, record).recorder,
          recordHeadMessage(context.id, record, id),
          row.signature,
        )
      ) {
        report(`record ${record}: the signature of the recorder does not fit`)
      }
      if (
        receipt.at !== row.at ||
        receipt.at < at ||
        head.at !== row.at ||
        head.record !== record ||
        (receipt.refused?.code ?? null) !== head.refused
      ) {
        report(`record ${record}: what is stored beside the receipt differs from it`)
      }
      if (receipt.refused === null && header.original !== null && !(await countsOnce(replica, head, header.original)))
        report(`record ${record}: it accepts what was not refused as ahead of time, or is issued again elsewhere`)
      previous = id
      at = receipt.at
      record++
      if (row.signature !== null) signed = record
    }
  }
  if (record - signed > (replica.records ? limits.unsignedCommits : 0))
    report(`record ${signed} to ${record - 1}: the recorder has not signed`)
  if (record !== state.record.length) report(`record ${record}: it is missing`)
  else if (!equalBytes(previous, state.record.head) || at !== state.record.at)
    report('record: its head is not its last receipt')
}

/** Whether an accepted commit may stand for another, and is noted as the one that does: then no other is. */
async function countsOnce(replica: Replica, head: CommitHead, { feed: feedId, seq, id }: CommitName): Promise<boolean> {
  const [feed, own] = [replica.feedById(feedId), replica.feeds.get(head.feed)]
  if (feed === undefined || own === undefined || !equalBytes(feed.publicKey, own.publicKey)) return false
  const [original] = await replica.store.commits(feed.no, seq, 1, { bodies: false })
  return (
    original !== undefined &&
    equalBytes(original.id, id) &&
    (original.record ?? Infinity) < (head.record ?? 0) &&
    original.refused === 'CLOCK_AHEAD' &&
    (await issueFor(replica.store, id)) === head.no
  )
}

/** Waiting for the recorder's word on a write. */

import { compareBytes } from '../encoding/bytes.ts'
import { isoTime } from '../document/head.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { decodeHeader } from '../log/header.ts'
import { decodeReceipt, type Receipt } from '../log/receipt.ts'
import { rowTags } from '../log/tag.ts'
import { noVersion, rowOfVersion } from '../replica/history.ts'
import { issuedAgain, standsFor } from '../replica/reissue.ts'
import type { Replica } from '../replica/replica.ts'
import type { CommitHead } from '../store/rows.ts'
import { tagOf, type Space } from './space.ts'
import type { WriteReceipt } from './types.ts'

/**
 * The receipt of the entry of document `id` in a commit, as soon as there is one; for a null commit,
 * of the document's last version. What was refused as ahead of time gets that of the commit that stands for it. Rejects
 * with the recorder's code when it was refused, with what keeps it from being issued again, and with `CLOSED` when the
 * database closes first.
 */
export async function receiptOf(space: Space, id: string, commit: number | null): Promise<WriteReceipt> {
  const { replica } = space
  const tag = tagOf(space, id)
  const no = commit ?? (await lastCommit(replica, tag))
  const head = await recordedCommit(replica, no)
  const record = head.record ?? 0
  const header = decodeHeader(head.header)
  const receipt = await storedReceipt(replica, record, header.entries.length)
  if (receipt.refused !== null) {
    const isAhead = receipt.refused.code === 'CLOCK_AHEAD'
    const again = await (isAhead ? nextIssue(replica, id, head, record) : standsFor(replica, head))
    if (again !== null) return receiptOf(space, id, again)
    const message = `The recorder refused the change of "${id}": ${receipt.refused.reason}`
    throw new VarveError(receipt.refused.code, message, { details: { id, record } })
  }
  const index = rowTags(header).findIndex((entry) => compareBytes(entry, tag) === 0)
  const collection = header.entries[index]?.collection ?? 0
  const before = header.entries.slice(0, index).filter((entry) => entry.collection === collection).length
  return { record, ov: receipt.ovs[index] ?? 0, cv: (receipt.cvs[collection] ?? 0) + before, at: isoTime(receipt.at) }
}

/** The receipt of a recorded version. Throws `NOT_FOUND`. */
export async function receiptOfVersion(space: Space, id: string, ov: number): Promise<WriteReceipt> {
  const { store } = space.replica
  const [document] = await store.documents([tagOf(space, id)])
  const row = document === null || document === undefined ? null : await rowOfVersion(store, document.no, ov)
  if (row === null) throw noVersion(id, ov)
  return receiptOf(space, id, row.commit)
}

async function lastCommit({ store }: Replica, tag: Uint8Array): Promise<number> {
  const [document] = await store.documents([tag])
  const [entry] =
    document === null || document === undefined
      ? []
      : await store.entries(document.no, { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1, reverse: true })
  if (entry === undefined) throw new VarveError('NOT_FOUND', 'The document has no entries any more')
  return entry.commit
}

/** The commit once it has its receipt. The store is read when the call is made and when the receipt is there. */
async function recordedCommit(replica: Replica, no: number): Promise<CommitHead> {
  for (;;) {
    const [head] = await replica.store.commitHeads([no])
    if (head === null || head === undefined)
      throw new VarveError('TAMPERED', `Commit ${no} is missing from the store: run verify`)
    if (head.record !== null) return head
    // Its receipt may have come while the store was read.
    const recorded = replica.feeds.get(head.feed)?.recorded ?? 0
    if (recorded <= head.seq) await replica.awaited.receipt(no)
  }
}

async function storedReceipt({ store }: Replica, record: number, entries: number): Promise<Receipt> {
  const [row] = await store.receipts(record, 1)
  if (row === undefined) throw new VarveError('TAMPERED', `Receipt ${record} is missing from the store: run verify`)
  return decodeReceipt(row.bytes, entries)
}

async function nextIssue(replica: Replica, id: string, head: CommitHead, record: number): Promise<number | null> {
  try {
    return await issuedAgain(replica, head, record)
  } catch (error) {
    if (!isVarveError(error) || error.code === 'CLOSED' || error.code === 'STORE_FAILED') throw error
    const message = `The change of "${id}" was refused as ahead of time and cannot be issued again: ${error.message}`
    throw new VarveError(error.code, message, { details: { id, record }, cause: error })
  }
}

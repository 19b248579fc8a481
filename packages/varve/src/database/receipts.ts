/** Waiting for the recorder's word on a write. */

import { isoTime } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { decodeHeader } from '../log/header.ts'
import { decodeReceipt } from '../log/receipt.ts'
import { rowTags } from '../log/tag.ts'
import type { CommitHead } from '../store/rows.ts'
import { reissuedAs } from '../replica/reissue.ts'
import { compareBytes } from '../encoding/bytes.ts'
import { tagOf, type Space } from './space.ts'
import type { WriteReceipt } from './types.ts'

/**
 * The receipt of the entry of document `id` in a commit, as soon as there is one; for a null commit,
 * of the document's last version. Rejects with the recorder's code when it was refused, and with
 * `CLOSED` when the database closes first.
 */
export async function receiptOf(space: Space, id: string, commit: number | null): Promise<WriteReceipt> {
  const tag = tagOf(space, id)
  const no = commit ?? (await lastCommit(space, tag))
  const head = await recorded(space, no)
  const header = decodeHeader(head.header)
  const index = rowTags(header).findIndex((entry) => compareBytes(entry, tag) === 0)
  const record = head.record ?? 0
  const [row] = await space.replica.store.receipts(record, 1)
  if (row === undefined) throw new VarveError('TAMPERED', `Receipt ${record} is missing from the store: run verify`)
  const receipt = decodeReceipt(row.bytes, header.entries.length)
  const again = receipt.refused === null ? null : await reissuedAs(space.replica.store, no)
  if (again !== null) return receiptOf(space, id, again)
  if (receipt.refused !== null) {
    throw new VarveError(
      receipt.refused.code,
      `The recorder refused the change of "${id}": ${receipt.refused.reason}`,
      {
        details: { id, record },
      },
    )
  }
  const collection = header.entries[index]?.collection ?? 0
  const before = header.entries.slice(0, index).filter((entry) => entry.collection === collection).length
  return { record, ov: receipt.ovs[index] ?? 0, cv: (receipt.cvs[collection] ?? 0) + before, at: isoTime(receipt.at) }
}

async function lastCommit(space: Space, tag: Uint8Array): Promise<number> {
  const { store } = space.replica
  const [document] = await store.documents([tag])
  const [entry] =
    document === null || document === undefined
      ? []
      : await store.entries(document.no, { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1, reverse: true })
  if (entry === undefined) throw new VarveError('NOT_FOUND', 'The document has no entries any more')
  return entry.commit
}

async function recorded(space: Space, no: number): Promise<CommitHead> {
  const { replica } = space
  for (;;) {
    const position = replica.state.position + replica.state.record.length
    const [head] = await replica.store.commitHeads([no])
    if (head === null || head === undefined)
      throw new VarveError('TAMPERED', `Commit ${no} is missing from the store: run verify`)
    if (head.record !== null) return head
    await nextWrite(space, position)
  }
}

function nextWrite(space: Space, before: number): Promise<void> {
  const { replica } = space
  return new Promise((resolve, reject) => {
    const check = (): void => {
      const grown = replica.state.position + replica.state.record.length !== before
      if (!grown && !replica.closed) return
      stop()
      if (replica.closed)
        reject(
          new VarveError(
            'CLOSED',
            'The database was closed before the write was recorded; it stays stored and pending',
          ),
        )
      else resolve()
    }
    const stop = replica.onWrite(check)
    check()
  })
}

/** Writes of this device that the recorder refused, listed until the application has read them. */

import { decodeHeader, splitBodies } from '../log/header.ts'
import { rowTags } from '../log/tag.ts'
import { decodeHead, isoTime } from '../document/head.ts'
import type { ErrorCode } from '../errors.ts'
import { declarationsName } from '../replica/declarations.ts'
import { refusals, type RefusedCommit } from '../replica/refusals.ts'
import type { Replica } from '../replica/replica.ts'
import { isLocked } from '../replica/reader.ts'

/** A commit of this device that counts for nothing, here and everywhere. */
export interface RefusedWrite {
  readonly code: ErrorCode
  readonly reason: string
  /** Trusted time of the refusal, ISO 8601. */
  readonly at: string
  readonly record: number
  /** The documents it wrote; `id` is null where it cannot be told any more, as for a change of a refused document. */
  readonly documents: readonly { readonly collection: string | null; readonly id: string | null }[]
}

/** The refused writes that were not dismissed, oldest first: those with a record number above `after`. */
export async function listRefused(replica: Replica, after = -1): Promise<readonly RefusedWrite[]> {
  const list = (await refusals(replica.store)).filter(({ record }) => record > after)
  const described = await Promise.all(list.map((refused) => describe(replica, refused)))
  // The engine's own are issued again: nobody has to decide about them.
  return described.filter(({ documents: [first] }) => first?.collection !== declarationsName)
}

async function describe(replica: Replica, refused: RefusedCommit): Promise<RefusedWrite> {
  const { code, reason, record } = refused
  return { code, reason, record, at: isoTime(refused.at), documents: await documentsOf(replica, refused.commit) }
}

async function documentsOf(replica: Replica, no: number): Promise<RefusedWrite['documents']> {
  const { store, reader } = replica
  const [head] = await store.commitHeads([no])
  const [row] = head === null || head === undefined ? [] : await store.commits(head.feed, head.seq, 1)
  if (row === undefined) return []
  const header = decodeHeader(row.header)
  const commit = reader.decode({ ...row, size: row.bodies.length }, header)
  const heads = await store.documents(rowTags(header))
  return splitBodies(header, row.bodies).map((body, index) => {
    const plain = reader.unseal(commit, index, body)
    const tag = header.collections[header.entries[index]?.collection ?? 0]
    const collection = tag === undefined ? null : (replica.collection(tag)?.name ?? null)
    if (!isLocked(plain) && plain.id !== null) return { collection: plain.collection, id: plain.id }
    return { collection, id: idOf(heads[index]?.state ?? null) }
  })
}

function idOf(state: string | null): string | null {
  if (state === null) return null
  const head = decodeHead(state)
  return head.state.status === 'absent' ? null : head.state.id
}

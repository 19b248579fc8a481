/** Stored commits in the form of those that were just checked. */

import { VarveError } from '../errors.ts'
import { decodeHeader, splitBodies } from '../log/header.ts'
import { rowTags } from '../log/tag.ts'
import type { CommitRow } from '../store/rows.ts'
import type { CheckedCommit } from './check.ts'
import type { Replica } from './replica.ts'

/** The commit with this local number; null when there is none. */
export async function storedCommit({ store }: Replica, no: number): Promise<CommitRow | null> {
  const [head] = await store.commitHeads([no])
  if (head === null || head === undefined) return null
  return (await store.commits(head.feed, head.seq, 1))[0] ?? null
}

export function checkedAgain({ feeds }: Replica, row: CommitRow): CheckedCommit {
  const feed = feeds.get(row.feed)
  if (feed === undefined) throw new VarveError('TAMPERED', `Feed ${row.feed} is missing from the store: run verify`)
  const header = decodeHeader(row.header)
  const { seq, id, bodies, signature } = row
  const parts = splitBodies(header, bodies)
  return {
    feed: feed.id,
    publicKey: feed.publicKey,
    seq,
    id,
    header,
    headerBytes: row.header,
    bodies,
    parts,
    documents: rowTags(header),
    signature,
  }
}

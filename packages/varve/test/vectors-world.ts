/** What the tests of the spec's vectors share: reading the files, and taking units into a fresh replica. */

import { readFileSync } from 'node:fs'
import { decodeHead, headOv, type Head } from '../src/document/head.ts'
import { fromHex } from '../src/encoding/bytes.ts'
import type { ErrorCode } from '../src/errors.ts'
import { collectionTag, documentTag, rowTag } from '../src/log/tag.ts'
import { ingest } from '../src/replica/ingest.ts'
import { verifyReplica } from '../src/replica/verify.ts'
import { openReader, type WorldFacts } from '../../../spec/tools/world.ts'

export interface Invalid {
  readonly name: string
  readonly code: ErrorCode
}

export function vectorText(chapter: string): string {
  return readFileSync(new URL(`../../../spec/vectors/${chapter}.json`, import.meta.url), 'utf8')
}

/** What a fresh replica holds of documents after taking a unit. */
export async function takeUnit(facts: WorldFacts, unit: Uint8Array, ids: readonly string[]) {
  const replica = await openReader(facts)
  await ingest(replica, unit)
  const { tagKey } = replica.context
  const people = collectionTag(tagKey, 'people')
  const tags = ids.map((id) => rowTag(people, documentTag(tagKey, people, id)))
  const heads = (await replica.store.documents(tags)).map((row) =>
    row === null || row.state === null ? null : decodeHead(row.state),
  )
  return { heads: heads.map(view), verified: await verifyReplica(replica) }
}

function view(head: Head | null) {
  if (head === null) return null
  const { status, id, data } = head.state
  return { id, status, ov: headOv(head), data, cv: head.cv, updatedAt: head.updatedAt, pending: head.pending }
}

/** Fails unless the unit is refused whole: an error, and nothing stored. */
export async function refuseUnit(facts: WorldFacts, unit: string): Promise<never> {
  const replica = await openReader(facts)
  try {
    await ingest(replica, fromHex(unit))
  } catch (error) {
    const stats = await replica.store.stats()
    if (stats.commits + stats.receipts + stats.documents + stats.entries > 0)
      throw new Error('A refused unit left something behind', { cause: error })
    throw error
  }
  throw new Error('The unit was taken over')
}

/** What a database consists of, as applications see it: the engine's own documents are left out. */

import { declarationsTag, isHidden } from '../replica/declarations.ts'
import type { Replica } from '../replica/replica.ts'
import type { CollectionState } from '../replica/state.ts'
import type { DatabaseStats } from './types.ts'

/** Names of the collections that have documents this device can read. */
export function collectionNames({ context, state }: Replica): readonly string[] {
  const shown = state.collections.filter(({ tag, documents }) => documents > 1 && !isHidden(context, tag))
  return shown.flatMap(({ name }) => name ?? []).toSorted()
}

/** Counts of documents and entries are those of applications; commits, records and bytes are those of the log. */
export async function statsOf(replica: Replica): Promise<DatabaseStats> {
  const { store, state, feeds } = replica
  const counted = await store.stats()
  const own = ownCollection(replica)
  const collections = state.collections.filter((collection) => collection !== own)
  return {
    commits: counted.commits,
    records: counted.receipts,
    documents: counted.documents - (own === null ? 0 : own.documents - 1),
    entries: counted.entries - (own === null ? 0 : own.recorded + own.pending),
    pending: collections.reduce((sum, { pending }) => sum + pending, 0),
    feeds: feeds.size,
    bytes: {
      headers: counted.headerBytes,
      bodies: counted.bodyBytes,
      heads: counted.stateBytes,
      disk: counted.diskBytes,
    },
    collections: collections.map(({ name, documents, recorded }) => ({
      name,
      documents: documents - 1,
      cv: recorded - 1,
    })),
  }
}

function ownCollection(replica: Replica): CollectionState | null {
  const tag = declarationsTag(replica.context)
  return (tag === null ? null : replica.collection(tag)) ?? null
}

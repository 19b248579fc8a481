/** Versions without a receipt, as if they were recorded now in the order of their stamps. */

import type { CountedVersion } from '../counters/count.ts'
import type { Head } from '../document/head.ts'
import { rowTags } from '../log/tag.ts'
import { collectionOf, pendingPlace } from '../store/rows.ts'
import { foldEntries } from './count.ts'
import { entryRows, foldBelow, keptEntries } from './history.ts'
import type { ReadEntry } from './reader.ts'
import { countedDocument, createdBefore, plainOperation } from './recorded.ts'
import type { Replica } from './replica.ts'
import { Walk } from './walk.ts'

/** Each with its document after the recorded versions and the pending ones before it; documents only on request. */
export async function pendingVersions(replica: Replica, withDocuments: boolean): Promise<readonly CountedVersion[]> {
  const found: { readonly entry: ReadEntry; readonly head: Head | null }[] = []
  for (const document of await pendingDocuments(replica)) {
    const entries = await replica.reader.read(await entryRows(replica.store, document, pendingPlace))
    const sorted = entries.toSorted((a, b) => replica.compare(a.order, b.order))
    const heads = withDocuments ? await headsOf(replica, document, sorted) : []
    for (const [i, entry] of sorted.entries()) found.push({ entry, head: heads[i] ?? null })
  }
  const versions: CountedVersion[] = []
  const created = new Set<number>()
  for (const { entry, head } of found.toSorted((a, b) => replica.compare(a.entry.order, b.entry.order))) {
    const { document, place, index } = entry.row
    const { kind } = entry.header
    const again = kind === 'put' && (created.has(document) || (await createdBefore(replica, document, pendingPlace)))
    if (kind === 'put') created.add(document)
    versions.push({
      operation: again ? 'UPDATE' : plainOperation(kind),
      collection: collectionOf(document),
      at: entry.at,
      record: place,
      index,
      ...countedDocument(replica, replica.state, document, head),
    })
  }
  return versions
}

/** Documents with commits that wait for their receipts and are not held back. */
async function pendingDocuments({ store, reader, waitingFeeds }: Replica): Promise<ReadonlySet<number>> {
  const documents = new Set<number>()
  for (const feed of waitingFeeds) {
    const rows = await store.commits(feed.no, feed.recorded, feed.length - feed.recorded, { bodies: false })
    const commits = await reader.commits(rows.filter(({ refused }) => refused === null).map(({ no }) => no))
    for (const { header } of commits.values())
      for (const row of await store.documents(rowTags(header))) if (row !== null) documents.add(row.no)
  }
  return documents
}

async function headsOf(
  { store, reader, compare }: Replica,
  document: number,
  pending: readonly ReadEntry[],
): Promise<readonly (Head | null)[]> {
  const heads: (Head | null)[] = []
  const source = { store, reader, compare }
  const walk = new Walk({
    compare,
    head: await foldBelow(source, document, pendingPlace),
    // What belongs in time before recorded entries is folded among them.
    foldBelow: async () => {
      const { base, recorded } = await keptEntries(source, document)
      return foldEntries(base, [...recorded, ...pending.slice(0, heads.length + 1)], compare)
    },
  })
  for (const entry of pending) {
    const head = await walk.add(entry)
    heads.push(entry.entry === null ? null : head)
  }
  return heads
}

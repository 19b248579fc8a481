/** Everything a store answers, as one comparable value. */

import { pendingPlace, type Store } from 'varve/engine'

/** Numbers a test used, so that everything under them can be read back. */
export interface Extent {
  readonly feeds: readonly number[]
  readonly collections: readonly number[]
  readonly indexes: readonly number[]
  readonly keys: readonly string[]
}

const many = 1_000_000

/** Two stores that answer equally here hold the same rows, as far as `extent` reaches. */
export async function answersOf(store: Store, extent: Extent): Promise<unknown> {
  const scans = await Promise.all(extent.collections.map((collection) => store.scan(collection, -1, many)))
  const documents = scans.flat()
  const { diskBytes: _, ...stats } = await store.stats()
  return {
    stats,
    documents,
    values: await store.values(''),
    feeds: await store.feeds(),
    commits: await Promise.all(extent.feeds.map((feed) => store.commits(feed, 0, many))),
    heads: await store.commitsAfter(-1, many),
    receipts: await store.receipts(0, many),
    entries: await Promise.all(
      documents.map(({ no }) => store.entries(no, { from: 0, to: pendingPlace * 2, limit: many })),
    ),
    snapshots: await Promise.all(documents.map(({ no }) => store.snapshot(no, pendingPlace * 2))),
    hits: await Promise.all(
      extent.indexes.map((index) =>
        store.scanIndex({ index, range: { from: null, to: null }, reverse: false, after: null, limit: many }),
      ),
    ),
    seen: await Promise.all(
      extent.feeds.flatMap((feed) => extent.feeds.map((on) => store.seen(feed, on, Number.MAX_SAFE_INTEGER))),
    ),
    postings: await Promise.all(extent.indexes.map((search) => store.searchPostings(search, null, many))),
    touches: await store.touches(-1, many),
    locked: await Promise.all(extent.keys.map((key) => store.locked(key, -1, many))),
  }
}

/** Batches that touch every table, each depending on those before it. */

import {
  commitRow,
  documentRow,
  entryRow,
  feedRow,
  indexRow,
  receiptRow,
  sampleBytes,
  type Extent,
} from '@varve/testkit'
import { firstDocument, type Batch } from 'varve/engine'

const first = firstDocument(1)

export const extent: Extent = { feeds: [1], collections: [1], indexes: [1, 2], keys: ['k'] }

/** The `n`th of them: new rows, and changes and removals of what earlier ones wrote. */
export function batchAt(n: number): Batch {
  const before = Math.max(0, n - 3)
  return {
    values: new Map([
      ['state', sampleBytes(40, n)],
      [`v${n}`, sampleBytes(9, n)],
      ...(n > 3 ? [[`v${before}`, null] as const] : []),
    ]),
    feeds: [feedRow(1, { length: n + 1 })],
    commits: [commitRow(n)],
    ...(n > 0 ? { verdicts: [{ commit: n - 1, record: n, at: n, refused: null }] } : {}),
    commitSignatures: [{ commit: before, signature: sampleBytes(64, n) }],
    receipts: [receiptRow(n)],
    documents: [documentRow(n), documentRow(before, { changed: n })],
    entriesRemoved: [{ document: first + before, place: before, index: 0 }],
    entries: [entryRow(first + n, n)],
    snapshotsRemoved: [{ document: first, place: before }],
    snapshots: [{ document: first, place: n, state: `s${n}` }],
    ...(n % 7 === 6 ? { indexesCleared: [2], searchesCleared: [2] } : {}),
    indexRowsRemoved: [indexRow(1, [before], 'i')],
    indexRows: [indexRow(1, [n], 'i', first + n), indexRow(2, [n], 'i', first + n)],
    searchRows: [
      { search: 1, document: first + (n % 3), fields: [`word w${n}`] },
      { search: 2, document: first + n, fields: [`word w${n}`] },
    ],
    dependencies: [{ feed: 1, on: 2, seq: n, seen: n }],
    touches: [{ position: n, document: first }],
    lockedRemoved: [{ key: 'k', document: first + before }],
    locked: [{ key: 'k', document: first + n }],
  }
}

/** Store suite: a batch is all or nothing, alone and among others, and large ones are no exception. */

import assert from 'node:assert/strict'
import { firstDocument, type Batch, type Store } from 'varve/engine'
import { answersOf } from './snapshot.ts'
import { commitRow, documentRow, entryRow, feedRow, indexRow, receiptRow, sampleBytes } from './sample.ts'
import { rejects, type Case } from './frame.ts'

const doc = firstDocument(1)
const extent = { feeds: [1, 2], collections: [1], indexes: [1, 2], keys: ['k'] }
const answers = (store: Store): Promise<unknown> => answersOf(store, extent)

/** One row of everything, told apart by `n`. */
export function fullBatch(n: number): Batch {
  return {
    values: new Map([[`v${n}`, sampleBytes(9, n)]]),
    feeds: [feedRow(n)],
    commits: [commitRow(n)],
    receipts: [receiptRow(n)],
    documents: [documentRow(n)],
    entries: [entryRow(doc + n, n)],
    snapshots: [{ document: doc + n, place: n, state: 's' }],
    indexRows: [indexRow(1, [n], 'i')],
    searchRows: [{ search: 1, document: doc + n, fields: [`word w${n}`] }],
    dependencies: [{ feed: 1, on: 2, seq: n, seen: n }],
    touches: [{ position: n, document: doc }],
    locked: [{ key: 'k', document: doc + n }],
  }
}

/** Everything that changes or removes what `fullBatch(1)` wrote. */
const undoing: Batch = {
  values: new Map([['v1', null]]),
  feeds: [feedRow(1, { length: 77 })],
  commitSignatures: [{ commit: 1, signature: sampleBytes(64) }],
  verdicts: [{ commit: 1, record: 1, at: 1, refused: 'FORBIDDEN' }],
  bodiesDropped: [{ from: 0, to: 1 }],
  receiptSignatures: [{ record: 1, signature: sampleBytes(64) }],
  documents: [documentRow(1, { state: null, changed: 50 })],
  entriesRemoved: [{ document: doc + 1, place: 1, index: 0 }],
  snapshotsRemoved: [{ document: doc + 1, place: 0 }],
  indexesCleared: [1],
  indexRowsRemoved: [indexRow(1, [1], 'i')],
  searchesCleared: [1],
  searchRowsRemoved: [{ search: 1, document: doc + 1 }],
  dependencies: [{ feed: 1, on: 2, seq: 1, seen: 55 }],
  lockedRemoved: [{ key: 'k', document: doc + 1 }],
}

export function atomicCases(check: Case): void {
  largeCases(check)
  check('an empty batch changes nothing', async ({ store }) => {
    await store.write(fullBatch(1))
    const before = await answers(store)
    await store.write({})
    await store.write({ commits: [], documents: [], values: new Map() })
    assert.deepEqual(await answers(store), before)
  })

  check('a failing batch leaves nothing of any of its fields', async ({ store, restart }) => {
    await store.write(fullBatch(1))
    const before = await answers(store)
    const breaks: readonly Batch[] = [
      { commits: [commitRow(1)] },
      { receipts: [receiptRow(1)] },
      { documents: [documentRow(9, { tag: documentRow(1).tag })] },
      { expect: new Map([['v1', null]]) },
    ]
    for (const broken of breaks) {
      const code = broken.expect === undefined ? 'STORE_FAILED' : 'CONFLICT'
      await rejects(store.write({ ...fullBatch(2), ...broken }), code)
      await rejects(store.write({ ...undoing, ...broken }), code)
      assert.deepEqual(await answers(store), before)
    }
    assert.deepEqual(await answers(await restart()), before)
  })

  check('among concurrent writes only the failing ones leave nothing', async ({ store, restart }) => {
    const batches = Array.from({ length: 20 }, (_, n) =>
      n % 5 === 3 ? { ...fullBatch(n), receipts: [receiptRow(n - 1)] } : fullBatch(n),
    )
    const results = await Promise.allSettled(batches.map((batch) => store.write(batch)))
    assert.deepEqual(
      results.map((result) => result.status),
      batches.map((_, n) => (n % 5 === 3 ? 'rejected' : 'fulfilled')),
    )
    const expected = [...batches.keys()].filter((n) => n % 5 !== 3)
    const numbers = async (from: Store) => (await from.commitsAfter(-1, 100)).map((head) => head.no)
    assert.deepEqual(await numbers(store), expected)
    assert.deepEqual(await numbers(await restart()), expected)
  })
}

function largeCases(check: Case): void {
  check('writes apply in the order in which they were called', async ({ store }) => {
    const writes = Array.from({ length: 30 }, (_, n) => store.write({ values: new Map([['last', Uint8Array.of(n)]]) }))
    await Promise.all(writes)
    assert.deepEqual(await store.value('last'), Uint8Array.of(29))
  })

  check('a batch of thousands of rows and megabytes is one batch', async ({ store, restart }) => {
    const count = 3001
    const bodies = sampleBytes(4 * 1024 * 1024, 5)
    const large: Batch = {
      commits: [commitRow(1, { bodies })],
      documents: Array.from({ length: count }, (_, i) => documentRow(i)),
      entries: Array.from({ length: count }, (_, i) => entryRow(doc + i, 1, i)),
      indexRows: Array.from({ length: count }, (_, i) => indexRow(1, [i & 0xff], `id-${i}`, doc + i)),
    }
    await rejects(
      store.write({
        ...large,
        documents: [...(large.documents ?? []), documentRow(count, { tag: documentRow(0).tag })],
      }),
      'STORE_FAILED',
    )
    assert.equal((await store.stats()).entries, 0)
    await store.write(large)
    const again = await restart()
    const { documents, entries, indexRows, bodyBytes } = await again.stats()
    assert.deepEqual(
      { documents, entries, indexRows, bodyBytes },
      { documents: count, entries: count, indexRows: count, bodyBytes: bodies.length },
    )
    assert.deepEqual(await again.scan(1, doc + count - 2, 9), [documentRow(count - 1)])
  })
}

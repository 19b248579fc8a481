/** Store suite: dependencies, touches, locked documents and statistics. */

import assert from 'node:assert/strict'
import { firstDocument } from 'varve/engine'
import { commitRow, documentRow, entryRow, indexRow, receiptRow, sampleBytes } from './sample.ts'
import type { Case } from './frame.ts'

const doc = firstDocument(3)

export function markCases(check: Case): void {
  check('what a feed has seen of another is known for every sequence', async ({ store }) => {
    assert.equal(await store.seen(1, 2, 100), 0)
    await store.write({
      dependencies: [
        { feed: 1, on: 2, seq: 7, seen: 9 },
        { feed: 1, on: 2, seq: 3, seen: 4 },
        { feed: 1, on: 3, seq: 1, seen: 90 },
        { feed: 2, on: 1, seq: 1, seen: 91 },
      ],
    })
    const seen = await Promise.all([0, 2, 3, 6, 7, 100].map((seq) => store.seen(1, 2, seq)))
    assert.deepEqual(seen, [0, 0, 4, 4, 9, 9])
    await store.write({ dependencies: [{ feed: 1, on: 2, seq: 7, seen: 10 }] })
    assert.equal(await store.seen(1, 2, 7), 10)
  })

  check('touches come by position', async ({ store }) => {
    const rows = [4, 6, 9].map((position) => ({ position, document: doc + position }))
    await store.write({ touches: rows.toReversed() })
    assert.deepEqual(await store.touches(0, 10), rows)
    assert.deepEqual(await store.touches(4, 1), rows.slice(1, 2))
    assert.deepEqual(await store.touches(9, 10), [])
    await store.write({ touches: [{ position: 6, document: 1 }] })
    assert.deepEqual(await store.touches(4, 1), [{ position: 6, document: 1 }])
  })

  check('locked documents are kept once per key, and given up', async ({ store }) => {
    const lock = (key: string, document: number) => ({ key, document })
    await store.write({ locked: [lock('aa', doc + 2), lock('aa', doc + 1), lock('ab', doc + 1), lock('aa', doc + 2)] })
    await store.write({ locked: [lock('aa', doc + 1), lock('aa', doc + 3)] })
    assert.deepEqual(await store.locked('aa', 0, 10), [doc + 1, doc + 2, doc + 3])
    assert.deepEqual(await store.locked('aa', doc + 1, 1), [doc + 2])
    await store.write({ lockedRemoved: [lock('aa', doc + 2), lock('zz', 1)], locked: [lock('zz', 1)] })
    assert.deepEqual(await store.locked('aa', 0, 10), [doc + 1, doc + 3])
    assert.deepEqual(await store.locked('ab', 0, 10), [doc + 1])
    assert.deepEqual(await store.locked('zz', 0, 10), [1])
    assert.deepEqual(await store.locked('a', 0, 10), [])
  })

  check('statistics count rows and bytes', async ({ store }) => {
    const { diskBytes, ...empty } = await store.stats()
    assert.ok(diskBytes === null || diskBytes >= 0)
    assert.deepEqual(new Set(Object.values(empty)), new Set([0]))
    await store.write({
      commits: [
        commitRow(1, { header: sampleBytes(10), bodies: sampleBytes(500) }),
        commitRow(2, { header: sampleBytes(5), bodies: sampleBytes(0) }),
      ],
      receipts: [receiptRow(1)],
      documents: [documentRow(1, { state: 'é\0' }), documentRow(2, { state: null })],
      entries: [entryRow(doc, 1), entryRow(doc, 2), entryRow(doc, 3)],
      snapshots: [{ document: doc, place: 1, state: 's' }],
      indexRows: [indexRow(1, [1], 'a'), indexRow(1, [1], 'b'), indexRow(2, [1], 'a'), indexRow(2, [1], 'b')],
    })
    const { diskBytes: _, ...stats } = await store.stats()
    const counts = { commits: 2, receipts: 1, documents: 2, entries: 3, snapshots: 1, indexRows: 4 }
    assert.deepEqual(stats, { ...counts, headerBytes: 15, bodyBytes: 500, stateBytes: 3 })
  })
}

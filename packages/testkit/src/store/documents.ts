/** Store suite: documents, their entries and their snapshots. */

import assert from 'node:assert/strict'
import { firstDocument, pendingPlace } from 'varve/engine'
import { documentRow, entryRow, sampleTag } from './sample.ts'
import { rejects, type Case } from './frame.ts'

const doc = firstDocument(1)

export function documentCases(check: Case): void {
  entryCases(check)
  check('documents are found by tag and by number, in the order asked', async ({ store }) => {
    const rows = Array.from({ length: 70 }, (_, i) => documentRow(i, { state: i % 3 === 0 ? null : `{"é😀":${i}}` }))
    await store.write({ documents: rows })
    for (const asked of [[], [3], [5, 200, 5, 1], [69, 0, 300, ...rows.keys(), 5]]) {
      const found = asked.map((i) => rows[i] ?? null)
      assert.deepEqual(await store.documents(asked.map((i) => sampleTag(doc + i))), found)
      assert.deepEqual(await store.documentsByNo(asked.map((i) => doc + i)), found)
    }
  })

  check('a document is replaced by its number, wholly', async ({ store }) => {
    await store.write({ documents: [documentRow(1), documentRow(2)] })
    const changed = documentRow(1, { state: null, changed: 99, tag: sampleTag(5) })
    await store.write({ documents: [changed] })
    assert.deepEqual(await store.documentsByNo([doc + 1]), [changed])
    assert.deepEqual(await store.documents([sampleTag(5), sampleTag(doc + 1)]), [changed, null])
    await store.write({ documents: [documentRow(1, { state: 'first' }), documentRow(1, { state: 'last' })] })
    assert.deepEqual(await store.documentsByNo([doc + 1]), [documentRow(1, { state: 'last' })])
  })

  check('a tag belongs to one document', async ({ store }) => {
    await store.write({ documents: [documentRow(1)] })
    await rejects(
      store.write({ documents: [documentRow(3), documentRow(2, { tag: sampleTag(doc + 1) })] }),
      'STORE_FAILED',
    )
    await rejects(
      store.write({ documents: [documentRow(3), documentRow(4, { tag: sampleTag(doc + 3) })] }),
      'STORE_FAILED',
    )
    assert.deepEqual(await store.scan(1, 0, 10), [documentRow(1)])
    await store.write({
      documents: [documentRow(1, { tag: sampleTag(8) }), documentRow(2, { tag: sampleTag(doc + 1) })],
    })
    assert.equal((await store.documents([sampleTag(doc + 1)]))[0]?.no, doc + 2)
  })

  check('states keep every character', async ({ store }) => {
    const states = ['', '\0', 'a\0b', '\u{10ffff}\ufffe', '"'.repeat(100_000)]
    await store.write({ documents: states.map((state, i) => documentRow(i, { state })) })
    assert.deepEqual(
      (await store.scan(1, 0, 10)).map((row) => row.state),
      states,
    )
  })

  check('a scan stays in its collection', async ({ store }) => {
    const rows = [0, 1, 2].flatMap((collection) =>
      [0, 5, 0xffff_ffff].map((i) => documentRow(i, { no: firstDocument(collection) + i })),
    )
    await store.write({ documents: rows.toReversed() })
    assert.deepEqual(await store.scan(1, 0, 10), rows.slice(3, 6))
    assert.deepEqual(await store.scan(0, -1, 10), rows.slice(0, 3))
    assert.deepEqual(await store.scan(1, doc, 1), rows.slice(4, 5))
    assert.deepEqual(await store.scan(1, doc + 0xffff_ffff, 10), [])
    assert.deepEqual(await store.scan(3, 0, 10), [])
  })
}

function entryCases(check: Case): void {
  check('entries come by place and index, in both directions', async ({ store }) => {
    const rows = [entryRow(doc, 3, 0), entryRow(doc, 3, 1), entryRow(doc, 8, 0), entryRow(doc, pendingPlace + 2, 0)]
    await store.write({ entries: [...rows.toReversed(), entryRow(doc - 1, 4), entryRow(doc + 1, 4)] })
    const all = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 }
    assert.deepEqual(await store.entries(doc, all), rows)
    assert.deepEqual(await store.entries(doc, { ...all, reverse: true }), rows.toReversed())
    assert.deepEqual(await store.entries(doc, { ...all, reverse: true, limit: 3 }), rows.slice(1).toReversed())
    assert.deepEqual(await store.entries(doc, { ...all, to: pendingPlace, limit: 2 }), rows.slice(0, 2))
    assert.deepEqual(await store.entries(doc, { ...all, from: 4, to: 9 }), rows.slice(2, 3))
    assert.deepEqual(await store.entries(doc, { ...all, from: 3, to: 3 }), [])
    assert.deepEqual(await store.entries(doc, { ...all, from: 9, to: 3 }), [])
    assert.deepEqual(await store.entries(doc + 7, all), [])
  })

  check('entries are replaced by key, and removed before others are inserted', async ({ store }) => {
    await store.write({ entries: [entryRow(doc, 1), entryRow(doc, 2)] })
    await store.write({
      entriesRemoved: [
        { document: doc, place: 1, index: 0 },
        { document: doc, place: 2, index: 0 },
        { document: doc, place: 9, index: 9 },
      ],
      entries: [entryRow(doc, 2, 0, { ov: 50 })],
    })
    await store.write({ entries: [entryRow(doc, 3), entryRow(doc, 3, 0, { cv: 60 })] })
    const all = { from: 0, to: pendingPlace, limit: 100 }
    assert.deepEqual(await store.entries(doc, all), [entryRow(doc, 2, 0, { ov: 50 }), entryRow(doc, 3, 0, { cv: 60 })])
  })

  check('the newest snapshot below a place is found; later ones can be removed', async ({ store }) => {
    const at = (place: number, state = `s${place}`) => ({ document: doc, place, state })
    await store.write({ snapshots: [at(30), at(10), at(20), { document: doc + 1, place: 5, state: 'other' }] })
    assert.deepEqual(await store.snapshot(doc, 25), at(20))
    assert.deepEqual(await store.snapshot(doc, 20), at(10))
    assert.equal(await store.snapshot(doc, 10), null)
    assert.equal(await store.snapshot(doc - 1, 100), null)
    await store.write({ snapshotsRemoved: [{ document: doc, place: 20 }], snapshots: [at(10, 'again'), at(40)] })
    assert.deepEqual(await store.snapshot(doc, 40), at(10, 'again'))
    assert.deepEqual(await store.snapshot(doc, 100), at(40))
    assert.equal((await store.snapshot(doc + 1, 100))?.state, 'other')
  })
}

/** Store suite: index rows and their scans. */

import assert from 'node:assert/strict'
import { compareBytes, type IndexHit, type IndexRow, type IndexScan } from 'varve/engine'
import { documentRow, indexRow } from './sample.ts'
import type { Case } from './frame.ts'

const known = documentRow(1)
const everything: IndexScan = { index: 1, range: { from: null, to: null }, reverse: false, after: null, limit: 100 }

/** In order: keys by bytes, then ids by UTF-8, which is not the order of JavaScript strings. */
const rows: readonly IndexRow[] = [
  indexRow(1, [], 'b'),
  indexRow(1, [0], 'a', known.no),
  indexRow(1, [0, 255], 'a'),
  indexRow(1, [1], ''),
  indexRow(1, [1], 'a\0'),
  indexRow(1, [1], 'ab'),
  indexRow(1, [1], '\uffee'),
  indexRow(1, [1], '\u{10000}'),
  indexRow(1, [255], 'z'),
]

const ids = (hits: readonly { readonly id: string; readonly key: Uint8Array }[]): string[] =>
  hits.map(({ key, id }) => `${key.join('.')}:${id}`)

export function indexCases(check: Case): void {
  check('a scan gives key, id, number and head', async ({ store }) => {
    await store.write({ documents: [known], indexRows: rows })
    const hits: readonly IndexHit[] = await store.scanIndex({ ...everything, limit: 2 })
    assert.deepEqual(hits, [
      { key: new Uint8Array(0), id: 'b', document: rows[0]?.document, state: null },
      { key: Uint8Array.of(0), id: 'a', document: known.no, state: known.state },
    ])
  })

  check('every range, direction, continuation and limit agrees with the sorted rows', async ({ store }) => {
    await store.write({ indexRows: [...rows.toReversed(), indexRow(0, [9], 'x'), indexRow(2, [0], 'x')] })
    const bounds = [null, [], [0], [0, 255], [1], [1, 0], [255], [255, 1]].map((key) => key && Uint8Array.from(key))
    for (const from of bounds) {
      for (const to of bounds) {
        const inside = rows.filter(
          ({ key }) => (from === null || compareBytes(key, from) >= 0) && (to === null || compareBytes(key, to) < 0),
        )
        for (const reverse of [false, true]) {
          const order = reverse ? inside.toReversed() : inside
          const scan = { ...everything, range: { from, to }, reverse }
          assert.deepEqual(ids(await store.scanIndex(scan)), ids(order))
          for (const after of rows) {
            const at = rows.indexOf(after)
            const rest = order.filter((row) => (reverse ? rows.indexOf(row) < at : rows.indexOf(row) > at))
            assert.deepEqual(ids(await store.scanIndex({ ...scan, after, limit: 2 })), ids(rest.slice(0, 2)))
          }
        }
      }
    }
  })

  check('a scan goes on after a row that is gone', async ({ store }) => {
    await store.write({ indexRows: rows })
    const after = { key: Uint8Array.of(1), id: 'aa' }
    assert.deepEqual(ids(await store.scanIndex({ ...everything, after, limit: 1 })), ids(rows.slice(5, 6)))
    assert.deepEqual(
      ids(await store.scanIndex({ ...everything, after, reverse: true, limit: 1 })),
      ids(rows.slice(4, 5)),
    )
  })

  check('rows are replaced by key, removed one by one, and cleared by index', async ({ store }) => {
    await store.write({ indexRows: [...rows, indexRow(2, [1], 'a')] })
    await store.write({
      indexRowsRemoved: [...rows.slice(0, 8), { index: 1, key: Uint8Array.of(9), id: 'never' }],
      indexRows: [indexRow(1, [255], 'z', 77)],
    })
    const left = await store.scanIndex(everything)
    assert.deepEqual(
      left.map((hit) => hit.document),
      [77],
    )
    await store.write({ indexesCleared: [1, 5], indexRows: [indexRow(1, [4], 'new')] })
    assert.deepEqual(ids(await store.scanIndex(everything)), ['4:new'])
    assert.deepEqual(ids(await store.scanIndex({ ...everything, index: 2 })), ['1:a'])
    assert.deepEqual(await store.scanIndex({ ...everything, limit: 0 }), [])
  })
}

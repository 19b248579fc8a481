/** Store suite: rows as large, as many and as odd as the engine may make them. */

import assert from 'node:assert/strict'
import { compareBytes, firstDocument, limits, utf8, type Batch } from 'varve/engine'
import { commitRow, documentRow, entryRow, indexRow, receiptRow, sampleBytes, sampleTag } from './sample.ts'
import { rejects, type Case } from './frame.ts'

const doc = firstDocument(1)
const megabytes = 5 * 1024 * 1024
const most = Number.MAX_SAFE_INTEGER

/** Texts that some engine could take for something else, or has no form for. */
const oddTexts = [
  '\0',
  'a\0',
  '\u{10ffff}',
  '\ufeff',
  '\\u0000',
  '\\ud800',
  '\\x00',
  '$set',
  'a.b',
  "'; --",
  '__proto__',
]

export function extremeCases(check: Case): void {
  sizeCases(check)
  keyCases(check)
  check('numbers are whole up to the largest', async ({ store, restart }) => {
    const place = most - 1
    const commit = commitRow(1, { no: most - 1, seq: most - 1, record: most, at: most })
    const receipt = receiptRow(most - 1, { commit: most - 1, at: most - 1 })
    const entry = entryRow(doc, place, 0, { commit: most, ov: most, cv: most })
    await store.write({
      commits: [commit],
      receipts: [receipt],
      documents: [documentRow(0xffff_ffff, { changed: most })],
      entries: [entry],
      snapshots: [{ document: doc, place, state: 's' }],
      touches: [{ position: most - 1, document: most }],
      dependencies: [{ feed: 1, on: 2, seq: most - 1, seen: most }],
    })
    const again = await restart()
    assert.deepEqual(await again.commits(1, most - 1, 9), [commit])
    assert.deepEqual(await again.commitsAfter(most - 2, 9), await again.commitHeads([most - 1]))
    assert.deepEqual(await again.receipts(0, 9), [receipt])
    assert.equal(await again.recordAt(most), most - 1)
    assert.equal(await again.recordAt(most - 2), null)
    assert.deepEqual(await again.documentsByNo([doc + 0xffff_ffff]), [documentRow(0xffff_ffff, { changed: most })])
    assert.deepEqual(await again.entries(doc, { from: 0, to: most, limit: 9 }), [entry])
    assert.equal((await again.snapshot(doc, most))?.place, place)
    assert.deepEqual(await again.touches(most - 2, 9), [{ position: most - 1, document: most }])
    assert.equal(await again.seen(1, 2, most - 1), most)
  })
}

function sizeCases(check: Case): void {
  check('heads, snapshots and values of megabytes come back, and are replaced', async ({ store, restart }) => {
    const value = sampleBytes(megabytes)
    const states = ['a', 'é', '\u{1f600}', '\0'].map((sign) => JSON.stringify([sign.repeat(megabytes / 4)]))
    const large: Batch = {
      values: new Map([['large', value]]),
      documents: states.map((state, i) => documentRow(i, { state })),
      snapshots: states.map((state, i) => ({ document: doc + i, place: 1, state: `${state}x` })),
    }
    await store.write(large)
    await rejects(store.write({ ...large, expect: new Map([['large', value.slice(1)]]) }), 'CONFLICT')
    await store.write({ ...large, expect: new Map([['large', value]]) })
    const again = await restart()
    assert.ok(compareBytes((await again.value('large')) ?? new Uint8Array(0), value) === 0)
    const found = await again.scan(1, -1, 99)
    assert.ok(found.every(({ state }, i) => state === states[i]) && found.length === states.length)
    for (const [i, state] of states.entries()) assert.ok((await again.snapshot(doc + i, 9))?.state === `${state}x`)
    await again.write({
      documents: states.map((_, i) => documentRow(i)),
      snapshots: [],
      values: new Map([['large', null]]),
    })
    assert.deepEqual(
      await again.scan(1, -1, 99),
      states.map((_, i) => documentRow(i)),
    )
    assert.equal(await again.value('large'), null)
  })

  check('ten thousand documents of one batch are asked for at once', async ({ store }) => {
    const all = Array.from({ length: limits.commitEntries }, (_, i) => documentRow(i))
    await store.write({ documents: all, indexRows: all.map(({ no }, i) => indexRow(1, [i >> 8, i & 255], 'i', no)) })
    const backward = all.toReversed()
    assert.deepEqual(await store.documents(backward.map(({ tag }) => tag)), backward)
    assert.deepEqual(await store.documentsByNo([...backward.map(({ no }) => no), 7]), [...backward, null])
    const scan = { index: 1, range: { from: null, to: null }, after: null, limit: 1e6 }
    for (const reverse of [false, true]) {
      const hits = await store.scanIndex({ ...scan, reverse })
      assert.deepEqual(
        hits.map(({ document }) => document),
        (reverse ? backward : all).map(({ no }) => no),
      )
    }
    await store.write({
      indexesCleared: [1],
      documents: all.map(({ no }) => ({ ...documentRow(0), no, tag: sampleTag(no), state: null })),
    })
    assert.deepEqual(await store.scanIndex({ ...scan, reverse: false }), [])
    assert.equal((await store.scan(1, -1, 1e6)).filter(({ state }) => state === null).length, all.length)
  })
}

function keyCases(check: Case): void {
  check('keys, ids and words as long as they may be', async ({ store, restart }) => {
    const sign = '\u{1f600}'
    const id = sign.repeat(limits.idBytes / 4)
    // Bytes that cannot be made smaller, of which no part repeats.
    let state = 1
    const noise = (): number => (state = (state * 48_271) % 0x7fff_ffff) & 0xff
    const keys = [0, 1].map((last) =>
      Uint8Array.from({ length: limits.indexPaths * (limits.indexKeyBytes + 2) }, noise).with(0, last),
    )
    const word = sign.repeat(limits.searchTokenCharacters)
    await store.write({
      indexRows: keys.map((key) => ({ index: 1, key, id, document: doc })),
      searchRows: [{ search: 1, document: doc, fields: [`${word} ${word}a`] }],
      locked: [{ key: id, document: doc }],
      values: new Map([[id, Uint8Array.of(1)]]),
    })
    const again = await restart()
    const scan = { index: 1, range: { from: null, to: null }, reverse: false, after: null, limit: 9 }
    const hits = await again.scanIndex(scan)
    assert.deepEqual(
      hits.map(({ key }) => key),
      keys.toSorted((one, other) => compareBytes(one, other)),
    )
    assert.deepEqual(await again.scanIndex({ ...scan, after: hits[0] ?? null }), hits.slice(1))
    const terms = { all: [{ tokens: [word, `${word}a`], prefix: true }], none: [] }
    assert.equal((await again.search({ search: 1, terms, weights: [1], after: null, limit: 9 })).length, 1)
    assert.deepEqual(await again.locked(id, -1, 9), [doc])
    assert.deepEqual([...(await again.values(sign)).keys()], [id])
  })

  check(
    'odd texts are kept where they can be, and refused with their whole batch where not',
    async ({ store, restart }) => {
      await store.write({
        documents: oddTexts.map((state, i) => documentRow(i, { state })),
        values: new Map(oddTexts.map((name) => [name, utf8(name)])),
        indexRows: oddTexts.map((id) => indexRow(1, [], id)),
        locked: oddTexts.map((key) => ({ key, document: doc })),
      })
      const again = await restart()
      assert.deepEqual(
        (await again.scan(1, -1, 99)).map(({ state }) => state),
        oddTexts,
      )
      const sorted = oddTexts.toSorted((one, other) => compareBytes(utf8(one), utf8(other)))
      assert.deepEqual([...(await again.values('')).keys()], sorted)
      for (const name of oddTexts) {
        assert.deepEqual(await again.value(name), utf8(name))
        assert.deepEqual(await again.locked(name, -1, 9), [doc])
      }
      const half = '\udc00'
      const refused: readonly Batch[] = [
        { values: new Map([[half, null]]) },
        { indexRows: [indexRow(1, [], half)] },
        { locked: [{ key: half, document: doc }] },
      ]
      for (const batch of refused) await rejects(again.write({ commits: [commitRow(1)], ...batch }), 'INVALID')
      assert.deepEqual(await again.commitsAfter(0, 9), [])
    },
  )
}

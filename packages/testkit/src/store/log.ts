/** Store suite: feeds, commits, their bodies, verdicts and receipts. */

import assert from 'node:assert/strict'
import type { Store } from 'varve/engine'
import { commitRow, feedRow, receiptRow, sampleBytes, withoutBodies } from './sample.ts'
import { rejects, type Case } from './frame.ts'

export function logCases(check: Case): void {
  commitCases(check)
  bodyCases(check)
  droppedCases(check)
  receiptCases(check)
  check('feeds are inserted, replaced and listed by number', async ({ store }) => {
    assert.deepEqual(await store.feeds(), [])
    await store.write({ feeds: [feedRow(7), feedRow(2)] })
    await store.write({ feeds: [feedRow(7, { length: 9, listed: 8 })] })
    assert.deepEqual(await store.feeds(), [feedRow(2), feedRow(7, { length: 9, listed: 8 })])
  })

  check('commits of a feed come by sequence, from anywhere, at most as many as asked', async ({ store }) => {
    const rows = [0, 1, 2, 3].map((seq) => commitRow(10 - seq, { seq }))
    await store.write({ commits: [...rows, commitRow(20, { feed: 2, seq: 0 })] })
    assert.deepEqual(await store.commits(1, 0, 100), rows)
    assert.deepEqual(await store.commits(1, 1, 2), rows.slice(1, 3))
    assert.deepEqual(await store.commits(1, 4, 100), [])
    assert.deepEqual(await store.commits(1, 0, 0), [])
    assert.deepEqual(await store.commits(3, 0, 100), [])
  })

  check('commits come by local number without bodies', async ({ store }) => {
    const rows = [3, 5, 9].map((no) =>
      commitRow(no, { feed: no, signature: sampleBytes(64), record: no, at: 6, refused: 'FORBIDDEN' }),
    )
    await store.write({ commits: rows })
    const heads = rows.map(withoutBodies)
    assert.deepEqual(await store.commitsAfter(0, 10), heads)
    assert.deepEqual(await store.commitsAfter(3, 1), heads.slice(1, 2))
    assert.deepEqual(await store.commitsAfter(9, 10), [])
    assert.deepEqual(await store.commitHeads([9, 4, 3, 9]), [heads[2], null, heads[0], heads[2]])
    const many = [9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 3]
    assert.deepEqual(
      await store.commitHeads(many),
      many.map((no) => heads.find((head) => head.no === no) ?? null),
    )
    assert.deepEqual(await store.commitHeads([]), [])
  })
}

function commitCases(check: Case): void {
  check('a second commit of one number or one sequence is refused', async ({ store }) => {
    await store.write({ commits: [commitRow(1)] })
    await rejects(store.write({ commits: [commitRow(1, { seq: 8 })] }), 'STORE_FAILED')
    await rejects(store.write({ commits: [commitRow(8, { seq: 1 })] }), 'STORE_FAILED')
    await rejects(store.write({ commits: [commitRow(4), commitRow(5, { seq: 4 })] }), 'STORE_FAILED')
    assert.deepEqual(await store.commitsAfter(0, 10), [withoutBodies(commitRow(1))])
  })

  check('signatures and verdicts are set on commits that are there, in the same batch too', async ({ store }) => {
    const signature = sampleBytes(64, 9)
    await store.write({ commits: [commitRow(1)], commitSignatures: [{ commit: 1, signature }] })
    await store.write({ commits: [commitRow(2)], verdicts: [{ commit: 2, record: 4, at: 77, refused: 'FORBIDDEN' }] })
    await store.write({
      verdicts: [
        { commit: 1, record: 5, at: 78, refused: null },
        { commit: 99, record: 6, at: 79, refused: null },
      ],
    })
    const first = commitRow(1, { signature, record: 5, at: 78 })
    assert.deepEqual(await store.commits(1, 0, 9), [first, commitRow(2, { record: 4, at: 77, refused: 'FORBIDDEN' })])
    await store.write({ verdicts: [{ commit: 2, record: null, at: null, refused: null }] })
    assert.deepEqual(await store.commits(1, 2, 9), [commitRow(2)])
  })
}

function bodyCases(check: Case): void {
  check('parts of bodies come in the order asked and end with the commit', async ({ store }) => {
    const bodies = sampleBytes(300_000, 3)
    await store.write({ commits: [commitRow(1, { bodies }), commitRow(2, { bodies: new Uint8Array(0) })] })
    const parts = [
      { commit: 1, offset: 250_000, size: 10 },
      { commit: 2, offset: 0, size: 10 },
      { commit: 1, offset: 0, size: 0 },
      { commit: 1, offset: 0, size: 4 },
      { commit: 1, offset: 299_995, size: 10 },
      { commit: 1, offset: 400_000, size: 10 },
      { commit: 3, offset: 0, size: 10 },
      { commit: 1, offset: 250_000, size: 10 },
    ]
    const expected = parts.map(({ commit, offset, size }) =>
      commit === 1 ? bodies.slice(offset, offset + size) : new Uint8Array(0),
    )
    assert.deepEqual(await store.bodies(parts), expected)
    assert.deepEqual(await store.bodies([]), [])
    assert.deepEqual(await store.commits(1, 1, 1), [commitRow(1, { bodies })])
  })
}

function droppedCases(check: Case): void {
  const rows = [2, 4, 5, 9].map((no) => commitRow(no, { bodies: sampleBytes(100 + no, no) }))
  const empty = new Uint8Array(0)
  const gone = (nos: readonly number[]) => rows.map((row) => (nos.includes(row.no) ? { ...row, bodies: empty } : row))
  const parts = rows.map(({ no }) => ({ commit: no, offset: 10, size: 20 }))

  check('dropped bodies are empty; headers, signatures and sizes stay', async ({ store, restart }) => {
    await store.write({ commits: rows, commitSignatures: [{ commit: 4, signature: sampleBytes(64) }] })
    await store.write({ bodiesDropped: [{ from: 3, to: 5 }] })
    const signed = (each: typeof rows) =>
      each.map((row) => (row.no === 4 ? { ...row, signature: sampleBytes(64) } : row))
    const holds = async (opened: Store): Promise<void> => {
      assert.deepEqual(await opened.commits(1, 0, 9), signed(gone([4, 5])))
      assert.deepEqual(await opened.commitsAfter(0, 9), signed(rows).map(withoutBodies))
      assert.deepEqual(await opened.commitHeads([4]), signed(rows).map(withoutBodies).slice(1, 2))
      const kept = rows.map((row) => ([4, 5].includes(row.no) ? empty : row.bodies.slice(10, 30)))
      assert.deepEqual(await opened.bodies(parts), kept)
      assert.equal((await opened.stats()).bodyBytes, 102 + 109)
    }
    await holds(store)
    await holds(await restart())
  })

  check('dropping bodies again, or those of commits that are not there, changes nothing', async ({ store }) => {
    await store.write({ commits: rows })
    await store.write({
      bodiesDropped: [
        { from: 0, to: 1 },
        { from: 6, to: 8 },
        { from: 5, to: 4 },
        { from: 10, to: Number.MAX_SAFE_INTEGER - 1 },
      ],
    })
    assert.deepEqual(await store.commits(1, 0, 9), rows)
    for (const range of [
      { from: 9, to: 9 },
      { from: 9, to: 12 },
      { from: 0, to: 2 },
    ])
      await store.write({ bodiesDropped: [range] })
    assert.deepEqual(await store.commits(1, 0, 9), gone([2, 9]))
  })

  check(
    'bodies are dropped after the commits of their batch are written, and with them or not at all',
    async (world) => {
      const { store } = world
      await store.write({ commits: rows.slice(0, 2), bodiesDropped: [{ from: 4, to: 4 }] })
      assert.deepEqual(await store.commits(1, 0, 9), gone([4]).slice(0, 2))
      await rejects(store.write({ commits: rows.slice(1), bodiesDropped: [{ from: 0, to: 99 }] }), 'STORE_FAILED')
      assert.deepEqual(await store.commits(1, 0, 9), gone([4]).slice(0, 2))
      await store.write({ verdicts: [{ commit: 4, record: 3, at: 70, refused: null }] })
      assert.deepEqual(await store.commits(1, 4, 1), [{ ...commitRow(4, { record: 3, at: 70 }), bodies: empty }])
    },
  )
}

function receiptCases(check: Case): void {
  check('receipts come by record; a second one of a record is refused', async ({ store }) => {
    const rows = [0, 1, 2].map((record) => receiptRow(record))
    await store.write({ receipts: rows })
    await rejects(store.write({ receipts: [receiptRow(3), receiptRow(1)] }), 'STORE_FAILED')
    await rejects(store.write({ receipts: [receiptRow(3), receiptRow(3)] }), 'STORE_FAILED')
    assert.deepEqual(await store.receipts(0, 10), rows)
    const signature = sampleBytes(64, 4)
    await store.write({
      receipts: [receiptRow(3)],
      receiptSignatures: [
        { record: 3, signature },
        { record: 77, signature },
      ],
    })
    assert.deepEqual(await store.receipts(2, 1), [receiptRow(2)])
    assert.deepEqual(await store.receipts(3, 5), [receiptRow(3, { signature })])
    assert.deepEqual(await store.receipts(4, 5), [])
  })

  check('the record at a time is the last one not later', async ({ store }) => {
    assert.equal(await store.recordAt(1e15), null)
    const times = [10, 10, 20, 20, 20, 35]
    await store.write({ receipts: times.map((at, i) => receiptRow(i + 3, { at })) })
    for (let at = 5; at < 40; at++) {
      const last = times.findLastIndex((time) => time <= at)
      assert.equal(await store.recordAt(at), last === -1 ? null : last + 3, `at ${at}`)
    }
  })
}

/** Store suite: traits that hold for every operation of the contract, whatever it does. */

import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { firstDocument, parseSearch, type Batch, type Store } from 'varve/engine'
import { fullBatch } from './atomic.ts'
import { sampleTag } from './sample.ts'
import { rejects, type Case } from './frame.ts'

const doc = firstDocument(1)

/** One call of every reading method; the type makes a method that is added to the contract fail here. */
const reads: Readonly<
  Record<Exclude<keyof Store, 'supports' | 'write' | 'close'>, (store: Store) => Promise<unknown>>
> = {
  value: (store) => store.value('v1'),
  values: (store) => store.values(''),
  feeds: (store) => store.feeds(),
  commits: (store) => store.commits(1, 0, 9),
  commitsAfter: (store) => store.commitsAfter(0, 9),
  commitHeads: (store) => store.commitHeads([1, 2, 3, 4, 5, 6]),
  bodies: (store) =>
    store.bodies([
      { commit: 1, offset: 0, size: 9 },
      { commit: 1, offset: 2, size: 9 },
    ]),
  receipts: (store) => store.receipts(0, 9),
  recordAt: (store) => store.recordAt(1e6),
  documents: (store) => store.documents([1, 2, 3, 4, 5].map((n) => sampleTag(doc + n))),
  documentsByNo: (store) => store.documentsByNo([doc + 1]),
  scan: (store) => store.scan(1, 0, 9),
  scanWhere: (store) => store.scanWhere({ collection: 1, after: 0, limit: 9, where: { kind: 'and', of: [] } }),
  scanValues: (store) =>
    store.scanValues({ collection: 1, after: 0, limit: 9, where: { kind: 'and', of: [] } }, [{ field: 0, names: [] }]),
  scanIndex: (store) =>
    store.scanIndex({ index: 1, range: { from: null, to: null }, reverse: false, after: null, limit: 9 }),
  search: (store) => store.search({ search: 1, terms: parseSearch('word'), weights: [1], after: null, limit: 9 }),
  searchPostings: (store) => store.searchPostings(1, null, 9),
  entries: (store) => store.entries(doc + 1, { from: 0, to: 99, limit: 9 }),
  snapshot: (store) => store.snapshot(doc + 1, 99),
  seen: (store) => store.seen(1, 2, 9),
  touches: (store) => store.touches(0, 9),
  locked: (store) => store.locked('k', 0, 9),
  // The space on disk may change by itself.
  stats: async (store) => ({ ...(await store.stats()), diskBytes: null }),
}

export function traitCases(check: Case): void {
  check('after close every operation fails with CLOSED, and closing again does not', async ({ store }) => {
    await store.write(fullBatch(1))
    await Promise.all([store.close(), store.close()])
    await store.close()
    for (const read of Object.values(reads)) await rejects(read(store), 'CLOSED')
    await rejects(store.write({}), 'CLOSED')
  })

  check('close waits for the writes under way', async ({ store, restart }) => {
    const writes = [1, 2, 3].map((n) => store.write(fullBatch(n)))
    await store.close()
    await Promise.all(writes)
    assert.equal((await (await restart()).stats()).commits, 3)
  })

  for (const [name, read] of Object.entries(reads)) {
    check(`${name}: concurrent calls agree, and see no write that was not answered`, async ({ store }) => {
      await store.write(fullBatch(1))
      const before = await read(store)
      const underWay = store.write(fullBatch(2))
      const early = await read(store)
      await underWay
      const [late, later] = await Promise.all([read(store), read(store)])
      assert.deepEqual(late, later)
      assert.ok(isDeepStrictEqual(early, before) || isDeepStrictEqual(early, late), 'half a batch was seen')
    })

    check(`${name}: an answer shares no memory with the store`, async ({ store }) => {
      await store.write(fullBatch(1))
      const answer = await read(store)
      const expected = structuredClone(answer)
      overwrite(answer)
      assert.deepEqual(await read(store), expected)
    })
  }

  check('a batch shares no memory with the store', async ({ store }) => {
    const batch: Batch = fullBatch(1)
    await store.write(batch)
    const before = await Promise.all(Object.values(reads).map((read) => read(store)))
    overwrite(batch)
    overwrite(batch.values)
    assert.deepEqual(await Promise.all(Object.values(reads).map((read) => read(store))), before)
  })
}

/** Changes everything that can be reached from `value`. */
function overwrite(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Uint8Array) {
    value.fill(0xee)
    return
  }
  if (value instanceof Map) {
    for (const inner of value.values()) overwrite(inner)
    value.clear()
    return
  }
  for (const [name, inner] of Object.entries(value)) {
    overwrite(inner)
    Reflect.set(value, name, 'overwritten')
  }
}

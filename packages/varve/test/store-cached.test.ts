/** Heads kept in memory: what is asked of the store beneath, and that nothing out of date is answered. */

import fc from 'fast-check'
import { cached, decorate, firstDocument, memory, type DocumentRow, type Store } from 'varve/engine'
import { expect, test } from 'vitest'

const pageKey = null
const doc = firstDocument(1)

function row(n: number, text = 'a'): DocumentRow {
  return { no: doc + n, tag: new Uint8Array(16).fill(n), state: `[1,{"a":"${text}"}]`, changed: n }
}

/** A store under the cache that counts the reads which reach it. */
async function counted(bytes = 1e6, held = (): boolean => true) {
  const inner = await memory().open('main', { pageKey })
  let reads = 0
  const counting = decorate(inner, (method, call) => {
    if (method === 'documents' || method === 'documentsByNo') reads++
    return call()
  })
  return { inner, store: cached(counting, { bytes, held }), reads: () => reads }
}

const stateOf = async (store: Store, n: number) => (await store.documentsByNo([doc + n]))[0]?.state

test('what was written or read once is answered from memory, by tag and by number', async () => {
  const { store, inner, reads } = await counted()
  await inner.write({ documents: [row(1), row(2)] })
  await store.write({ documents: [row(3)] })
  expect(await store.documents([row(3).tag])).toEqual([row(3)])
  expect(reads()).toBe(0)
  expect(await store.documentsByNo([doc + 1, doc + 3, doc + 9])).toEqual([row(1), row(3), null])
  expect(reads()).toBe(1)
  expect(await store.documents([row(1).tag, row(1).tag])).toEqual([row(1), row(1)])
  expect(reads()).toBe(1)
})

test('nothing is answered from memory while the store may belong to another', async () => {
  let held = true
  const { store, inner } = await counted(1e6, () => held)
  await store.write({ documents: [row(1, 'old')] })
  await inner.write({ documents: [row(1, 'new')] })
  expect(await stateOf(store, 1)).toContain('old')
  held = false
  expect(await stateOf(store, 1)).toContain('new')
})

test('a write that failed is not answered, and forgets what it may have changed', async () => {
  const inner = await memory().open('main', { pageKey })
  let failing = false
  const store = cached(
    decorate(inner, async (method, call) => {
      const answer = await call()
      if (failing && method === 'write') throw new Error('lost on the way back')
      return answer
    }),
    { bytes: 1e6, held: () => true },
  )
  await store.write({ documents: [row(1, 'old')] })
  failing = true
  await expect(store.write({ documents: [row(1, 'new')] })).rejects.toThrow('lost')
  expect(await stateOf(store, 1)).toContain('new')
})

test('the bytes kept are bounded, the longest unused go first', async () => {
  const { store, reads } = await counted(3 * 500)
  for (let n = 1; n <= 3; n++) await store.write({ documents: [row(n)] })
  await stateOf(store, 1)
  await store.write({ documents: [row(4)] })
  await stateOf(store, 1)
  expect(reads()).toBe(0)
  await stateOf(store, 2)
  expect(reads()).toBe(1)
})

test('with writes and reads in any overlap, what is answered at rest is what is stored', async () => {
  const act = fc.record({ write: fc.boolean(), n: fc.integer({ min: 1, max: 4 }), wait: fc.nat(3) })
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
      const { store, inner } = await counted(1400)
      const underWay: Promise<unknown>[] = []
      for (const [at, { write, n, wait }] of acts.entries()) {
        underWay.push(write ? store.write({ documents: [row(n, String(at))] }) : store.documents([row(n).tag]))
        for (let turn = 0; turn < wait; turn++) await Promise.resolve()
      }
      await Promise.all(underWay)
      for (let n = 1; n <= 4; n++) expect(await stateOf(store, n)).toEqual(await stateOf(inner, n))
    }),
    { numRuns: 200 },
  )
})

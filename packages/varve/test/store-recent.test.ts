/** The newest commits and receipts in memory: what reaches the store beneath, and that every answer is the store's own. */

import { commitRow, feedRow, receiptRow } from '@varve/testkit'
import fc from 'fast-check'
import { decorate, memory, recent, type Batch, type Store } from 'varve/engine'
import { expect, test } from 'vitest'

/** A store under the decorator that counts the reads which reach it. */
async function counted() {
  const inner = await memory().open('main', { pageKey: null })
  const reads: string[] = []
  const counting = decorate(inner, (method, call) => {
    if (method !== 'write') reads.push(method)
    return call()
  })
  return { inner, store: recent(counting), reads }
}

/** A commit as replicas write it, with its receipt. */
function written(no: number, bytes = 10): Batch {
  const bodies = new Uint8Array(bytes).fill(no)
  return {
    feeds: [feedRow(1, { length: no })],
    commits: [commitRow(no, { feed: 1, seq: no - 1, bodies })],
    receipts: [receiptRow(no - 1, { commit: no })],
  }
}

/** Answers as text: comparing thousands of bytes one by one takes long. */
async function everything(store: Store, last: number): Promise<string> {
  // Around both ends of what is kept.
  const numbers = [0, 1, last - 66, last - 64, last - 63, last - 1, last, last + 1].filter((n) => n >= 0)
  const answers = await Promise.all(
    numbers.flatMap((n) => [
      ...[0, 1, 3, 100].flatMap((limit): Promise<unknown>[] => [
        store.commits(1, n, limit),
        store.commitsAfter(n, limit),
        store.receipts(n, limit),
      ]),
      store.commitHeads([n, n + 1]),
      store.bodies([{ commit: n, offset: 0, size: 4 }]),
    ]),
  )
  const short = (_: string, value: unknown): unknown =>
    value instanceof Uint8Array ? `${value.length} bytes ${value.subarray(0, 8).join(' ')}` : value
  return JSON.stringify(answers, short)
}

test('what was just written is read without the store', async () => {
  const { store, reads } = await counted()
  for (const no of [1, 2, 3]) await store.write(written(no))
  expect((await store.commits(1, 1, 10)).map(({ no }) => no)).toEqual([2, 3])
  expect((await store.commitsAfter(1, 10)).map(({ no }) => no)).toEqual([2, 3])
  expect((await store.commitHeads([3, 1])).map((head) => head?.size)).toEqual([10, 10])
  expect((await store.receipts(0, 2)).map(({ record }) => record)).toEqual([0, 1])
  expect(reads).toEqual([])
  await store.commits(1, 3, 10)
  expect(reads).toEqual(['commits'])
})

test('every answer is that of the store, whatever was written', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('commit'), bytes: fc.constantFrom(1, 300, 20_000) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constantFrom('sign', 'verdict', 'drop'), bytes: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('many'), bytes: fc.constantFrom(3, 70) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { store, inner } = await counted()
      let last = 0
      for (const { act, bytes } of steps) {
        const some = Math.max(1, last - bytes)
        if (act === 'commit') await store.write(written(++last, bytes))
        else if (act === 'many') for (let i = 0; i < bytes; i++) await store.write(written(++last))
        else if (last === 0) continue
        else if (act === 'sign') {
          const signature = new Uint8Array(64).fill(bytes)
          const [commitSignatures, receiptSignatures] = [
            [{ commit: some, signature }],
            [{ record: some - 1, signature }],
          ]
          await store.write({ commitSignatures, receiptSignatures })
        } else if (act === 'verdict')
          await store.write({ verdicts: [{ commit: some, record: some - 1, at: bytes, refused: 'FORBIDDEN' }] })
        else await store.write({ bodiesDropped: [{ from: 1, to: some }] })
      }
      expect(await everything(store, last)).toBe(await everything(inner, last))
    }),
    { numRuns: 60 },
  )
})

test('writes at once, and writes that failed, are read from the store', async () => {
  const inner = await memory().open('main', { pageKey: null })
  let lost = false
  const store = recent(
    decorate(inner, async (method, call) => {
      const answer = await call()
      if (lost && method === 'write') throw new Error('lost on the way back')
      return answer
    }),
  )
  const verdict = { commit: 1, record: 0, at: 9, refused: null }
  await Promise.all([store.write(written(1)), store.write({ verdicts: [verdict] })])
  expect((await store.commitHeads([1]))[0]?.at).toBe(9)
  await store.write(written(2))
  lost = true
  await expect(store.write({ verdicts: [{ ...verdict, commit: 2, record: 1 }] })).rejects.toThrow('lost')
  expect((await store.commitHeads([2]))[0]?.at).toBe(9)
})

test('a closed store answers nothing from memory', async () => {
  const { store } = await counted()
  await store.write(written(1))
  await store.close()
  await expect(store.commits(1, 0, 1)).rejects.toMatchObject({ code: 'CLOSED' })
})

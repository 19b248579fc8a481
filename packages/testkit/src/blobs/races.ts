/** Object storage suite: many at once; an object is there whole or not at all, and `ifAbsent` has one winner. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { BlobStore } from 'varve/engine'
import { rejects } from '../store/frame.ts'
import { bytesFor, each, type BlobCase } from './frame.ts'

export function raceCases(check: BlobCase): void {
  check('of 64 puts at once where there is nothing, one wins', async ({ blobs }) => {
    if (!blobs.supports.conditionalPut) {
      await rejects(blobs.put('won', bytesFor(1, 1), { ifAbsent: true }), 'UNSUPPORTED')
      assert.equal(await blobs.get('won'), null)
      return
    }
    const contents = Array.from({ length: 64 }, (_, i) => bytesFor(i, 100 + i))
    const won = await Promise.all(contents.map((bytes) => blobs.put('won', bytes, { ifAbsent: true })))
    assert.equal(won.filter(Boolean).length, 1)
    assert.deepEqual(await blobs.get('won'), contents[won.indexOf(true)])
    assert.equal(await blobs.put('won', bytesFor(99, 5), { ifAbsent: true }), false)
    await blobs.delete('won')
    assert.equal(await blobs.put('won', bytesFor(99, 5), { ifAbsent: true }), true)
    assert.deepEqual(await blobs.get('won'), bytesFor(99, 5))
  })

  check('large objects are put where there is nothing by one alone', async ({ blobs, largeBytes }) => {
    if (!blobs.supports.conditionalPut) return
    const contents = [1, 2, 3].map((seed) => bytesFor(seed, largeBytes + seed))
    const won = await Promise.all(contents.map((bytes) => blobs.put('won', bytes, { ifAbsent: true })))
    assert.equal(won.filter(Boolean).length, 1)
    assert.deepEqual(await blobs.get('won'), contents[won.indexOf(true)])
  })

  check('readers see an old object or a new one, never a mixture', async ({ blobs, largeBytes }) => {
    const contents = [bytesFor(1, 10), bytesFor(2, largeBytes), bytesFor(3, 70_000)]
    await blobs.put('turning', bytesFor(1, 10))
    const writing = new AbortController()
    const reading = Array.from({ length: 3 }, async () => {
      while (!writing.signal.aborted) {
        const seen = await blobs.get('turning')
        assert.ok(
          contents.some((bytes) => seen !== null && Buffer.compare(seen, bytes) === 0),
          `a mixture of ${seen?.length} bytes`,
        )
      }
    })
    const turn = async (): Promise<void> => {
      try {
        for (let round = 0; round < 6; round++) await blobs.put('turning', contents[(round + 1) % 3] ?? bytesFor(1, 10))
      } finally {
        writing.abort()
      }
    }
    await Promise.all([...reading, turn()])
  })

  check('many puts and gets at once do not mix', async ({ blobs }) => {
    const keys = Array.from({ length: 100 }, (_, i) => `k${i % 10}/${i}`)
    await each(keys, 50, (key, index) => blobs.put(key, bytesFor(index, index * 7)))
    await each(keys, 50, async (key, index) => {
      assert.deepEqual(await blobs.get(key), bytesFor(index, index * 7))
    })
  })

  check('any calls one after the other do what they do to a map', modelCase)
}

const key = fc.constantFrom('a', 'a/a', 'a/b', 'a.b', 'b', 'b/a/c')
const step = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, size: fc.nat(2_000), ifAbsent: fc.boolean() }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('get' as const), key, offset: fc.nat(2_500), length: fc.nat(2_500) }),
  fc.record({ kind: fc.constant('list' as const), prefix: fc.constantFrom('', 'a', 'a/', 'b/a'), limit: fc.nat(3) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function modelCase({ blobs }: { blobs: BlobStore }): Promise<void> {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const base = `run-${run++}/`
      const model = new Map<string, Uint8Array>()
      for (const next of steps) await compare(blobs, base, model, next)
    }),
    { numRuns: 12 },
  )
}

async function compare(blobs: BlobStore, base: string, model: Map<string, Uint8Array>, next: Step): Promise<void> {
  if (next.kind === 'put') {
    const ifAbsent = next.ifAbsent && blobs.supports.conditionalPut
    const isNew = !ifAbsent || !model.has(next.key)
    assert.equal(await blobs.put(base + next.key, bytesFor(next.size, next.size), { ifAbsent }), isNew)
    if (isNew) model.set(next.key, bytesFor(next.size, next.size))
  } else if (next.kind === 'delete') {
    await blobs.delete(base + next.key)
    model.delete(next.key)
  } else if (next.kind === 'get') {
    const { offset, length } = next
    const expected = model.get(next.key)?.slice(offset, offset + length) ?? null
    assert.deepEqual(await blobs.get(base + next.key, { range: { offset, length } }), expected)
  } else {
    const expected = [...model.keys()].filter((name) => name.startsWith(next.prefix)).toSorted()
    const limit = next.limit + 1
    const { items } = await blobs.list(base + next.prefix, { limit })
    assert.deepEqual(
      items.map((item) => [item.key, item.size]),
      expected.slice(0, limit).map((name) => [base + name, model.get(name)?.length]),
    )
  }
}

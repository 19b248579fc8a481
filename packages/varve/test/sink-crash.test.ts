/** Sinking that ends at any step, or runs twice at once: nothing is ever lost, torn or shown otherwise. */

import { faulty, FaultyDisk } from '@varve/testkit'
import fc from 'fast-check'
import { memory, memoryBlobs, VarveError, type BlobStore, type CommitRow, type Store } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { commit, commits, HandEnv, sinkWorld, watched } from './sink-world.ts'

const day = 86_400_000
const options = { afterDays: 0, segmentBytes: 1000 }

async function keysOf(blobs: BlobStore): Promise<readonly string[]> {
  return (await blobs.list('segments/')).items.map(({ key }) => key)
}

/** Everything is as written, the rest sinks, and what is left over goes after a day. */
async function goesOn(inner: Store, blobs: BlobStore, rows: readonly CommitRow[]): Promise<void> {
  const env = new HandEnv()
  const after = await sinkWorld(options, { inner, blobs, env })
  expect(await after.store.commits(1, 0, 1000)).toEqual(rows)
  await after.sinker.run({ all: true })
  expect(await after.store.commits(1, 0, 1000)).toEqual(rows)
  expect((await after.inner.stats()).bodyBytes).toBe(0)
  expect((await after.store.stats()).bodyBytes).toBe(rows.reduce((sum, { bodies }) => sum + bodies.length, 0))
  expect(await after.sinker.removeOrphans()).toBe(0)
  const needed = (await after.sinker.segments()).map(({ key }) => key)
  const left = (await keysOf(blobs)).length - needed.length
  env.time += 2 * day
  expect(await after.sinker.removeOrphans()).toBe(left)
  expect(await keysOf(blobs)).toEqual(needed)
  expect(await after.store.commits(1, 0, 1000)).toEqual(rows)
}

describe('sinking that ends', () => {
  const steps = (['put', 'get'] as const).flatMap((method) =>
    [1, 2, 3].flatMap((call) => (['before', 'after'] as const).map((when) => ({ method, call, when }))),
  )
  test.each(steps)('$when $method number $call leaves the hot copy or both', async ({ method, call, when }) => {
    const env = new HandEnv()
    const plain = memoryBlobs({ env })
    const blobs = watched(plain, async (each, ask, count) => {
      if (each !== method || count !== call) return ask()
      if (when === 'after') await ask()
      throw new VarveError('STORE_FAILED', 'The process died', { retryable: true })
    })
    const rows = commits(40)
    const world = await sinkWorld(options, { blobs, env })
    await world.store.write({ commits: rows })
    await expect(world.sinker.run({ all: true })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await world.store.commits(1, 0, 1000)).toEqual(rows)
    await goesOn(world.inner, plain, rows)
  })

  // The first write is the rows, the second the owner; the others drop.
  const writes = [2, 3, 4].flatMap((call) => (['before', 'after'] as const).map((when) => ({ call, when })))
  test.each(writes)('$when write number $call leaves the hot copy or the segment', async ({ call, when }) => {
    const plain = await memory().open('main', { pageKey: null })
    const rows = commits(40)
    const inner = faulty(plain, [{ method: 'write', call, when, retryable: true }])
    const world = await sinkWorld(options, { inner })
    await world.store.write({ commits: rows })
    await world.sinker.run({ all: true }).catch(() => undefined)
    expect(await world.store.commits(1, 0, 1000)).toEqual(rows)
    await goesOn(plain, world.blobs, rows)
  })

  test('power cuts between any two writes of the disk lose nothing', async () => {
    const rows = commits(30)
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 4000 }),
        fc.nat({ max: 30 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        async (room, turns, kept) => {
          const disk = new FaultyDisk()
          const env = new HandEnv()
          const blobs = memoryBlobs({ env })
          const inner = await memory({ disk: disk.attach() }).open('main', { pageKey: null })
          const world = await sinkWorld(options, { inner, blobs, env })
          await world.store.write({ commits: rows })
          // The disk is full after some bytes, and the power goes after some turns.
          disk.resize(disk.size + room)
          const run = world.sinker.run({ all: true }).catch(() => undefined)
          for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
          disk.crash(() => kept)
          await run
          disk.resize(10_000_000)
          const again = await memory({ disk: disk.attach() }).open('main', { pageKey: null })
          await goesOn(again, blobs, rows)
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('two sinkings at once', () => {
  test('of one sinker follow each other', async () => {
    const world = await sinkWorld(options)
    const rows = commits(60)
    await world.store.write({ commits: rows })
    const made = await Promise.all([1, 2, 3].map(() => world.sinker.run({ all: true })))
    expect(made.reduce((sum, { commits: count }) => sum + count, 0)).toBe(
      rows.filter(({ bodies }) => bodies.length > 0).length,
    )
    await goesOn(world.inner, world.blobs, rows)
  })

  test('of two openers never drop twice or forget: both read everything', async () => {
    const one = await sinkWorld(options)
    const two = await sinkWorld(options, { inner: one.inner, blobs: one.blobs })
    const rows = commits(80)
    await one.store.write({ commits: rows.slice(0, 40) })
    // Both have looked by now, so that what the other sinks is news.
    await Promise.all([one.sinker.state(), two.sinker.state()])
    await Promise.all([one.sinker.run({ all: true }), two.sinker.run({ all: true })])
    await two.store.write({ commits: rows.slice(40) })
    await Promise.all([one.sinker.run({ all: true }), two.sinker.run({ all: true })])
    expect(await one.store.commits(1, 0, 1000)).toEqual(rows)
    expect(await two.store.commits(1, 0, 1000)).toEqual(rows)
    const segments = await (await sinkWorld(options, { inner: one.inner, blobs: one.blobs })).sinker.segments()
    segments.reduce((last, { first, last: end }) => {
      expect(first).toBeGreaterThan(last)
      return end
    }, 0)
    await goesOn(one.inner, one.blobs, rows)
  })

  test('what is read while it sinks is always there', async () => {
    const world = await sinkWorld(options, { cacheBytes: 2000 })
    const rows = commits(120)
    await world.store.write({ commits: rows })
    const sinking = { isOver: false }
    const reading = async (): Promise<void> => {
      for (let i = 0; !sinking.isOver; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        const from = 1 + ((i * 17) % 110)
        expect(await world.store.commits(1, from, 10)).toEqual(rows.slice(from - 1, from + 9))
      }
    }
    const readers = [reading(), reading(), reading()]
    await world.sinker.run({ all: true })
    sinking.isOver = true
    await Promise.all(readers)
  })

  test('closing in the middle of a put leaves the hot copy', async () => {
    const env = new HandEnv()
    const plain = memoryBlobs({ env })
    let begun: () => void = () => undefined
    const isPutting = new Promise<void>((resolve) => (begun = resolve))
    const blobs: BlobStore = {
      ...plain,
      put: (_, __, given) =>
        new Promise((_resolve, reject) => {
          begun()
          given?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    }
    const provider = memory()
    const world = await sinkWorld(options, { inner: await provider.open('main', { pageKey: null }), blobs, env })
    await world.store.write({ commits: [commit(1, 2000)] })
    const run = world.sinker.run()
    await isPutting
    await Promise.all([world.store.close(), expect(run).rejects.toMatchObject({ code: 'CLOSED' })])
    await goesOn(await provider.open('main', { pageKey: null }), plain, [commit(1, 2000)])
  })
})

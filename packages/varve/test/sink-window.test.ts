/** What sinks and what stays hot: by age, by count, by bytes; and that what is too little for a segment waits. */

import { isVarveError, makeStamp, windowOf } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { commit, commits, HandEnv, sinkWorld, type SinkWorld } from './sink-world.ts'

const day = 86_400_000
const hot = async ({ inner }: SinkWorld): Promise<readonly number[]> => {
  const rows = await inner.commits(1, 0, 1000)
  return rows.filter(({ bodies }) => bodies.length > 0).map(({ no }) => no)
}
const numbers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('the hot window', () => {
  test('by age: the time of the receipt counts, and the stamp while there is none', async () => {
    const world = await sinkWorld({ afterDays: 2, segmentBytes: 1 })
    const now = world.env.time
    const at = (ms: number) => makeStamp(now - ms, 0)
    await world.store.write({
      commits: [
        commit(1, 10, { stamp: at(9 * day) }),
        commit(2, 10, { stamp: at(0), at: now - 3 * day, record: 1 }),
        commit(3, 10, { stamp: at(9 * day), at: now - day, record: 2 }),
        commit(4, 10, { stamp: at(9 * day) }),
      ],
    })
    await world.sinker.run()
    expect(await hot(world)).toEqual([3, 4])
    world.env.time += 2 * day
    await world.sinker.run()
    expect(await hot(world)).toEqual([])
  })

  test('by count and by bytes: the newest stay, whichever leaves fewer', async () => {
    const rows = numbers(1, 20).map((no) => commit(no, 100))
    const counted = await sinkWorld({ keepCommits: 5, segmentBytes: 1 })
    await counted.store.write({ commits: rows })
    await counted.sinker.run()
    expect(await hot(counted)).toEqual(numbers(16, 20))
    const weighed = await sinkWorld({ keepCommits: 5, keepBytes: 350, segmentBytes: 1 })
    await weighed.store.write({ commits: rows })
    await weighed.sinker.run()
    expect(await hot(weighed)).toEqual(numbers(18, 20))
    await weighed.store.write({ commits: [commit(21, 400)] })
    await weighed.sinker.run()
    expect(await hot(weighed)).toEqual([])
  })

  test('a segment waits until it is full, unless everything is asked for', async () => {
    const world = await sinkWorld({ afterDays: 0, segmentBytes: 1000 })
    await world.store.write({ commits: numbers(1, 9).map((no) => commit(no, 100)) })
    expect(await world.sinker.run()).toMatchObject({ segments: 0 })
    expect(await world.sinker.state()).toMatchObject({ pendingCommits: 9, pendingBytes: 900 })
    expect((await world.sinker.state()).oldestPendingAt).toBe(1_600_000_000_001)
    await world.store.write({ commits: numbers(10, 25).map((no) => commit(no, 100)) })
    expect(await world.sinker.run()).toMatchObject({ segments: 2, commits: 20, bytes: 2000 })
    expect(await world.sinker.state()).toMatchObject({ pendingCommits: 5, pendingBytes: 500, segments: 2 })
    expect(await world.sinker.run({ all: true })).toMatchObject({ segments: 1, commits: 5 })
    expect(await world.sinker.state()).toMatchObject({ pendingCommits: 0, pendingBytes: 0, oldestPendingAt: null })
    expect(await world.sinker.run({ all: true })).toMatchObject({ segments: 0 })
  })

  test('what sank before a restart is not counted again', async () => {
    const world = await sinkWorld({ keepBytes: 500, segmentBytes: 1000 })
    await world.store.write({ commits: commits(60) })
    await world.sinker.run()
    const before = await world.sinker.state()
    const again = await sinkWorld({ keepBytes: 500, segmentBytes: 1000 }, { inner: world.inner, blobs: world.blobs })
    expect(await again.sinker.run()).toMatchObject({ segments: 0 })
    const { requests: _, ...state } = await again.sinker.state()
    const { requests: __, ...expected } = before
    expect(state).toEqual(expected)
  })

  test.each([
    { afterDays: -1 },
    { keepCommits: 1.5 },
    { keepBytes: NaN },
    { segmentBytes: 0 },
    { segmentBytes: 1e9 },
    { keepDays: -1 },
  ])('refuses %j', (options) => {
    expect(() => windowOf(options)).toThrow(/sink\./)
    try {
      windowOf(options)
    } catch (error) {
      expect(isVarveError(error, 'INVALID')).toBe(true)
    }
  })

  test('nothing sinks before it is old enough, whatever the other bounds say', async () => {
    const world = await sinkWorld({ keepCommits: 0, keepDays: 1e6, segmentBytes: 1 })
    await world.store.write({ commits: commits(10) })
    expect(await world.sinker.run()).toMatchObject({ segments: 0 })
    expect((await world.sinker.run({ all: true })).segments).toBeGreaterThan(0)
  })

  test('without any bound it is 30 days', () => {
    expect(windowOf({}).afterMs).toBe(30 * day)
    expect(windowOf({ keepBytes: 5 }).afterMs).toBe(Infinity)
    expect(new HandEnv().now()).toBeGreaterThan(0)
  })
})

/** Reading back what sank: the same bytes for every question, few requests, bounded memory, and never a wrong answer. */

import fc from 'fast-check'
import {
  concat,
  emptyBytes,
  equalBytes,
  isVarveError,
  memoryBlobs,
  type BlobMethod,
  type BlobStore,
  type CommitRow,
} from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { Cache } from '../src/sinking/cache.ts'
import { commit, commits, HandEnv, sampleBytes, sinkWorld, watched } from './sink-world.ts'

const env = new HandEnv()

function counted(inner: BlobStore = memoryBlobs({ env })) {
  const calls = new Map<BlobMethod, number>()
  const blobs = watched(inner, (method, call, count) => {
    calls.set(method, count)
    return call()
  })
  return { blobs, of: (method: BlobMethod) => calls.get(method) ?? 0 }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'fine',
    (error: unknown) => (isVarveError(error) ? `${error.code}${error.retryable ? ', retryable' : ''}` : String(error)),
  )
}

describe('reading back', () => {
  test('any parts of any commits, sunk or hot, are what was written', async () => {
    const world = await sinkWorld({ keepCommits: 20, segmentBytes: 1500 }, { cacheBytes: 3000 })
    const rows = commits(100)
    await world.store.write({ commits: rows })
    expect((await world.sinker.run()).segments).toBeGreaterThan(3)
    const part = fc.record({ commit: fc.nat({ max: 105 }), offset: fc.nat({ max: 320 }), size: fc.nat({ max: 320 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 30 }), async (parts) => {
        const found = await world.store.bodies(parts)
        expect(found).toEqual(
          parts.map(({ commit: no, offset, size }) =>
            (rows[no - 1]?.bodies ?? new Uint8Array(0)).slice(offset, offset + size),
          ),
        )
      }),
      { numRuns: 60 },
    )
    expect(await world.store.commits(1, 0, 1000)).toEqual(rows)
    expect(await world.store.commits(1, 50, 7)).toEqual(rows.slice(49, 56))
  })

  test('commits larger than a block come whole and in parts', async () => {
    const world = await sinkWorld({ afterDays: 0, segmentBytes: 1 })
    const large = commit(2, sampleBytes(900_000, 4))
    await world.store.write({ commits: [commit(1, 50), large, commit(3, 70)] })
    await world.sinker.run({ all: true })
    const [middle] = await world.store.bodies([{ commit: 2, offset: 262_000, size: 300_000 }])
    expect(equalBytes(middle ?? emptyBytes, large.bodies.slice(262_000, 562_000))).toBe(true)
    const [whole] = await world.store.commits(1, 2, 1)
    expect(equalBytes(whole?.bodies ?? emptyBytes, large.bodies)).toBe(true)
  })

  test('hot bodies and headers ask nobody, and neither does who wants no bodies', async () => {
    const { blobs, of } = counted()
    const world = await sinkWorld({ keepCommits: 10, segmentBytes: 1000 }, { blobs })
    await world.store.write({ commits: commits(60) })
    await world.sinker.run()
    const before = of('get')
    await world.store.bodies([{ commit: 60, offset: 0, size: 10 }])
    await world.store.commits(1, 51, 100)
    await world.store.commits(1, 0, 100, { bodies: false })
    await world.store.commitsAfter(0, 100)
    await world.store.commitHeads([1, 2, 3])
    await world.store.stats()
    expect(of('get')).toBe(before)
  })

  test('neighbours come in one request, an index once, and a block stays in the cache', async () => {
    const { blobs, of } = counted()
    const world = await sinkWorld({ afterDays: 0, segmentBytes: 2_000_000 }, { blobs, cacheBytes: 16_000_000 })
    await world.store.write({ commits: Array.from({ length: 400 }, (_, i) => commit(i + 1, 5000)) })
    expect((await world.sinker.run()).segments).toBe(1)
    const start = of('get')
    await world.store.commits(1, 1, 20)
    expect(of('get') - start).toBe(2)
    await world.store.commits(1, 1, 20)
    expect(of('get') - start).toBe(2)
    // Two far apart, in one question: one request for each; near each other: one.
    await world.store.bodies([200, 201, 399].map((no) => ({ commit: no, offset: 0, size: 5 })))
    expect(of('get') - start).toBe(4)
  })

  test('going through a segment takes few requests', async () => {
    const { blobs, of } = counted()
    const world = await sinkWorld({ afterDays: 0, segmentBytes: 4_000_000 }, { blobs, cacheBytes: 16_000_000 })
    const rows = Array.from({ length: 800 }, (_, i) => commit(i + 1, 5000))
    await world.store.write({ commits: rows })
    await world.sinker.run({ all: true })
    const start = of('get')
    for (let from = 1; from <= 800; from += 10) {
      const page = await world.store.commits(1, from, 10)
      const bodies = (list: readonly CommitRow[]): Uint8Array => concat(...list.map((row) => row.bodies))
      expect(equalBytes(bodies(page), bodies(rows.slice(from - 1, from + 9)))).toBe(true)
    }
    expect(of('get') - start).toBeLessThan(8)
  })

  test('many readers of one segment wait for one reading of its index', async () => {
    const { blobs, of } = counted()
    const world = await sinkWorld({ afterDays: 0 }, { blobs })
    await world.store.write({ commits: [commit(1, 500), commit(2, 500)] })
    await world.sinker.run({ all: true })
    const start = of('get')
    await Promise.all([1, 2, 3].map(() => world.store.bodies([{ commit: 1, offset: 0, size: 5 }])))
    expect(of('get') - start).toBeLessThanOrEqual(4)
  })

  test('the cache holds no more than it may, and keeps what is used', () => {
    const cache = new Cache<number>(100)
    for (let i = 0; i < 20; i++) cache.put(`${i}`, i, 10)
    expect(cache.bytes).toBe(100)
    expect(cache.get('10')).toBe(10)
    cache.put('new', 1, 10)
    expect([cache.has('10'), cache.has('11')]).toEqual([true, false])
    cache.put('too large', 1, 101)
    expect([cache.has('too large'), cache.bytes]).toEqual([false, 100])
  })
})

describe('object storage that fails or lies', () => {
  async function sunk() {
    const broken: { act: null | ((bytes: Uint8Array | null) => Uint8Array | null) } = { act: null }
    const plain = memoryBlobs({ env })
    const blobs: BlobStore = {
      ...plain,
      get: async (key, options) => {
        const bytes = await plain.get(key, options)
        return broken.act === null ? bytes : broken.act(bytes)
      },
    }
    const world = await sinkWorld({ keepCommits: 1, segmentBytes: 1000 }, { blobs, cacheBytes: 0 })
    await world.store.write({ commits: commits(30) })
    await world.sinker.run({ all: false })
    const read = () => world.store.bodies([{ commit: 3, offset: 0, size: 50 }])
    const [segment] = await world.sinker.segments()
    return { world, read, broken, key: segment?.key ?? '' }
  }

  test('down: reads of what sank are STORE_FAILED, retryable, naming the segment; hot reads go on', async () => {
    const { world, read, broken, key } = await sunk()
    broken.act = () => {
      throw new Error('connection refused')
    }
    expect(await codeOf(read())).toBe('STORE_FAILED, retryable')
    await expect(read()).rejects.toThrow(key)
    await expect(world.store.commits(1, 0, 10)).rejects.toMatchObject({ details: { segment: key } })
    expect((await world.store.bodies([{ commit: 30, offset: 0, size: 4 }]))[0]?.length).toBe(4)
    await world.store.write({ commits: [commit(31)] })
    broken.act = null
    expect((await read())[0]?.length).toBe(50)
  })

  test('an object that is gone is STORE_FAILED, which trying again does not help', async () => {
    const { read, broken, key } = await sunk()
    broken.act = () => null
    expect(await codeOf(read())).toBe('STORE_FAILED')
    await expect(read()).rejects.toThrow(key)
  })

  test('wrong, short and long answers are TAMPERED, at every byte', async () => {
    const { read, broken } = await sunk()
    for (const at of [0, 1, 20, 50, 200]) {
      broken.act = (bytes) => {
        const changed = (bytes ?? new Uint8Array(0)).slice()
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ 1
        return changed
      }
      expect(await codeOf(read())).toBe('TAMPERED')
    }
    broken.act = (bytes) => (bytes ?? new Uint8Array(0)).slice(1)
    expect(await codeOf(read())).toBe('TAMPERED')
    broken.act = () => new Uint8Array(0)
    expect(await codeOf(read())).toBe('TAMPERED')
    broken.act = (bytes) => concat(Uint8Array.of(1), bytes ?? new Uint8Array(0))
    expect(await codeOf(read())).toBe('TAMPERED')
  })

  test('bytes that are wrong only once are read again', async () => {
    const { read, broken } = await sunk()
    let times = 0
    broken.act = (bytes) => (times++ % 2 === 0 ? new Uint8Array(3) : bytes)
    expect((await read())[0]?.length).toBe(50)
  })

  test('a check of all segments names those that are wrong or gone', async () => {
    const { world, broken, key } = await sunk()
    const { length } = await world.sinker.segments()
    expect(await world.sinker.check()).toEqual({ segments: length, problems: [] })
    const [, second] = await world.sinker.segments()
    await world.blobs.delete(key)
    await world.blobs.put(second?.key ?? '', sampleBytes(100, 1))
    const { problems } = await world.sinker.check()
    expect(problems.map((problem) => [problem.key, problem.code])).toEqual([
      [key, 'STORE_FAILED'],
      [second?.key, 'TAMPERED'],
    ])
    expect(problems[0]).toMatchObject({ first: 1 })
    broken.act = () => {
      throw new Error('connection refused')
    }
    expect((await world.sinker.check()).problems.length).toBe(length)
  })

  test('a body that is nowhere is TAMPERED, never an empty answer', async () => {
    const { world } = await sunk()
    await world.inner.write({ bodiesDropped: [{ from: 30, to: 30 }] })
    expect(await codeOf(world.store.bodies([{ commit: 30, offset: 0, size: 1 }]))).toBe('TAMPERED')
    expect(await codeOf(world.store.commits(1, 30, 1))).toBe('TAMPERED')
  })
})

describe('commits without bodies', () => {
  test('among others that have sunk ask nobody', async () => {
    const { blobs, of } = counted()
    const world = await sinkWorld({ afterDays: 0 }, { blobs, cacheBytes: 0 })
    await world.store.write({ commits: [commit(1, 50), commit(2, 0), commit(3, 50)] })
    await world.sinker.run({ all: true })
    const before = of('get')
    expect(await world.store.commits(1, 2, 1)).toEqual([commit(2, 0)])
    expect(of('get')).toBe(before)
  })
})

/** Sinking by itself, and object storage that fails for a while or for good: waits, dead letters, and going on. */

import { memory, memoryBlobs, SinkingShare, sinkingStores, VarveError, type BlobStore } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { sinkInBackground } from '../src/sinking/background.ts'
import { commit, commits, HandEnv, sinkWorld } from './sink-world.ts'

const options = { afterDays: 0, segmentBytes: 1000 }
const minute = 60_000
const hour = 3_600_000

/** Storage that is as `broken.how` says. */
function breakable(env: HandEnv) {
  const plain = memoryBlobs({ env })
  const broken: { how: null | 'down' | 'forbidden' | 'lying'; puts: number } = { how: null, puts: 0 }
  const fail = (): void => {
    if (broken.how === 'down') throw new VarveError('STORE_FAILED', 'No connection: try again', { retryable: true })
    if (broken.how === 'forbidden') throw new VarveError('STORE_FAILED', 'Access denied: check the credentials')
  }
  const blobs: BlobStore = {
    ...plain,
    put: async (key, bytes, given) => {
      broken.puts++
      fail()
      return plain.put(key, broken.how === 'lying' ? bytes.slice(1) : bytes, given)
    },
  }
  return { blobs, broken }
}

async function settled(world: { readonly sinker: { run(): Promise<unknown> } }, work: () => void): Promise<void> {
  work()
  // What runs by itself is before this in the sinker's queue.
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
  await world.sinker.run().catch(() => undefined)
}

describe('sinking by itself', () => {
  test('begins every minute, and removes what nobody needs once a day', async () => {
    const env = new HandEnv()
    const world = await sinkWorld(options, { env })
    const stop = sinkInBackground(world.sinker, 'main', env)
    await world.store.write({ commits: commits(20) })
    expect((await world.sinker.state()).segments).toBe(0)
    env.pass(minute)
    while (env.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    expect((await world.sinker.state()).segments).toBeGreaterThan(0)
    expect((await world.sinker.state()).requests.list).toBe(1)
    for (let i = 0; i < 3; i++) {
      env.pass(minute)
      while (env.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await world.sinker.state()).requests.list).toBe(1)
    stop()
    expect(env.waiting).toBe(0)
  })

  test('after failures waits longer and longer, and goes on as soon as the storage does', async () => {
    const env = new HandEnv()
    const { blobs, broken } = breakable(env)
    const world = await sinkWorld(options, { env, blobs })
    const rows = commits(20)
    await world.store.write({ commits: rows })
    broken.how = 'down'
    const waits: number[] = []
    for (let i = 0; i < 7; i++) {
      await expect(world.sinker.run()).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
      const { nextTryAt, failures } = await world.sinker.state()
      expect(failures).toBe(i + 1)
      waits.push((nextTryAt ?? 0) - env.time)
    }
    waits.forEach((wait, i) => {
      expect(wait).toBeGreaterThanOrEqual(500 * 2 ** i)
      expect(wait).toBeLessThanOrEqual(1000 * 2 ** i)
    })
    expect((await world.sinker.state()).deadLetter).toBeNull()
    expect(await world.store.commits(1, 0, 100)).toEqual(rows)
    broken.how = null
    await world.sinker.run()
    expect(await world.sinker.state()).toMatchObject({ failures: 0, nextTryAt: null, deadLetter: null })
  })
})

describe('a dead letter', () => {
  test.each([
    ['forbidden', 1],
    ['down', 8],
    ['lying', 8],
  ] as const)(
    '%s: listed after %i attempts with its reason, over restarts, and gone when it went well',
    async (how, n) => {
      const env = new HandEnv()
      const { blobs, broken } = breakable(env)
      const world = await sinkWorld(options, { env, blobs })
      const rows = commits(20)
      await world.store.write({ commits: rows })
      broken.how = how
      for (let i = 0; i < n; i++) {
        expect((await world.sinker.state()).deadLetter).toBeNull()
        await expect(world.sinker.run()).rejects.toMatchObject({ code: how === 'lying' ? 'TAMPERED' : 'STORE_FAILED' })
      }
      const { deadLetter, nextTryAt } = await world.sinker.state()
      expect(deadLetter).toMatchObject({ first: 1, attempts: n, since: env.time })
      expect(deadLetter?.message).toMatch(/segments\/[0-9a-f]{32}\/main/)
      expect(nextTryAt ?? 0).toBeGreaterThan(env.time + hour / 2 - 1)
      const again = await sinkWorld(options, { env, blobs, inner: world.inner })
      expect((await again.sinker.state()).deadLetter).toEqual(deadLetter)
      await expect(again.sinker.run()).rejects.toBeInstanceOf(VarveError)
      expect((await again.sinker.state()).deadLetter).toMatchObject({ attempts: n + 1 })
      expect(await again.store.commits(1, 0, 100)).toEqual(rows)
      broken.how = null
      expect((await again.sinker.run()).segments).toBeGreaterThan(1)
      expect((await again.sinker.state()).deadLetter).toBeNull()
      expect(await again.store.commits(1, 0, 100)).toEqual(rows)
    },
  )

  test('is tried again every hour', async () => {
    const env = new HandEnv()
    const { blobs, broken } = breakable(env)
    const world = await sinkWorld(options, { env, blobs })
    await world.store.write({ commits: commits(20) })
    const stop = sinkInBackground(world.sinker, 'main', env)
    broken.how = 'forbidden'
    env.pass(minute)
    while (env.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(broken.puts).toBe(1)
    env.pass(hour / 3)
    expect(broken.puts).toBe(1)
    broken.how = null
    env.pass(hour)
    while (env.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    expect((await world.sinker.state()).deadLetter).toBeNull()
    stop()
    await settled(world, () => undefined)
  })
})

describe('a provider whose stores sink', () => {
  test('sinks each store by itself, and reads without sinking when it is not switched on', async () => {
    const env = new HandEnv()
    const blobs = memoryBlobs({ env })
    const provider = memory()
    const stores = sinkingStores(provider, { blobs, env, sink: options })
    const [a, b] = [await stores.open('a', { pageKey: null }), await stores.open('b', { pageKey: null })]
    await a.write({ commits: commits(20) })
    await b.write({ commits: [commit(1, 50)] })
    expect([...stores.sinkers.keys()]).toEqual(['a', 'b'])
    env.pass(minute)
    while (env.waiting < 2) await new Promise((resolve) => setImmediate(resolve))
    expect((await stores.sinkers.get('a')?.state())?.segments).toBeGreaterThan(0)
    expect((await stores.sinkers.get('b')?.state())?.segments).toBe(0)
    expect((await blobs.list('')).items.every(({ key }) => /^segments\/[0-9a-f]{32}\/a\//.test(key))).toBe(true)
    await Promise.all([a.close(), b.close()])
    expect([stores.sinkers.size, env.waiting]).toEqual([0, 0])
    const read = await sinkingStores(provider, { blobs, env }).open('a', { pageKey: null })
    expect(await read.commits(1, 0, 100)).toEqual(commits(20))
    expect(env.waiting).toBe(0)
    await read.close()
  })

  test('those that share pack in turns, and one that is closed while it waits does not hold others up', async () => {
    const env = new HandEnv()
    const plain = memoryBlobs({ env })
    const putting = { now: 0, most: 0, go: new Array<() => void>() }
    const blobs: BlobStore = {
      ...plain,
      put: async (...args) => {
        putting.most = Math.max(putting.most, ++putting.now)
        await new Promise<void>((resolve) => putting.go.push(resolve))
        putting.now--
        return plain.put(...args)
      },
    }
    const share = new SinkingShare({ packing: 2 })
    const worlds = await Promise.all([1, 2, 3, 4].map(() => sinkWorld(options, { env, blobs, share })))
    for (const world of worlds) await world.store.write({ commits: [commit(1, 2000)] })
    const runs = worlds.map(({ sinker }) => sinker.run().catch((error: unknown) => error))
    while (putting.go.length < 2) await new Promise((resolve) => setImmediate(resolve))
    await worlds[2]?.store.close()
    expect(await runs[2]).toMatchObject({ code: 'CLOSED' })
    for (let left = 3; left > 0; left--) {
      while (putting.go.length === 0) await new Promise((resolve) => setImmediate(resolve))
      putting.go.shift()?.()
    }
    expect(await Promise.all(runs)).toMatchObject([
      { segments: 1 },
      { segments: 1 },
      { code: 'CLOSED' },
      { segments: 1 },
    ])
    expect(putting.most).toBe(2)
  })

  test('destroy removes the segments, and nothing else; an open store keeps everything', async () => {
    const env = new HandEnv()
    const blobs = memoryBlobs({ env })
    const stores = sinkingStores(memory(), { blobs, env, sink: options })
    const store = await stores.open('a', { pageKey: null })
    await store.write({ commits: commits(20) })
    await stores.sinkers.get('a')?.run()
    await blobs.put('chunks/1', new Uint8Array(3))
    await expect(stores.destroy()).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await store.commits(1, 0, 100)).toEqual(commits(20))
    await store.close()
    await stores.destroy()
    expect((await blobs.list('')).items.map(({ key }) => key)).toEqual(['chunks/1'])
  })

  test('a read while the storage is down fails soon, and hot data is read and written', async () => {
    const env = new HandEnv()
    const plain = memoryBlobs({ env })
    let isDown = false
    const blobs: BlobStore = {
      ...plain,
      get: (key, given) =>
        isDown
          ? Promise.reject(new VarveError('STORE_FAILED', 'No connection', { retryable: false }))
          : plain.get(key, given),
    }
    const stores = sinkingStores(memory(), { blobs, env, sink: { keepCommits: 2, segmentBytes: 100 } })
    const store = await stores.open('a', { pageKey: null })
    await store.write({ commits: commits(20) })
    await stores.sinkers.get('a')?.run()
    isDown = true
    await expect(store.bodies([{ commit: 2, offset: 0, size: 9 }])).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect((await store.bodies([{ commit: 20, offset: 0, size: 9 }]))[0]?.length).toBe(9)
    await store.write({ commits: [commit(21)] })
    await store.close()
  })
})

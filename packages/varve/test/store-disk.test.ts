/** The memory adapter over a disk that crashes, fails, fills up and rots. */

import { FaultyDisk, faulty } from '@varve/testkit'
import { memory, readOnly, retry, systemEnv, VarveError, type Store, type StoreProvider } from 'varve/engine'
import { describe, expect, test } from 'vitest'

const pageKey = null
const one = (n: number, size = 20) => ({ values: new Map([[`v${n}`, new Uint8Array(size).fill(n)]]) })
const names = async (store: Store): Promise<string[]> => [...(await store.values('')).keys()]

/** A small generator of numbers in [0, 1), enough for tests. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

describe('crashes', () => {
  test('what was answered is there after any crash, what was not is there whole or not at all', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed)
      const disk = new FaultyDisk()
      const store = await memory({ disk: disk.attach() }).open('main', { pageKey })
      const count = Math.floor(random() * 6)
      for (let n = 0; n < count; n++) await store.write(one(n))
      const late = store.write(one(count))
      // Some turns later the last write is anywhere between begun and done.
      for (let turn = Math.floor(random() * 8); turn > 0; turn--) await Promise.resolve()
      disk.crash(random)
      const answered = await late.then(
        () => true,
        () => false,
      )
      const again = await memory({ disk: disk.attach() }).open('main', { pageKey })
      const found = await names(again)
      const all = Array.from({ length: count + 1 }, (_, n) => `v${n}`)
      expect([all, ...(answered ? [] : [all.slice(0, -1)])], `seed ${seed}`).toContainEqual(found)
      await again.write(one(9))
      await again.close()
    }
  })

  test('a handle from before the crash writes nothing', async () => {
    const disk = new FaultyDisk()
    const store = await memory({ disk: disk.attach() }).open('main', { pageKey })
    disk.crash(seeded(1))
    await expect(store.write(one(1))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(disk.size).toBe(0)
  })
})

describe('failures', () => {
  const open = (disk: FaultyDisk): Promise<Store> => memory({ disk: disk.attach() }).open('main', { pageKey })

  test.each([1, 2, 3])('after %d failures of the disk the store goes on, and a restart agrees', async (failures) => {
    const disk = new FaultyDisk()
    const store = await open(disk)
    await store.write(one(1))
    disk.failWrites(failures)
    for (let n = 0; n < failures; n++) {
      await expect(store.write(one(2))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    }
    expect(await names(store)).toEqual(['v1'])
    await store.write(one(3))
    expect(await names(store)).toEqual(['v1', 'v3'])
    disk.crash(seeded(failures))
    expect(await names(await open(disk))).toEqual(['v1', 'v3'])
  })

  test('a full disk refuses the write and takes the next that fits', async () => {
    const disk = new FaultyDisk({ capacity: 300 })
    const store = await open(disk)
    await store.write(one(1))
    await expect(store.write(one(2, 1000))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await store.write(one(3))
    disk.resize(10_000)
    await store.write(one(4, 1000))
    expect(await names(await open(disk))).toEqual(['v1', 'v3', 'v4'])
  })

  test('a flipped bit before the last record is TAMPERED, in the last record it is a torn end', async () => {
    const disk = new FaultyDisk()
    const store = await open(disk)
    await store.write(one(1))
    const first = disk.size
    await store.write(one(2))
    disk.flip('main.journal', disk.size - 3)
    expect(await names(await open(disk))).toEqual(['v1'])
    expect(disk.size).toBe(first)
    await store.write(one(2))
    disk.flip('main.journal', 12)
    await expect(open(disk)).rejects.toMatchObject({ code: 'TAMPERED' })
  })
})

describe('decorators', () => {
  test('readOnly reads, refuses writes, and closes', async () => {
    const inner = await memory().open('main', { pageKey })
    await inner.write(one(1))
    const store = readOnly(inner)
    expect(await names(store)).toEqual(['v1'])
    await expect(store.write(one(2))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await store.close()
    await expect(store.write(one(2))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('faulty fails the call it was told to, before or after it took effect', async () => {
    const inner = await memory().open('main', { pageKey })
    const store = faulty(inner, [
      { method: 'write', call: 1, when: 'before' },
      { method: 'write', call: 2, when: 'after' },
    ])
    await expect(store.write(one(1))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(store.write(one(2))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await store.write(one(3))
    expect(await names(store)).toEqual(['v2', 'v3'])
  })

  test('retry repeats retryable errors only, and no more often than told', async () => {
    const pauses: number[] = []
    const env = { timer: (fn: () => void, ms: number) => (pauses.push(ms), systemEnv().timer(fn, 0)) }
    let calls = 0
    const failing = (times: number, retryable: boolean): StoreProvider => ({
      ...memory(),
      readFile: async () => {
        if (++calls <= times) throw new VarveError('STORE_FAILED', 'The disk failed, as the test asked', { retryable })
        return new Uint8Array(1)
      },
    })
    expect(await retry(failing(2, true), { attempts: 3, env }).readFile('x')).toEqual(new Uint8Array(1))
    expect([calls, pauses]).toEqual([3, [10, 20]])
    calls = 0
    await expect(retry(failing(3, true), { attempts: 3, env }).readFile('x')).rejects.toThrow('as the test asked')
    expect(calls).toBe(3)
    calls = 0
    await expect(retry(failing(3, false), { attempts: 3, env }).readFile('x')).rejects.toThrow('as the test asked')
    expect(calls).toBe(1)
  })
})

/** What the decorators of object storage do: repeat, break the circuit, keep inside a prefix, and fail on purpose. */

import { faultyBlobs, type BlobFault } from '@varve/testkit'
import {
  blobsBelow,
  circuit,
  isVarveError,
  memoryBlobs,
  probeBlobs,
  retryBlobs,
  VarveError,
  type BlobMethod,
  type BlobStore,
} from 'varve/engine'
import { describe, expect, test } from 'vitest'

/** Timers that are due at once, and remember what was asked for. */
function fakeEnv() {
  const pauses: number[] = []
  let now = 1_000_000
  return {
    pauses,
    advance: (ms: number) => {
      now += ms
    },
    now: () => now,
    random: (length: number) => new Uint8Array(length).fill(255),
    timer: (fn: () => void, ms: number) => {
      pauses.push(ms)
      queueMicrotask(fn)
      return () => undefined
    },
  }
}

const some = Uint8Array.of(1, 2, 3, 4)

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (problem: unknown) => problem,
  )
  return isVarveError(error) ? error.code : String(error)
}

function storage(fault: (method: BlobMethod, call: number) => BlobFault | null) {
  const env = fakeEnv()
  const memory = memoryBlobs({ env })
  return { env, memory, blobs: faultyBlobs(memory, { fault, env }) }
}

const fails = { kind: 'fails', when: 'before' } as const

describe('repeating', () => {
  test('pauses double up to their maximum, spread over the upper half', async () => {
    const { env, blobs } = storage((_, call) => (call <= 6 ? fails : null))
    const repeated = retryBlobs(blobs, { attempts: 7, env, firstMs: 100, maximumMs: 1_000 })
    expect(await repeated.put('a', some)).toBe(true)
    expect(env.pauses).toEqual([150, 300, 600, 1_200, 1_500, 1_500].map((ms) => Math.round((ms * 2) / 3)))
    const low = { ...env, pauses: [], random: (length: number) => new Uint8Array(length) }
    const { blobs: again } = storage((_, call) => (call <= 2 ? fails : null))
    await retryBlobs(again, { attempts: 3, env: low, firstMs: 100 }).put('a', some)
    expect(env.pauses.slice(-2)).toEqual([50, 100])
  })

  test('the last error comes out, and one that cannot pass comes out at once', async () => {
    const { env, blobs } = storage(() => fails)
    expect(await codeOf(retryBlobs(blobs, { attempts: 3, env }).get('a'))).toBe('STORE_FAILED')
    expect(env.pauses).toHaveLength(2)
    const { env: other, blobs: final } = storage(() => ({ ...fails, retryable: false }))
    expect(await codeOf(retryBlobs(final, { attempts: 3, env: other }).get('a'))).toBe('STORE_FAILED')
    expect(await codeOf(retryBlobs(final, { attempts: 3, env: other }).get('../a'))).toBe('STORE_FAILED')
    expect(other.pauses).toEqual([])
  })

  test('a put whose answer was lost is found by its own repetition', async () => {
    const { env, blobs, memory } = storage((_, call) => (call === 1 ? { kind: 'fails', when: 'after' } : null))
    expect(await retryBlobs(blobs, { attempts: 2, env }).put('a', some, { ifAbsent: true })).toBe(false)
    expect(await memory.get('a')).toEqual(some)
  })

  test('an aborted pause ends at once with the reason', async () => {
    const { blobs } = storage(() => fails)
    const controller = new AbortController()
    let cancelled = 0
    const env = { random: (length: number) => new Uint8Array(length), timer: () => () => void cancelled++ }
    const call = retryBlobs(blobs, { attempts: 3, env }).get('a', { signal: controller.signal })
    await new Promise((resolve) => setTimeout(resolve, 5))
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    expect(cancelled).toBe(1)
  })
})

describe('the circuit breaker', () => {
  function broken() {
    let isDown = true
    let asked = 0
    const { env, memory } = storage(() => null)
    const counted = faultyBlobs(memory, {
      env,
      fault: () => {
        asked++
        return isDown ? fails : null
      },
    })
    const guarded = circuit(counted, { failures: 3, pauseMs: 10_000, env })
    return {
      ...guarded,
      env,
      asked: () => asked,
      setDown: (down: boolean) => {
        isDown = down
      },
    }
  }

  test('opens after so many failures, asks nobody while open, and closes when a trial goes well', async () => {
    const { blobs, state, env, asked, setDown } = broken()
    expect(state()).toEqual({ state: 'closed', failures: 0, opened: 0, since: null, problem: null })
    for (let i = 0; i < 3; i++) expect(await codeOf(blobs.get('a'))).toBe('STORE_FAILED')
    expect(state()).toMatchObject({ state: 'open', failures: 3, opened: 1, since: env.now() })
    const error = await blobs.get('a').catch((problem: unknown) => problem)
    expect(isVarveError(error) && error.retryable).toBe(true)
    expect(asked()).toBe(3)
    env.advance(9_999)
    await codeOf(blobs.get('a'))
    expect(asked()).toBe(3)
    env.advance(1)
    await codeOf(blobs.get('a'))
    expect(asked()).toBe(4)
    expect(state()).toMatchObject({ state: 'open', opened: 1, since: env.now() })
    setDown(false)
    env.advance(10_000)
    const [trial, early] = [blobs.put('a', some), codeOf(blobs.get('a'))]
    expect(state().state).toBe('half-open')
    expect(await early).toBe('STORE_FAILED')
    expect(await trial).toBe(true)
    expect(state()).toMatchObject({ state: 'closed', failures: 0, since: null })
    expect(await blobs.get('a')).toEqual(some)
  })

  test('a call that goes well starts the count anew, and calls that are wrong do not count', async () => {
    const { blobs, state, setDown } = broken()
    for (let round = 0; round < 3; round++) {
      setDown(true)
      await codeOf(blobs.get('a'))
      await codeOf(blobs.get('a'))
      setDown(false)
      expect(await blobs.get('a')).toBe(null)
    }
    for (let i = 0; i < 5; i++) expect(await codeOf(blobs.get('..'))).toBe('INVALID')
    expect(state()).toMatchObject({ state: 'closed', opened: 0 })
  })

  test('a clock that is set back does not keep it open', async () => {
    const { blobs, env, setDown } = broken()
    for (let i = 0; i < 3; i++) await codeOf(blobs.get('a'))
    env.advance(-1_000_000)
    setDown(false)
    expect(await blobs.get('a')).toBe(null)
  })
})

describe('below a prefix', () => {
  async function shared(): Promise<{ all: BlobStore; one: BlobStore }> {
    const all = memoryBlobs({ env: fakeEnv() })
    for (const key of ['tenants/a/x', 'tenants/ab/x', 'tenants/b/x', 'y']) await all.put(key, some)
    return { all, one: blobsBelow(all, 'tenants/a/') }
  }

  test('shows what is inside, and nothing beside it', async () => {
    const { all, one } = await shared()
    expect((await one.list('')).items.map((item) => item.key)).toEqual(['x'])
    expect((await one.head('x'))?.key).toBe('x')
    await one.put('tenants/b/x', some)
    expect((await all.list('tenants/a/')).items.map((item) => item.key)).toEqual([
      'tenants/a/tenants/b/x',
      'tenants/a/x',
    ])
    const { items, next } = await one.list('', { limit: 1 })
    expect([items[0]?.key, next]).toEqual(['tenants/b/x', 'tenants/b/x'])
    expect((await one.list('', { after: next })).items.map((item) => item.key)).toEqual(['x'])
  })

  test('nothing leads out', async () => {
    const { all, one } = await shared()
    for (const key of ['../b/x', '..', '/tenants/b/x', './x', 'x/../../b/x', '']) {
      expect(await codeOf(one.get(key))).toBe('INVALID')
      expect(await codeOf(one.put(key, some))).toBe('INVALID')
      expect(await codeOf(one.delete(key))).toBe('INVALID')
      if (key !== '' && key !== '..') expect(await codeOf(one.list(key))).toBe('INVALID')
    }
    for (const prefix of ['..', '.', 'x', 'b/'])
      expect((await one.list(prefix)).items.length).toBe(prefix === 'x' ? 1 : 0)
    expect((await one.list('', { after: '' })).items.map((item) => item.key)).toEqual(['x'])
    expect((await all.list('')).items).toHaveLength(4)
  })

  test('a prefix that is none is refused, and closing leaves the whole open', async () => {
    const { all, one } = await shared()
    for (const prefix of ['', 'a', '../', '/', 'a//', 'A/']) {
      expect(() => blobsBelow(all, prefix)).toThrow(VarveError)
    }
    await one.close()
    expect(await codeOf(one.get('x'))).toBe('CLOSED')
    expect(await all.get('tenants/a/x')).toEqual(some)
  })
})

describe('failing on purpose', () => {
  test('wrong and half bytes, in what is put and in what is read', async () => {
    let fault: BlobFault | null = null
    const { blobs, memory } = storage(() => fault)
    await blobs.put('a', some)
    fault = { kind: 'wrong' }
    expect(await blobs.get('a')).toEqual(Uint8Array.of(1, 2, 2, 4))
    await blobs.put('b', some)
    expect(await memory.get('b')).toEqual(Uint8Array.of(1, 2, 2, 4))
    fault = { kind: 'half' }
    expect(await blobs.get('a')).toEqual(Uint8Array.of(1, 2))
    await blobs.put('c', some)
    expect(await memory.get('c')).toEqual(Uint8Array.of(1, 2))
    fault = { kind: 'fails', when: 'after' }
    expect(await codeOf(blobs.put('d', some))).toBe('STORE_FAILED')
    expect(await memory.get('d')).toEqual(some)
  })

  test('a slow call comes late, or not at all when it is aborted', async () => {
    const { env, blobs } = storage(() => ({ kind: 'slow', ms: 250 }))
    await blobs.put('a', some)
    expect(env.pauses).toEqual([250])
    const reason = new Error('enough')
    await expect(blobs.get('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('trying a storage out', () => {
  const env = fakeEnv()
  const memory = (): BlobStore => memoryBlobs({ env })

  test('one that works passes, and nothing stays', async () => {
    const blobs = memory()
    await probeBlobs(blobs, env)
    expect((await blobs.list('')).items).toEqual([])
  })

  test.each<[string, (blobs: BlobStore) => Partial<BlobStore>]>([
    ['ignores the condition', (blobs) => ({ put: (key, bytes) => blobs.put(key, bytes) })],
    [
      'says that it kept to the condition, and overwrites',
      (blobs) => ({
        put: async (key, bytes, options) => {
          await blobs.put(key, bytes)
          return options?.ifAbsent !== true
        },
      }),
    ],
    ['ignores ranges', (blobs) => ({ get: (key) => blobs.get(key) })],
    ['lists nothing', () => ({ list: async () => ({ items: [], next: null }) })],
    ['removes nothing', () => ({ delete: async () => undefined })],
    ['changes bytes', (blobs) => ({ put: (key) => blobs.put(key, some) })],
  ])('one that %s does not pass', async (_, change) => {
    const blobs = memory()
    expect(await codeOf(probeBlobs({ ...blobs, ...change(blobs) }, env))).toBe('UNSUPPORTED')
  })

  test('one that fails gives its own error', async () => {
    const { blobs } = storage((method) => (method === 'list' ? fails : null))
    expect(await codeOf(probeBlobs(blobs, env))).toBe('STORE_FAILED')
  })
})

/** Real servers behind a bad network, killed, and stopped: an answered put is there whole, and nothing else is told. */

import { azureBlobs, makeContainer } from '@varve/stores/blobs/azure'
import { makeBucket, s3Blobs } from '@varve/stores/blobs/s3'
import { azureProgram, FaultProxy, isTested, s3Program, startAzure, startS3 } from '@varve/testkit'
import { circuit, isVarveError, retryBlobs, systemEnv, type BlobStore } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const env = systemEnv()
const requestMs = 1_500

/** A server that a storage reaches through a proxy, and directly. */
interface Reached {
  readonly proxy: FaultProxy
  readonly pid: number
  readonly through: BlobStore
  readonly direct: BlobStore
  /** Storages that cannot work, and what their errors say. */
  readonly wrong: readonly (readonly [BlobStore, RegExp])[]
  /** Ends the server, by a kill where it survives that. */
  end(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

async function reachS3(): Promise<Reached> {
  const server = await startS3()
  const proxy = await FaultProxy.open(server.port)
  const { accessKeyId, secretAccessKey } = server
  const given = {
    bucket: 'bucket',
    credentials: { accessKeyId, secretAccessKey },
    requestMs,
    partBytes: 5 * 1024 * 1024,
  }
  await makeBucket({ ...given, endpoint: server.url })
  const direct = { ...given, endpoint: server.url }
  return Object.assign(server, {
    proxy,
    through: s3Blobs({ ...given, endpoint: proxy.url }),
    direct: s3Blobs(direct),
    wrong: [
      [s3Blobs({ ...direct, bucket: 'nowhere' }), /nowhere answered 404 NoSuchBucket: .*create it/],
      [s3Blobs({ ...direct, credentials: { accessKeyId, secretAccessKey: 'wrong' } }), /answered 403 .*(?:key|policy)/],
      [s3Blobs({ ...direct, credentials: { accessKeyId: 'wrong', secretAccessKey } }), /answered 403 .*(?:key|policy)/],
    ] as const,
    end: () => server.kill(),
  })
}

async function reachAzure(): Promise<Reached> {
  const server = await startAzure()
  const proxy = await FaultProxy.open(server.port)
  const { account, accountKey, url } = server
  const given = { container: 'container', account, accountKey, requestMs, partBytes: 64 * 1024 }
  await makeContainer({ ...given, endpoint: url })
  const direct = { ...given, endpoint: url }
  return Object.assign(server, {
    proxy,
    through: azureBlobs({ ...given, endpoint: `${proxy.url}/${account}` }),
    direct: azureBlobs(direct),
    wrong: [
      [azureBlobs({ ...direct, container: 'nowhere' }), /nowhere answered 404 ContainerNotFound: .*create it/],
      [azureBlobs({ ...direct, accountKey: btoa('wrong'.repeat(8)) }), /answered 403 .*key/],
    ] as const,
  })
}

describe.runIf(isTested(s3Program()))('S3 among faults', () => {
  faultTests(reachS3, 5 * 1024 * 1024 + 1)
})
describe.runIf(isTested(azureProgram()))('Azure among faults', () => {
  faultTests(reachAzure, 64 * 1024 + 1)
})

function bytesOf(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255)
}

function faultTests(reach: () => Promise<Reached>, largeBytes: number): void {
  let server: Reached

  beforeAll(async () => {
    server = await reach()
  })
  afterAll(async () => {
    await server.through.close()
    await server.direct.close()
    await server.proxy.close()
    await server.stop()
  })

  /** The outcome of a call: its answer, or that it failed with an error that may pass. */
  async function outcome(call: Promise<unknown>): Promise<unknown> {
    const answer = await call.catch((error: unknown) => error)
    if (!(answer instanceof Error)) return answer
    expect(isVarveError(answer, 'STORE_FAILED') && answer.retryable).toBe(true)
    return 'failed'
  }

  test('connections that are cut again and again: with retries all is put, and is what was put', async () => {
    const blobs = retryBlobs(server.through, { attempts: 20, env, firstMs: 10, maximumMs: 50 })
    const over = new AbortController()
    let calls = 0
    async function cutting(): Promise<void> {
      let pauseMs = 25
      for (let round = 0; !over.signal.aborted; round++) {
        const before = calls
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
        if (round % 3 === 0) server.proxy.truncate('client')
        else if (round % 3 === 1) server.proxy.truncate('server')
        else server.proxy.cut(round % 2 === 0)
        // A machine that is busy gets nothing through in the time of a quiet one.
        pauseMs = calls > before ? 25 : pauseMs * 2
      }
    }
    const cuts = cutting()
    try {
      for (let n = 0; n < 30; n++) {
        const bytes = bytesOf(n, n * 1_000)
        expect(await blobs.put(`cut/${n}`, bytes)).toBe(true)
        calls++
        expect(await blobs.get(`cut/${n}`)).toEqual(bytes)
        calls++
      }
    } finally {
      over.abort()
      await cuts
    }
    expect((await server.direct.list('cut/')).items).toHaveLength(30)
  })

  test('bytes that change on the way are refused by the storage: what is there is what was put', async () => {
    for (let n = 0; n < 12; n++) {
      const bytes = bytesOf(n, 50_000)
      // Opens a connection, unless the change before comes to it.
      await server.through.get('warm').catch(() => null)
      server.proxy.corrupt('server')
      const result = await server.through.put(`changed/${n}`, bytes).catch((error: unknown) => error)
      if (result === true) expect(await server.direct.get(`changed/${n}`)).toEqual(bytes)
      else {
        expect(isVarveError(result, 'STORE_FAILED')).toBe(true)
        const there = await server.direct.get(`changed/${n}`)
        if (there !== null) expect(there).toEqual(bytes)
      }
    }
    // What is still to be changed goes with its connection.
    server.proxy.cut(true)
  })

  test('a network that swallows everything ends calls in their time, and later ones work', async () => {
    const repeating = retryBlobs(server.through, { attempts: 9, env, firstMs: 10 })
    await repeating.put('swallowed', bytesOf(1, 10))
    server.proxy.swallow()
    const calls = [server.through.get('swallowed'), server.through.list(''), server.through.put('new', bytesOf(1, 10))]
    expect(await Promise.all(calls.map(outcome))).toEqual(['failed', 'failed', 'failed'])
    server.proxy.accept()
    expect(await repeating.get('swallowed')).toEqual(bytesOf(1, 10))
  })

  test('a server that is killed and comes back has what it answered, and the circuit closes again', async () => {
    const { blobs, state } = circuit(server.through, { failures: 2, pauseMs: 200, env })
    for (let n = 0; n < 10; n++) await blobs.put(`killed/${n}`, bytesOf(n, 10_000))
    await server.end()
    for (let n = 0; n < 5; n++) expect(await outcome(blobs.get('killed/0'))).toBe('failed')
    expect(state()).toMatchObject({ state: 'open', failures: 2 })
    await server.restart()
    const repeating = retryBlobs(blobs, { attempts: 50, env, firstMs: 50, maximumMs: 200 })
    for (let n = 0; n < 10; n++) expect(await repeating.get(`killed/${n}`)).toEqual(bytesOf(n, 10_000))
    expect(state().state).toBe('closed')
  })

  test('a server that is stopped and goes on: calls fail in their time', async () => {
    const repeating = retryBlobs(server.through, { attempts: 20, env, firstMs: 50, maximumMs: 200 })
    await repeating.put('stopped', bytesOf(1, 10))
    process.kill(server.pid, 'SIGSTOP')
    try {
      expect(await outcome(server.through.get('stopped'))).toBe('failed')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    expect(await repeating.get('stopped')).toEqual(bytesOf(1, 10))
  })

  test('a large object that fails on its way is not there, and is there when it is put again', async () => {
    const bytes = bytesOf(1, largeBytes)
    await outcome(server.through.get('warm'))
    const put = outcome(server.through.put('large', bytes))
    await new Promise((resolve) => setTimeout(resolve, 3))
    server.proxy.cut(true)
    const result = await put
    const there = await server.direct.head('large')
    if (result === true) expect(there?.size).toBe(largeBytes)
    else if (there !== null) expect(there.size).toBe(largeBytes)
    const repeating = retryBlobs(server.through, { attempts: 9, env, firstMs: 10 })
    expect(await repeating.put('large', bytes)).toBe(true)
    expect(Buffer.compare((await server.direct.get('large')) ?? new Uint8Array(0), bytes)).toBe(0)
  })

  test('a wrong key and a place that is not there say what to do', async () => {
    for (const [blobs, message] of server.wrong) {
      const calls = [
        blobs.head('a'),
        blobs.get('a'),
        blobs.put('a', bytesOf(1, 10)),
        blobs.put('a', bytesOf(1, largeBytes)),
        blobs.list(''),
        blobs.delete('a'),
      ]
      for (const error of await Promise.all(calls.map((call) => call.catch((problem: unknown) => problem)))) {
        expect(isVarveError(error, 'STORE_FAILED') && !error.retryable).toBe(true)
        expect(String(error)).toMatch(message)
      }
    }
  })
}

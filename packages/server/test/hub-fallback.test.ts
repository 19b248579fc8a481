/** Object storage that fails: writes go on, what it did not take is kept and brought there later, and what never goes is told. */

import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { faultyBlobs, isTested, s3Program, startS3, type BlobFault, type RunningS3 } from '@varve/testkit'
import { isVarveError, limits, systemEnv, toBase64, utf8, type BlobMethod } from 'varve/engine'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Hub, HubCollection } from '../src/hub/index.ts'
import { contents } from './hub-contents.ts'
import { spaceIn } from './hub-s3.ts'
import { cleanUp, connections, engines, runtimeOf, sqliteEngine, startHub, temporaryFolder } from './hub-world.ts'

afterEach(cleanUp)

interface Report {
  readonly title?: string
  readonly scan?: unknown
}

const scan = toBase64(utf8('what was scanned'))
const fast = { enabled: true, maxRetries: 2, retryDelayMs: 5, maxDelayMs: 20 }
const down: BlobFault = { kind: 'fails', when: 'before' }

interface World {
  /** What goes wrong with object storage now. */
  fault: (method: BlobMethod) => BlobFault | null
  /** Milliseconds that the hub's clock is ahead. */
  ahead: number
  open(more?: Record<string, unknown>): Promise<{ readonly hub: Hub; readonly reports: HubCollection<Report> }>
  objects(): readonly string[]
}

function world(): World {
  const [engine, basePath] = [sqliteEngine(), temporaryFolder()]
  const bucket = join(basePath, 's3', 'shared')
  const made: World = {
    fault: () => null,
    ahead: 0,
    open: async (more = {}) => {
      const place = { dbConnRef: 'main', spaceConnRef: 's3', bucket: 'shared' }
      const config = {
        dbConnections: connections(engine, 'main', 'other'),
        spacesConnections: { s3: { endpoint: 'https://s3.amazonaws.com' } },
        localStorage: { enabled: true, basePath },
        databases: {
          metadata: { genericDatabase: { dbConnRef: 'main', dbName: 'generic' } },
          runtime: { tenantDatabases: [{ tenantId: 'acme', dbName: 'acme', ...place }] },
        },
        collectionMaps: { reports: { indexedProps: [], base64Props: { scan: { contentType: 'text/plain' } } } },
        fallback: fast,
        ...more,
      }
      const env = systemEnv({ now: () => Date.now() + made.ahead })
      const hub = await startHub(config, {
        env,
        bucket: (blobs) =>
          faultyBlobs(blobs, { fault: (method) => (method === 'close' ? null : made.fault(method)), env: systemEnv() }),
      })
      return { hub, reports: hub.with<Report>(runtimeOf('acme', 'reports')) }
    },
    objects: () =>
      existsSync(bucket)
        ? readdirSync(bucket, { recursive: true, withFileTypes: true })
            .filter((each) => each.isFile() && each.parentPath.includes('chunks'))
            .map(({ name }) => name)
        : [],
  }
  return made
}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function errorOf(promise: Promise<unknown>): Promise<{ code: string; retryable: boolean }> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!isVarveError(error)) throw new Error(`no typed error: ${String(error)}`)
  return { code: error.code, retryable: error.retryable }
}

const keptBy = async (hub: Hub): Promise<number> => (await hub.admin.stats()).kept.objects

describe('contents, while object storage is down', () => {
  test('are written, read, and brought there when it is back', async () => {
    const at = world()
    const { hub, reports } = await at.open({ fallback: { ...fast, maxRetries: 1_000 } })
    at.fault = () => down
    const { id, ov } = await reports.create({ title: 'a', scan })
    expect(ov).toBe(0)
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    expect((await hub.admin.stats()).kept).toMatchObject({ objects: 1, bytes: 16 })
    expect(at.objects()).toEqual([])
    at.fault = () => null
    await until(async () => (await keptBy(hub)) === 0)
    expect(at.objects()).toHaveLength(1)
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    expect((await hub.admin.stats()).kept).toEqual({ objects: 0, bytes: 0, failing: 0, deadLetters: 0 })
  })

  test.each([
    ['after it took effect', { kind: 'fails', when: 'after' }],
    ['for good', { kind: 'fails', when: 'before', retryable: false }],
    ['by answering too late', { kind: 'slow', ms: 60_000 }],
  ] as const)('and it fails %s', async (_, fault) => {
    const at = world()
    const { reports } = await at.open()
    at.fault = (method) => (method === 'put' ? fault : null)
    const { id } = await reports.create({ scan })
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
  })

  test('are a dead letter when it does not come back, with the reason, until they are tried again', async () => {
    const at = world()
    const { hub, reports } = await at.open()
    at.fault = () => down
    const { id } = await reports.create({ scan })
    await until(async () => (await hub.admin.deadLetters()).length > 0)
    const [letter] = await hub.admin.deadLetters({ tenantId: 'acme' })
    expect(letter).toMatchObject({
      kind: 'content',
      placement: 'runtime/tenant/acme',
      objects: 1,
      bytes: 16,
      attempts: 2,
      reason: expect.stringContaining('as the test asked'),
      since: expect.stringMatching(/Z$/),
    })
    expect((await hub.admin.stats()).kept).toMatchObject({ failing: 1, deadLetters: 1 })
    expect(await errorOf(hub.admin.retry(letter?.id ?? ''))).toMatchObject({ code: 'STORE_FAILED' })
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    at.fault = () => null
    await hub.admin.retry(letter?.id ?? '')
    expect(await hub.admin.deadLetters()).toEqual([])
    expect([await keptBy(hub), at.objects().length]).toEqual([0, 1])
  })

  test('outlive the process, with the dead letter', async () => {
    const at = world()
    at.fault = () => down
    const before = await at.open()
    const { id } = await before.reports.create({ scan })
    await until(async () => (await before.hub.admin.deadLetters()).length > 0)
    await before.hub.admin.shutdown()
    const { hub, reports } = await at.open()
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    const [letter] = await hub.admin.deadLetters()
    expect(letter).toMatchObject({ kind: 'content', objects: 1 })
    at.fault = () => null
    await hub.admin.retry(letter?.id ?? '')
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    expect(at.objects()).toHaveLength(1)
  })

  test('move along with their tenant', async () => {
    const at = world()
    const { hub, reports } = await at.open({ fallback: { ...fast, maxRetries: 1_000, retryDelayMs: 50 } })
    at.fault = () => down
    const { id } = await reports.create({ scan })
    await hub.admin.move('acme', { databaseType: 'runtime', dbConnRef: 'other', dbName: 'moved' })
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    at.fault = () => null
    await until(async () => (await keptBy(hub)) === 0)
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
    expect(at.objects()).toHaveLength(1)
  })

  test('are not dropped while it holds other bytes than were put', async () => {
    const at = world()
    const { hub, reports } = await at.open({ fallback: { ...fast, maxRetries: 1_000 } })
    at.fault = () => down
    const { id } = await reports.create({ scan })
    let puts = 0
    at.fault = (method) => (method === 'put' && puts++ < 3 ? { kind: 'wrong' } : null)
    await until(async () => (await keptBy(hub)) === 0)
    expect(puts).toBe(4)
    expect((await reports.content(id, 'scan')).base64).toBe(scan)
  })

  test('are refused beyond what a database keeps', async () => {
    const at = world()
    const { hub, reports } = await at.open()
    at.fault = () => down
    const count = limits.keptBlobsBytes / limits.base64Bytes
    for (let i = 0; i < count; i++)
      await reports.create({ scan: toBase64(new Uint8Array(randomBytes(limits.base64Bytes))) })
    expect((await hub.admin.stats()).kept.bytes).toBe(limits.keptBlobsBytes)
    expect(await errorOf(reports.create({ scan }))).toEqual({ code: 'STORE_FAILED', retryable: true })
    expect(await reports.find().count()).toBe(count)
    await reports.create({ title: 'without a file' })
  }, 60_000)

  test('without fallback fail the write, which leaves nothing', async () => {
    const at = world()
    const { reports } = await at.open({ fallback: { enabled: false } })
    at.fault = () => down
    expect(await errorOf(reports.create({ scan }))).toEqual({ code: 'STORE_FAILED', retryable: true })
    expect(await reports.find().count()).toBe(0)
    at.fault = () => null
    await reports.create({ scan })
  })
})

describe('old payloads', () => {
  const sink = { keepCommits: 0, segmentBytes: 1 }

  test('that do not sink are a dead letter after as many attempts as are configured', async () => {
    const at = world()
    const { hub, reports } = await at.open({ sink })
    at.fault = () => down
    await reports.create({ title: 'a' })
    for (let i = 0; i < 2; i++) expect(await errorOf(hub.admin.layers.sink())).toMatchObject({ code: 'STORE_FAILED' })
    const [letter] = await hub.admin.deadLetters()
    expect(letter).toMatchObject({ kind: 'sinking', attempts: 2 })
    at.fault = () => null
    // For so long a storage that failed again and again is left alone.
    at.ahead = 11_000
    await hub.admin.retry(letter?.id ?? '')
    expect(await hub.admin.deadLetters()).toEqual([])
  })

  test('stay hot as long as the development shadow says, whatever the bounds are', async () => {
    const at = world()
    const { hub, reports } = await at.open({ sink, devShadow: { enabled: true, ttlHours: 24 } })
    await reports.create({ title: 'a' })
    expect(await hub.admin.layers.sink()).toMatchObject({ segments: 0 })
    at.ahead = 25 * 3_600_000
    expect((await hub.admin.layers.sink()).segments).toBeGreaterThan(0)
  })

  test.each([
    [true, true],
    [false, false],
  ])('are compressed or not: %s', async (compressionEnabled, isSmaller) => {
    const at = world()
    const { hub, reports } = await at.open({ sink: { keepCommits: 0 }, writeOptimization: { compressionEnabled } })
    await reports.create({ title: 'again and again '.repeat(2_000) })
    const { bytes, stored } = await hub.admin.layers.sink({ all: true })
    expect(stored < bytes).toBe(isSmaller)
  })
})

describe.runIf(isTested(s3Program()))('on a real S3', () => {
  let server: RunningS3
  beforeAll(async () => {
    server = await startS3()
  }, 120_000)
  afterAll(() => server.stop())

  test('a gateway that was killed holds up nothing, and gets everything when it is there again', async () => {
    const { hub, reports } = await world().open({
      localStorage: { enabled: false },
      ...(await spaceIn(server, 'fallback')),
      hub: { dbConnRef: 'main' },
      fallback: { ...fast, maxRetries: 1_000, retryDelayMs: 50, maxDelayMs: 200 },
    })
    const before = await reports.create({ scan: toBase64(utf8('before')) })
    await server.kill()
    const ids = []
    for (let i = 0; i < 5; i++) ids.push((await reports.create({ scan: toBase64(utf8(`scan ${i}`)) })).id)
    expect(await keptBy(hub)).toBe(5)
    await server.restart()
    await until(async () => (await keptBy(hub)) === 0)
    for (const [i, id] of ids.entries())
      expect((await reports.content(id, 'scan')).base64).toBe(toBase64(utf8(`scan ${i}`)))
    expect((await reports.content(before.id, 'scan')).base64).toBe(toBase64(utf8('before')))
    const [found] = await reports.find({}, { presign: true }).limit(1).toArray()
    const { url = '' }: { readonly url?: string } = Object(found?.scan)
    expect((await fetch(url)).status).toBe(200)
  }, 60_000)
})

describe.each(engines)('on %s', (_, makeEngine) => {
  describe('contents', () => {
    contents(makeEngine)
  })
})

/** Properties that are given as base64 are files of their document: in every write, in one version, read back in every way. */

import { existsSync, readdirSync } from 'node:fs'
import type { Doc } from 'varve'
import { isTested, s3Program, startS3, type RunningS3 } from '@varve/testkit'
import { decorateBlobs, fromBase64, isVarveError, limits, toBase64, utf8, type BlobStore } from 'varve/engine'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Hub, HubCollection, HubOptions } from '../src/hub/index.ts'
import { decodeCall, makeCall } from '../src/hub/peers/call.ts'
import { spaceIn } from './hub-s3.ts'
import { cleanUp, connections, memoryEngine, runtimeOf, startHub, temporaryFolder } from './hub-world.ts'

afterEach(cleanUp)

interface Report {
  readonly id?: string
  readonly title?: string
  readonly scan?: unknown
  readonly notes?: unknown
  readonly inner?: { readonly photo?: unknown }
  readonly customer?: unknown
}

const maps = {
  reports: {
    indexedProps: ['title'],
    base64Props: {
      scan: { contentType: 'application/pdf' },
      notes: { contentType: 'text/plain', preferredText: true },
      'inner.photo': { contentType: 'image/png' },
    },
  },
  customers: { indexedProps: ['code'], base64Props: { logo: { contentType: 'image/svg+xml' } } },
}

const [first, second] = [toBase64(utf8('the first scan')), toBase64(utf8('the second scan'))]
const bytesOf = (base64: string): Uint8Array => fromBase64(base64, 'a test')

interface Made {
  readonly hub: Hub
  readonly reports: HubCollection<Report>
  readonly folder: string
}

async function made({ files = true, ...options }: HubOptions & { readonly files?: boolean } = {}): Promise<Made> {
  const folder = temporaryFolder()
  const hub = await startHub(
    {
      dbConnections: connections(memoryEngine(), 'main'),
      databases: {
        metadata: { genericDatabase: { dbConnRef: 'main', dbName: 'generic' } },
        runtime: { tenantDatabases: [{ tenantId: 'acme', dbConnRef: 'main', dbName: 'acme' }] },
      },
      localStorage: { enabled: files, basePath: folder },
      collectionMaps: maps,
    },
    options,
  )
  return { hub, reports: hub.with<Report>(runtimeOf('acme', 'reports')), folder }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function contentsOf(reading: Promise<Doc<Report> | null>): Promise<Report> {
  const doc = await reading
  if (doc === null) throw new Error('there is no document')
  const { _system, ...contents } = doc
  return contents
}

async function errorOf(promise: Promise<unknown>): Promise<{ code: string; path: unknown; message: string }> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!isVarveError(error)) throw new Error(`no typed error: ${String(error)}`)
  return { code: error.code, path: error.details?.['path'], message: error.message }
}

describe('what is written', () => {
  test('stands as a description in the first version, its bytes in a folder where no bucket is named', async () => {
    const { reports, folder } = await made()
    const { id, ov } = await reports.create({ title: 'a', scan: first, inner: { photo: second } }, { actor: 'ada' })
    expect(ov).toBe(0)
    expect(await reports.get(id)).toMatchObject({
      title: 'a',
      scan: { name: 'scan', type: 'application/pdf', size: 14, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      inner: { photo: { name: 'photo', type: 'image/png', size: 15 } },
    })
    expect(await reports.content(id, 'scan')).toEqual({ base64: first, text: null, type: 'application/pdf', size: 14 })
    expect(await (await reports.attachment(id, 'inner.photo')).bytes()).toEqual(bytesOf(second))
    expect(existsSync(folder) && readdirSync(folder, { recursive: true }).join()).toContain('chunks')
    expect((await reports.find({ 'scan.type': 'application/pdf' }).toArray()).map((doc) => doc.id)).toEqual([id])
    const history = await all(reports.history(id))
    expect(history.map(({ kind, actor }) => [kind, actor])).toEqual([['put', 'ada']])
  })

  test('by every call, and each version keeps its own file', async () => {
    const { reports } = await made()
    const many = await reports.createMany([{ scan: first }, { scan: second }, { title: 'none' }])
    const [one = '', two = ''] = many.map(({ id }) => id)
    expect((await reports.content(one, 'scan')).base64).toBe(first)
    expect((await reports.content(two, 'scan')).base64).toBe(second)
    await reports.update(one, { title: 'u', scan: second })
    expect((await reports.content(one, 'scan')).base64).toBe(second)
    expect((await reports.content(one, 'scan', { ov: 0 })).base64).toBe(first)
    await reports.patch(one, { scan: toBase64(utf8('3')), 'inner.photo': toBase64(utf8('4')) })
    await reports.patch(one, { $set: { inner: { photo: toBase64(utf8('5')) } } })
    expect((await reports.content(one, 'scan')).base64).toBe(toBase64(utf8('3')))
    expect((await reports.content(one, 'inner.photo')).base64).toBe(toBase64(utf8('5')))
    await reports.enrich(one, [{ title: 'e' }, { scan: toBase64(utf8('6')) }])
    expect((await reports.content(one, 'scan')).base64).toBe(toBase64(utf8('6')))
    await reports.upsert(['title'], { title: 'e', scan: toBase64(utf8('7')) })
    expect((await reports.content(one, 'scan')).base64).toBe(toBase64(utf8('7')))
    const { id, created } = await reports.upsert(['title'], { title: 'new', scan: toBase64(utf8('8')) })
    expect([created, (await reports.content(id, 'scan')).base64]).toEqual([true, toBase64(utf8('8'))])
    await reports.patch(one, { $unset: { scan: true } })
    await expect(reports.content(one, 'scan')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await reports.restore(one, { ov: 1 })
    expect((await reports.content(one, 'scan')).base64).toBe(second)
  })

  test('what reading gave may be written back, and the same base64 changes nothing', async () => {
    const { reports } = await made()
    const { id } = await reports.create({ title: 'a', scan: first })
    const doc = await contentsOf(reports.get(id))
    expect(await reports.update(id, { ...doc, title: 'a' })).toMatchObject({ changed: false })
    expect(await reports.update(id, { ...doc, scan: { ...Object(doc.scan), url: 'https://old' } })).toMatchObject({
      changed: false,
    })
    expect(await reports.patch(id, { scan: first })).toMatchObject({ changed: false, ov: 0 })
    await reports.patch(id, { 'scan.name': 'contract.pdf', scan2: null })
    expect(await reports.get(id)).toMatchObject({ scan: { name: 'contract.pdf', size: 14 } })
    expect((await reports.content(id, 'scan')).base64).toBe(first)
    await reports.patch(id, { scan: null })
    expect(await reports.get(id)).toMatchObject({ scan: null })
  })

  test('a text is given as one, or as its bytes, and read as both', async () => {
    const { reports } = await made()
    const { id } = await reports.create({ notes: { text: 'Größe' } })
    const base64 = toBase64(utf8('Größe'))
    expect(await reports.content(id, 'notes')).toEqual({ base64, text: 'Größe', type: 'text/plain', size: 7 })
    expect(await reports.patch(id, { notes: base64 })).toMatchObject({ changed: false })
    expect(await errorOf(reports.patch(id, { notes: toBase64(Uint8Array.of(0xff, 0xfe, 0xff)) }))).toMatchObject({
      code: 'INVALID',
      path: 'notes',
    })
    expect(await errorOf(reports.patch(id, { scan: { text: 'x' } }))).toMatchObject({ code: 'INVALID', path: 'scan' })
  })

  test.each([
    ['no base64', 'not base64!'],
    ['base64url', 'a-_b'],
    ['without padding', 'YQ'],
    ['a number', 7],
    ['a list', ['YQ==']],
    ['another object', { a: 1 }],
  ])('%s is INVALID, names the path, and leaves nothing', async (_, value) => {
    const { reports } = await made()
    expect(await errorOf(reports.create({ id: 'x', inner: { photo: value } }))).toMatchObject({
      code: 'INVALID',
      path: 'inner.photo',
    })
    expect(await reports.get('x')).toBeNull()
    await reports.create({ id: 'x', scan: first })
    for (const write of [
      reports.patch('x', { 'inner.photo': value }),
      reports.patch('x', { $set: { inner: { photo: value } } }),
      reports.enrich('x', { inner: { photo: value } }),
      reports.update('x', { inner: { photo: value } }),
      reports.createMany([{ id: 'y' }, { inner: { photo: value } }]),
    ])
      expect(await errorOf(write)).toMatchObject({ code: 'INVALID', path: 'inner.photo' })
    expect(await errorOf(reports.patch('x', { $push: { scan: first } }))).toMatchObject({
      code: 'INVALID',
      path: 'scan',
    })
    expect((await reports.get('x'))?._system.ov).toBe(0)
    expect(await reports.get('y')).toBeNull()
  })

  test('too much is TOO_LARGE', async () => {
    const { reports } = await made()
    const text = 'AAAA'.repeat(limits.base64Bytes / 3 + 2)
    expect(await errorOf(reports.create({ scan: text }))).toMatchObject({ code: 'TOO_LARGE' })
  })

  test('several chunks, and the same content twice', async () => {
    const { reports } = await made()
    const bytes = new Uint8Array(limits.chunkBytes * 2 + 5).map((_, i) => i % 251)
    const base64 = toBase64(bytes)
    const { id } = await reports.create({ scan: base64, inner: { photo: base64 } })
    expect((await reports.content(id, 'inner.photo')).base64).toBe(base64)
    expect((await reports.content(id, 'scan')).size).toBe(bytes.length)
  })

  test('entities keep theirs, here and elsewhere', async () => {
    const { hub, reports } = await made()
    const mappings = [{ property: 'customer', collection: 'customers', keyProperty: 'code' }] as const
    const customers = hub.with<{ code: string; logo: unknown }>(runtimeOf('acme', 'customers'))
    const { id } = await reports.createWithEntities({ scan: first, customer: { code: 'c', logo: second } }, mappings)
    expect(await reports.get(id)).toMatchObject({ customer: { logo: { type: 'image/svg+xml', size: 15 } } })
    const customer = await customers.find({ code: 'c' }).first()
    expect(customer).toMatchObject({ logo: { size: 15 } })
    expect((await customers.content(customer?.id ?? '', 'logo')).base64).toBe(second)
    const there = [{ ...mappings[0], databaseType: 'metadata', tier: 'generic' }] as const
    await reports.createWithEntities({ customer: { code: 'd', logo: first } }, there)
    const generic = hub.with<{ code: string }>({ databaseType: 'metadata', tier: 'generic', collection: 'customers' })
    const found = await generic.find({ code: 'd' }).first()
    expect((await generic.content(found?.id ?? '', 'logo')).base64).toBe(first)
  })

  test('another process of the hub is asked with what the caller gave', async () => {
    const { reports } = await made()
    const ask = (method: string, ...args: readonly unknown[]): Promise<unknown> => {
      const place = { databaseType: 'runtime', tier: 'tenant', tenantId: 'acme' } as const
      const call = { place, target: { kind: 'collection', name: 'reports' }, steps: [{ method, args }] }
      return makeCall(reports, decodeCall(JSON.parse(JSON.stringify(call))))
    }
    await ask('create', { id: 'x', scan: first }, {})
    expect(await ask('content', 'x', 'scan', {})).toMatchObject({ base64: first })
  })
})

test('without object storage the base64 stays in the document', async () => {
  const { reports } = await made({ files: false })
  const { id } = await reports.create({ scan: first, notes: { text: 'hello' } })
  expect(await reports.get(id)).toMatchObject({ scan: first, notes: toBase64(utf8('hello')) })
  expect(await reports.content(id, 'notes')).toMatchObject({ text: 'hello', type: 'text/plain', size: 5 })
  expect(await errorOf(reports.create({ scan: '!' }))).toMatchObject({ code: 'INVALID', path: 'scan' })
  expect(await errorOf(reports.get(id, { presign: true }))).toMatchObject({ code: 'UNSUPPORTED', path: 'scan' })
})

describe('links', () => {
  const linking = (blobs: BlobStore): BlobStore => ({
    ...decorateBlobs(blobs, (_, call) => call()),
    supports: { ...blobs.supports, presign: true },
    presign: (key, { ttlSeconds, type }) => Promise.resolve(`https://s3/${key}?ttl=${ttlSeconds}&type=${type}`),
  })

  test('come with what is read, when they are asked for', async () => {
    const { hub, reports } = await made({ bucket: linking })
    const { id } = await reports.create({ title: 'a', scan: first, customer: { code: 'c' } })
    await reports.create({ title: 'b' })
    const options = { presign: true, ttlSeconds: 60 }
    const scan = {
      name: 'scan',
      size: 14,
      url: expect.stringMatching(/^https:.*runtime\/tenant\/acme.*ttl=60&type=app/),
    }
    expect(await reports.get(id, options)).toMatchObject({ title: 'a', scan })
    expect(await reports.get(id, { ...options, select: ['title'] })).not.toHaveProperty('scan')
    expect((await reports.get(id))?.scan).not.toHaveProperty('url')
    const query = reports.find({}, options).sort({ title: 1 })
    expect(await query.toArray()).toMatchObject([{ scan }, { title: 'b' }])
    expect(await query.first()).toMatchObject({ scan })
    expect((await query.limit(1).page()).items).toMatchObject([{ scan }])
    expect(await all(query)).toMatchObject([{ scan }, { title: 'b' }])
    const mappings = [{ property: 'customer', collection: 'customers', keyProperty: 'code' }] as const
    const customers = hub.with(runtimeOf('acme', 'customers'))
    await customers.create({ code: 'c', logo: second })
    const both = await reports.getWithEntities(id, mappings, options)
    expect(both.record).toMatchObject({ scan })
    expect(both.entities.get('customer')).toMatchObject({ logo: { url: expect.stringContaining('ttl=60') } })
    const doc = await contentsOf(reports.get(id, options))
    expect(await reports.update(id, doc)).toMatchObject({ changed: false })
  })

  test('are UNSUPPORTED where the storage makes none, and for files of several objects', async () => {
    const { reports } = await made()
    const { id } = await reports.create({ scan: first })
    expect(await errorOf(reports.get(id, { presign: true }))).toMatchObject({ code: 'UNSUPPORTED', path: 'scan' })
    const linked = await made({ bucket: linking })
    const large = await linked.reports.create({ scan: toBase64(new Uint8Array(limits.chunkBytes + 1)) })
    expect(await errorOf(linked.reports.find({}, { presign: true }).toArray())).toMatchObject({ code: 'UNSUPPORTED' })
    expect((await linked.reports.content(large.id, 'scan')).size).toBe(limits.chunkBytes + 1)
  })
})

describe('the configuration', () => {
  const problems = async (base64Props: unknown): Promise<string> => {
    const config = { dbConnections: {}, databases: {}, collectionMaps: { a: { indexedProps: ['b'], base64Props } } }
    return (await errorOf(startHub(config))).message
  }

  test('names no charset, no path and no property inside another by mistake', async () => {
    expect(await problems({ scan: { contentType: 'a/b', textCharset: 'klingon' } })).toContain('scan.textCharset')
    expect(await problems({ _x: { contentType: 'a/b' } })).toContain('base64Props._x')
    expect(await problems({ id: { contentType: 'a/b' } })).toContain('base64Props.id')
    expect(await problems({ a: { contentType: 'a/b' }, 'a.b': { contentType: 'a/b' } })).toContain('lies inside "a"')
  })
})

describe.runIf(isTested(s3Program()))('on a real S3', () => {
  let server: RunningS3
  beforeAll(async () => {
    server = await startS3()
  }, 120_000)
  afterAll(() => server.stop())

  test('a link gives the bytes with their type, to whoever has it', async () => {
    const hub = await startHub({
      dbConnections: connections(memoryEngine(), 'main'),
      ...(await spaceIn(server, 'base64')),
      collectionMaps: maps,
    })
    const reports = hub.with<Report>(runtimeOf('acme', 'reports'))
    const { id } = await reports.create({ scan: first })
    const found = await reports.get(id, { presign: true, ttlSeconds: 60 })
    const { url = '' }: { readonly url?: string } = Object(found?.scan)
    const answer = await fetch(url)
    expect(answer.headers.get('content-type')).toBe('application/pdf')
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytesOf(first))
    expect((await reports.content(id, 'scan')).base64).toBe(first)
  })
})

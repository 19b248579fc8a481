/** Requirement H1: files of documents are streamed, chunked, sealed, deduplicated, versioned, and never short. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTenant, limits, memory, openTenant, type JsonObject } from '../src/index.ts'
import { chunksOfTenant } from '../src/engine.ts'
import { attachWorld, content, documents, failure, objects } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf' }

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

describe.each(['sealed', 'open'] as const)('a file in a database that is %s', (mode) => {
  test('is read back whole and in every range, whatever the sizes', async () => {
    const { tenant, storage } = await attachWorld()
    const { people } = await documents(tenant, mode)
    await people.create({ id: 'p' })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(300),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 90 }),
        fc.nat(320),
        fc.nat(320),
        fc.nat(1000),
        async (size, chunkBytes, part, offset, length, seed) => {
          const bytes = content(size, seed)
          const info = await people.attach('p', 'scan', inParts(bytes, part), { ...how, chunkBytes })
          expect(info).toMatchObject({ ...how, size })
          expect((await people.get('p'))?.['scan']).toEqual(info)
          const file = await people.attachment('p', 'scan')
          expect(await file.bytes()).toEqual(bytes)
          storage.gets = 0
          expect(await file.bytes({ offset, length })).toEqual(bytes.slice(offset, offset + length))
          const [from, to] = [Math.min(offset, size), Math.min(size, offset + length)]
          const touched = from >= to ? 0 : Math.ceil(to / chunkBytes) - Math.floor(from / chunkBytes)
          expect(storage.gets).toBe(touched)
        },
      ),
      { numRuns: 60 },
    )
    await tenant.close()
  })

  test('is the same file however its content comes', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant, mode)
    await people.create({ id: 'p' })
    const bytes = content(5000)
    const options = { ...how, chunkBytes: 1000 }
    const whole = await people.attach('p', 'a', bytes, options)
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 333) controller.enqueue(bytes.slice(at, at + 333))
        controller.close()
      },
    })
    expect(await people.attach('p', 'b', stream, options)).toEqual(whole)
    expect(await people.attach('p', 'c', inParts(bytes, 4999), options)).toEqual(whole)
  })

  test('is stored once, wherever it is attached, and equal chunks once', async () => {
    const { tenant, storage } = await attachWorld()
    const { people, database } = await documents(tenant, mode)
    const chunk = content(1000)
    await people.createMany([{ id: 'p' }, { id: 'q' }])
    const repeated = new Uint8Array([...chunk, ...chunk, ...chunk, 7])
    await people.attach('p', 'a', repeated, { ...how, chunkBytes: 1000 })
    expect(await objects(storage.blobs)).toHaveLength(2)
    expect(storage.puts).toBe(2)
    storage.puts = 0
    await people.attach('q', 'b', repeated, { name: 'other', type: 'text/plain', chunkBytes: 1000 })
    await database.collection('more').create({ id: 'm' })
    await database.collection('more').attach('m', 'b', chunk, { ...how, chunkBytes: 1000 })
    expect(storage.puts).toBe(0)
    expect(await (await people.attachment('q', 'b')).bytes()).toEqual(repeated)
  })

  test('stays readable in every version that has it', async () => {
    const { tenant, store, env, storage } = await attachWorld()
    const { people } = await documents(tenant, mode)
    const { id } = await people.create({ title: 'x' })
    const [first, second] = [content(3000, 1), content(2000, 2)]
    await people.attach(id, 'scan', first, { ...how, actor: 'bea', reason: 'signed' })
    await people.attach(id, 'scan', second, { ...how, name: 'second.pdf' })
    await people.patch(id, { $unset: { scan: true } })
    expect(await failure(people.attachment(id, 'scan'))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await (await people.attachment(id, 'scan', { ov: 1 })).bytes()).toEqual(first)
    expect(await (await people.attachment(id, 'scan', { ov: 2 })).bytes()).toEqual(second)
    await people.restore(id, { ov: 1 })
    expect(await (await people.attachment(id, 'scan')).bytes()).toEqual(first)
    const versions = []
    for await (const version of people.history(id)) versions.push(version)
    expect(versions[1]).toMatchObject({ actor: 'bea', reason: 'signed', kind: 'change', paths: ['scan'] })
    await people.delete(id)
    expect(await failure(people.attachment(id, 'scan'))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await (await people.attachment(id, 'scan', { ov: 2 })).bytes()).toEqual(second)
    await tenant.close()
    const again = await openTenant({ store, env, blobs: storage.blobs })
    const { people: reopened, database } = await documents(again, mode)
    expect(await (await reopened.attachment(id, 'scan', { ov: 1 })).bytes()).toEqual(first)
    expect((await database.verify()).problems).toEqual([])
    await again.close()
  })
})

test('what a document shows of a file can be written back, moved, copied and put into lists', async () => {
  const { tenant } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p', title: 'x' })
  await people.create({ id: 'q' })
  const bytes = content(100)
  const info = await people.attach('p', 'scan', bytes, how)
  expect(await people.update('p', { title: 'x', scan: info })).toMatchObject({ changed: false })
  await people.update('p', { title: 'y', scans: [{ ...info, caption: 'page one' }], scan: null })
  expect(await (await people.attachment('p', 'scans.0')).bytes()).toEqual(bytes)
  await people.patch('p', { 'scans.0.name': 'renamed.pdf' })
  expect((await people.attachment('p', 'scans.0')).info.name).toBe('renamed.pdf')
  await people.patch('q', { copy: info })
  expect(await (await people.attachment('q', 'copy')).bytes()).toEqual(bytes)
  await people.attach('p', 'scans.1', content(5), how)
  expect(await people.find({ 'scans.type': 'application/pdf', 'scans.size': 5 }).count()).toBe(1)
})

test('a file is found by its words and by what an extractor makes of its description', async () => {
  const { tenant } = await attachWorld()
  const { database } = await documents(tenant)
  database.registerExtractor('text/markdown', (file: JsonObject) =>
    typeof file['summary'] === 'string' ? file['summary'] : null,
  )
  const notes = database.collection<JsonObject>('notes', { search: { fields: { file: {}, 'file.name': {} } } })
  await notes.create({ id: 'n' })
  await notes.attach('n', 'file', content(10), { name: 'meeting minutes.md', type: 'text/markdown' })
  await notes.patch('n', { 'file.summary': 'About engines' })
  expect(await notes.find().search('minutes').count()).toBe(1)
  expect(await notes.find().search('engines').count()).toBe(1)
})

test('an empty file has no chunk and is read as nothing', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  expect(await people.attach('p', 'a', new Uint8Array(0), how)).toMatchObject({ size: 0 })
  expect(await objects(storage.blobs)).toEqual([])
  expect(await (await people.attachment('p', 'a')).bytes()).toHaveLength(0)
})

test('a stream of any length takes the memory of a few chunks', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  const chunkBytes = 1024
  const parts = 2000
  let pulled = 0
  let ahead = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < parts; n++) {
      pulled += chunkBytes
      ahead = Math.max(ahead, pulled - storage.puts * chunkBytes)
      yield content(chunkBytes, n + 1)
    }
  }
  const info = await people.attach('p', 'film', endless(), { ...how, chunkBytes })
  expect(info.size).toBe(parts * chunkBytes)
  expect(storage.mostUnderWay).toBeLessThanOrEqual(limits.chunksAtOnce * (chunkBytes + 40))
  expect(ahead).toBeLessThanOrEqual((limits.chunksAtOnce + 2) * chunkBytes)
  let read = 0
  for await (const part of (await people.attachment('p', 'film')).stream()) {
    expect(part.length).toBeLessThanOrEqual(chunkBytes)
    read += part.length
    if (read > 100 * chunkBytes) break
  }
  expect(storage.gets).toBeLessThan(110)
  const state = JSON.stringify(await people.get('p'))
  expect(state.length).toBeLessThan(1000)
})

test('a failing storage leaves no version, and attaching again stores only what is missing', async () => {
  const { tenant, storage } = await attachWorld()
  const { people, database } = await documents(tenant)
  await people.create({ id: 'p' })
  const bytes = content(10_000)
  const options = { ...how, chunkBytes: 1000 }
  for (let calls = 0; calls < 10; calls++) {
    storage.failAfter = calls
    expect(await failure(people.attach('p', 'scan', bytes, options))).toMatchObject({ code: 'STORE_FAILED' })
    expect((await people.get('p'))?._system.ov).toBe(0)
  }
  storage.failAfter = null
  const there = (await objects(storage.blobs)).length
  expect(there).toBeGreaterThan(2)
  storage.puts = 0
  await people.attach('p', 'scan', bytes, options)
  expect(storage.puts).toBe(10 - there)
  expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(bytes)
  expect((await database.verify()).problems).toEqual([])
})

test('a chunk that is gone is MISSING_CHUNK, named by document, path and number, and never short data', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  const bytes = content(5000)
  await people.attach('p', 'deep.scan', bytes, { ...how, chunkBytes: 1000 })
  const [gone = ''] = await objects(storage.blobs)
  await storage.blobs.delete(gone)
  const file = await people.attachment('p', 'deep.scan')
  const error = await failure(file.bytes())
  expect(error).toMatchObject({ code: 'MISSING_CHUNK', retryable: true })
  expect(error.details).toMatchObject({ collection: 'people', id: 'p', path: 'deep.scan' })
  expect(gone.endsWith(String(error.details?.['chunkId']))).toBe(true)
  const missing = Number(error.details?.['chunk'])
  for (let n = 0; n < 5; n++) {
    const read = file.bytes({ offset: n * 1000, length: 1000 })
    if (n === missing) expect((await failure(read)).code).toBe('MISSING_CHUNK')
    else expect(await read).toEqual(bytes.slice(n * 1000, n * 1000 + 1000))
  }
  await people.attach('p', 'deep.scan', bytes, { ...how, chunkBytes: 1000 })
  expect(await file.bytes()).toEqual(bytes)
})

test.each(['sealed', 'open'] as const)(
  'any byte that was changed, cut or added is TAMPERED in a database that is %s',
  async (mode) => {
    const { tenant, storage } = await attachWorld()
    const { people } = await documents(tenant, mode)
    await people.create({ id: 'p' })
    const bytes = content(40)
    await people.attach('p', 'scan', bytes, how)
    const [place = ''] = await objects(storage.blobs)
    const stored = (await storage.blobs.get(place)) ?? new Uint8Array(0)
    expect(stored.length).toBe(mode === 'sealed' ? 80 : 40)
    const file = await people.attachment('p', 'scan')
    const wrong = [stored.slice(1), stored.slice(0, -1), new Uint8Array([...stored, 0]), new Uint8Array(0)]
    for (let i = 0; i < stored.length; i++) {
      const flipped = stored.slice()
      flipped[i] = (flipped[i] ?? 0) ^ 1
      wrong.push(flipped)
    }
    for (const each of wrong) {
      await storage.blobs.put(place, each)
      expect(await failure(file.bytes())).toMatchObject({
        code: 'TAMPERED',
        details: { id: 'p', path: 'scan', chunk: 0 },
      })
    }
    // Attached again, it is put again, however young the wrong one is.
    await people.attach('p', 'scan', bytes, how)
    expect(await file.bytes()).toEqual(bytes)
  },
)

test('chunks that changed places are TAMPERED', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  await people.attach('p', 'scan', content(2000), { ...how, chunkBytes: 1000 })
  const [a = '', b = ''] = await objects(storage.blobs)
  const [x, y] = [await storage.blobs.get(a), await storage.blobs.get(b)]
  await storage.blobs.put(a, y ?? new Uint8Array(0))
  await storage.blobs.put(b, x ?? new Uint8Array(0))
  expect((await failure((await people.attachment('p', 'scan')).bytes())).code).toBe('TAMPERED')
})

test('two tenants, and two keys of one, never share an object', async () => {
  const [one, two] = [await attachWorld(), await attachWorld()]
  const bytes = content(100)
  const seen = new Set<string>()
  for (const { tenant, storage } of [one, two]) {
    const { people } = await documents(tenant)
    await tenant.keys.create('hr')
    await people.createMany([{ id: 'p' }, { id: 'r' }])
    await people.create({ id: 'q' }, { key: 'hr' })
    await people.attach('p', 'scan', bytes, how)
    await people.attach('q', 'scan', bytes, how)
    await tenant.keys.rotate('tenant')
    await people.attach('r', 'scan', bytes, how)
    const open = (await tenant.database('shop', { mode: 'open' })).collection('things')
    await open.create({ id: 't' })
    await open.attach('t', 'scan', bytes, how)
    const keys = await objects(storage.blobs)
    expect(keys).toHaveLength(4)
    for (const key of keys) {
      expect(key.startsWith(chunksOfTenant(tenant.id))).toBe(true)
      const id = key.slice(key.lastIndexOf('/') + 1)
      expect(seen.has(id)).toBe(false)
      seen.add(id)
    }
    for (const id of ['p', 'q', 'r']) expect(await (await people.attachment(id, 'scan')).bytes()).toEqual(bytes)
  }
})

test('files of a document under a key disappear with it and come back', async () => {
  const { tenant } = await attachWorld()
  const { people } = await documents(tenant)
  await tenant.keys.create('hr')
  await people.create({ id: 'q' }, { key: 'hr' })
  const bytes = content(100)
  await people.attach('q', 'scan', bytes, how)
  const file = await tenant.keys.export(['hr'], 'secret')
  await tenant.keys.remove('hr')
  expect((await failure(people.attachment('q', 'scan'))).code).toBe('NOT_FOUND')
  await tenant.keys.import(file, 'secret')
  expect(await (await people.attachment('q', 'scan')).bytes()).toEqual(bytes)
})

test('a description from elsewhere is no file until its content is attached', async () => {
  const { tenant } = await attachWorld()
  const { people } = await documents(tenant)
  const other = (await tenant.database('other')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = content(100)
  const info = await people.attach('p', 'scan', bytes, how)
  await other.create({ id: 'x', scan: info })
  expect((await failure(other.attachment('x', 'scan'))).code).toBe('MISSING_CHUNK')
  expect(await other.attach('x', 'scan', bytes, how)).toEqual(info)
  expect(await (await other.attachment('x', 'scan')).bytes()).toEqual(bytes)
})

test('a signal ends attaching without a version', async () => {
  const { tenant } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  const life = new AbortController()
  async function* aborting(): AsyncGenerator<Uint8Array> {
    yield content(1000)
    life.abort(new Error('enough'))
    yield content(1000)
  }
  await expect(
    people.attach('p', 'scan', aborting(), { ...how, chunkBytes: 100, signal: life.signal }),
  ).rejects.toThrow('enough')
  expect((await people.get('p'))?._system.ov).toBe(0)
})

test('links are made for open files of one object, where the storage can', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant, 'open')
  await people.create({ id: 'p' })
  await people.attach('p', 'small', content(50), how)
  await people.attach('p', 'large', content(50), { ...how, chunkBytes: 10 })
  const url = async (path: string): Promise<string> => (await people.attachment('p', path)).url({ ttlSeconds: 60 })
  expect(await failure(url('small'))).toMatchObject({ code: 'UNSUPPORTED' })
  Object.assign(storage.blobs, {
    supports: { ...storage.blobs.supports, presign: true },
    presign: (key: string, options: object) => Promise.resolve(`link:${key}:${JSON.stringify(options)}`),
  })
  const link = await url('small')
  expect(link).toContain(`link:${chunksOfTenant(tenant.id)}`)
  expect(link).toContain('"ttlSeconds":60,"fileName":"scan.pdf","type":"application/pdf"')
  expect((await failure(url('large'))).message).toContain('one object')
  const sealed = (await tenant.database('vault')).collection('things')
  await sealed.create({ id: 's' })
  await sealed.attach('s', 'scan', content(50), how)
  expect((await failure((await sealed.attachment('s', 'scan')).url({ ttlSeconds: 60 }))).message).toContain('sealed')
})

test('the status of a tenant tells how many files wait for a node', async () => {
  const { tenant, env } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  expect((await tenant.status()).attachments).toEqual({ waiting: 0, lost: 0, problem: null })
  await people.attach('p', 'scan', content(100), how)
  expect((await tenant.status()).attachments).toEqual({ waiting: 1, lost: 0, problem: null })
  await tenant.close()
  const without = await createTenant({ name: 'acme', user: 'ada', store: memory(), env })
  expect((await without.status()).attachments).toBeNull()
  await without.close()
})

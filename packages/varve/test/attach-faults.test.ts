/** Attachments when something goes wrong beside them: sources that stop, memory that changes, storage that lies, hostile lists. */

import { describe, expect, test } from 'vitest'
import { Attachment } from '../src/attachments/attachment.ts'
import { chunkPlace, sealChunk } from '../src/attachments/chunk.ts'
import { ChunkStore } from '../src/attachments/chunk-store.ts'
import { encodeManifest, fileOf, type Manifest } from '../src/document/file.ts'
import { concat } from '../src/encoding/bytes.ts'
import { createJoinRequest, createTenant, joinTenant, memory, memoryBlobs, type BlobStore } from '../src/index.ts'
import { attachWorld, content, documents, failure, objects, shiftedEnv } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf', chunkBytes: 1000 }
const week = 8 * 86_400_000

/** Gives two chunks and then nothing any more, without ever ending. */
function stalling() {
  const state = { returned: false, stalled: Promise.resolve() }
  let stalls = (): void => undefined
  state.stalled = new Promise<void>((resolve) => {
    stalls = resolve
  })
  let given = 0
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        if (given++ < 2) return Promise.resolve({ done: false, value: content(1000, given) })
        stalls()
        return new Promise(() => undefined)
      },
      return: () => {
        state.returned = true
        return Promise.resolve({ done: true, value: undefined })
      },
    }),
  }
  return { source, state }
}

describe('a source that gives nothing any more', () => {
  test('is left when the signal says so, and told that it may stop', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    const life = new AbortController()
    const { source, state } = stalling()
    const attaching = people.attach('p', 'scan', source, { ...how, signal: life.signal })
    await state.stalled
    life.abort(new Error('enough'))
    await expect(attaching).rejects.toThrow('enough')
    expect(state.returned).toBe(true)
    expect((await people.get('p'))?._system.ov).toBe(0)
    await tenant.close()
  })

  test('is cancelled when it is a web stream', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    const life = new AbortController()
    let cancelled: unknown = null
    let pulled = 0
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (pulled++ < 3) return controller.enqueue(content(1000))
        setImmediate(() => {
          life.abort(new Error('enough'))
        })
        return new Promise(() => undefined)
      },
      cancel: (reason) => {
        cancelled = reason ?? 'for no reason'
      },
    })
    await expect(people.attach('p', 'scan', stream, { ...how, signal: life.signal })).rejects.toThrow('enough')
    expect(cancelled).not.toBeNull()
    await tenant.close()
  })

  test('does not hide that the storage failed', async () => {
    const { tenant, storage } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    storage.failAfter = 1
    const { source, state } = stalling()
    expect((await failure(people.attach('p', 'scan', source, how))).code).toBe('STORE_FAILED')
    expect(state.returned).toBe(true)
    await tenant.close()
  })
})

test.each(['sealed', 'open'] as const)(
  'memory that its owner changes meanwhile spoils no chunk of a database that is %s',
  async (mode) => {
    const { tenant, storage } = await attachWorld()
    const { people } = await documents(tenant, mode)
    await people.create({ id: 'p' })
    const bytes = content(3000)
    const attaching = people.attach('p', 'scan', bytes, how)
    const inner = { ...storage.blobs }
    Object.assign(storage.blobs, {
      put: (...call: Parameters<BlobStore['put']>) => {
        bytes.fill(7)
        return inner.put(...call)
      },
    })
    await attaching
    // What was read is what counts: some of it before the change, some after, and all of it whole.
    expect(await (await people.attachment('p', 'scan')).bytes()).toHaveLength(3000)
    await tenant.close()
  },
)

test('a link is only made to an object that is as long as the file', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant, 'open')
  await people.create({ id: 'p' })
  await people.attach('p', 'scan', content(50), how)
  Object.assign(storage.blobs, {
    supports: { ...storage.blobs.supports, presign: true },
    presign: () => Promise.resolve('link'),
  })
  const [place = ''] = await objects(storage.blobs)
  await storage.blobs.put(place, content(20))
  const file = await people.attachment('p', 'scan')
  const error = await failure(file.url({ ttlSeconds: 60 }))
  expect(error).toMatchObject({ code: 'TAMPERED', details: { id: 'p', path: 'scan', chunk: 0 } })
  await tenant.close()
})

test('a file too large for the memory says so, whatever its list claims, and is read in parts', async () => {
  const env = shiftedEnv()
  const id = content(16, 9)
  const chunks = new ChunkStore({
    blobs: memoryBlobs({ env }),
    tenant: id,
    env: { now: () => env.now(), log: () => undefined },
    fetch: async () => null,
    cacheBytes: 0,
  })
  const chunkBytes = 1024 * 1024
  const object = sealChunk(id, null, content(chunkBytes))
  await chunks.add(object, new Set(), {})
  const count = 100_000
  const all = concat(...Array.from({ length: count }, () => object.id))
  const manifest: Manifest = { chunkBytes, size: count * chunkBytes, key: null, chunks: all }
  const place = { collection: 'people', id: 'p', path: 'scan' }
  const file = new Attachment({ info: fileOf('a', 'b', encodeManifest(manifest)), manifest, chunks, key: null, place })
  const error = await failure(file.bytes())
  expect(error).toMatchObject({ code: 'TOO_LARGE', details: { id: 'p', path: 'scan' } })
  expect(error.message).toContain('stream')
  expect(await file.bytes({ offset: 99_999 * chunkBytes + 5, length: 3 })).toEqual(content(chunkBytes).slice(5, 8))
})

test('collecting is refused while a database may be anywhere whose key is not held', async () => {
  const { tenant, storage, env } = await attachWorld()
  await tenant.keys.create('hr')
  const secret = (await tenant.database('secret', { key: 'hr' })).collection('things')
  await secret.create({ id: 't' })
  await secret.attach('t', 'scan', content(1500), how)
  // Another device uses the same object storage, and was never given the key.
  const store = memory()
  const response = await tenant.directory.approve(await createJoinRequest({ user: 'bob', store, env }))
  const bob = await joinTenant({ response, store, env, blobs: storage.blobs })
  await (await bob.database('fresh')).sync(await tenant.database('fresh'))
  env.shift += week
  expect(await failure(bob.attachments.collect())).toMatchObject({
    code: 'KEY_MISSING',
    details: { database: 'secret', key: 'hr' },
  })
  expect(await (await secret.attachment('t', 'scan')).bytes()).toEqual(content(1500))
  await bob.close()
  await tenant.close()
})

test('two files attached at once to one path are two versions, one after the other', async () => {
  const { tenant } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  const [one, two] = [content(2500, 1), content(3500, 2)]
  await Promise.all([people.attach('p', 'scan', one, how), people.attach('p', 'scan', two, how)])
  const read = async (ov: number): Promise<number> => (await people.attachment('p', 'scan', { ov })).info.size
  expect(new Set([await read(1), await read(2)])).toEqual(new Set([2500, 3500]))
  expect((await people.attachment('p', 'scan')).info.size).toBe(await read(2))
  await tenant.close()
})

test('what is attached to a document that was deleted meanwhile leaves no version, and garbage at most', async () => {
  const { tenant, env } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  async function* deleting(): AsyncGenerator<Uint8Array> {
    yield content(1500)
    await people.delete('p')
    yield content(1500, 2)
  }
  expect((await failure(people.attach('p', 'scan', deleting(), how))).code).toBe('DELETED')
  env.shift += week
  expect(await tenant.attachments.collect()).toMatchObject({ removed: 3, kept: 0 })
  await tenant.close()
})

test('a chunk under the id of another tenant is not taken for ours, in one bucket', async () => {
  const { tenant, storage, env } = await attachWorld()
  const other = await createTenant({ name: 'other', user: 'eve', store: memory(), env, blobs: storage.blobs })
  const { people } = await documents(tenant, 'open')
  await people.create({ id: 'p' })
  await people.attach('p', 'scan', content(500), how)
  const [place = ''] = await objects(storage.blobs)
  const theirs = (await other.database('crm', { mode: 'open' })).collection('people')
  await theirs.create({ id: 'p' })
  const foreign = chunkPlace(other.id, place.slice(place.lastIndexOf('/') + 1))
  await storage.blobs.put(foreign, (await storage.blobs.get(place)) ?? new Uint8Array(0))
  await theirs.attach('p', 'scan', content(500), how)
  expect(await objects(storage.blobs)).toHaveLength(3)
  await other.close()
  await tenant.close()
})

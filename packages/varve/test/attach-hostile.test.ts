/** Chunks from somebody else's hands: wrong lists, wrong answers of nodes, damaged storage, and strangers in one bucket. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Attachment } from '../src/attachments/attachment.ts'
import { chunkPlace, sealChunk } from '../src/attachments/chunk.ts'
import { ChunkStore } from '../src/attachments/chunk-store.ts'
import { collectGarbage } from '../src/attachments/collect.ts'
import { decodeManifest, encodeManifest, fileOf, type Manifest } from '../src/document/file.ts'
import { concat, toHex } from '../src/encoding/bytes.ts'
import { chunkKey } from '../src/keys/derive.ts'
import { newKey } from '../src/keys/key.ts'
import { isVarveError, memoryBlobs, systemEnv } from '../src/engine.ts'
import { content, failure, objects, shiftedEnv } from './attach-world.ts'

const env = shiftedEnv()
const tenant = content(16, 9)
const key = chunkKey(newKey('tenant', 1, systemEnv()))
const place = { collection: 'people', id: 'p', path: 'scan' }

function storeWith(fetch: (id: string) => Uint8Array | null = () => null, cacheBytes = 0) {
  const blobs = memoryBlobs({ env })
  const log: string[] = []
  const chunks = new ChunkStore({
    blobs,
    tenant,
    env: { now: () => env.now(), log: (_level, message) => void log.push(message) },
    fetch: async (id) => fetch(id),
    cacheBytes,
  })
  return { blobs, chunks, log }
}

function attachmentOf(chunks: ChunkStore, manifest: Manifest): Attachment {
  return new Attachment({ info: fileOf('a', 'b', encodeManifest(manifest)), manifest, chunks, key, place })
}

describe('a list of chunks that its author made wrongly', () => {
  test.each([
    ['a chunk longer than its place', 100, 150, [100, 100]],
    ['a chunk shorter than its place', 100, 200, [100, 50]],
    ['a chunk of nothing', 100, 100, [0]],
  ])('%s is TAMPERED, and no byte of that chunk is given out', async (_what, chunkBytes, size, lengths) => {
    const { chunks } = storeWith()
    const ids: Uint8Array[] = []
    for (const [n, length] of lengths.entries()) {
      const object = sealChunk(tenant, key, content(length, n + 1))
      ids.push(object.id)
      await chunks.add(object, new Set(), {})
    }
    const file = attachmentOf(chunks, { chunkBytes, size, key: key.id, chunks: concat(...ids) })
    const last = lengths.length - 1
    const error = await failure(file.bytes())
    expect(error).toMatchObject({ code: 'TAMPERED', details: { ...place, chunk: last } })
    if (last > 0) expect(await file.bytes({ offset: 0, length: 100 })).toEqual(content(100, 1))
  })

  test('chunks of another tenant, or sealed under another key, do not open', async () => {
    const { chunks } = storeWith()
    const other = chunkKey(newKey('tenant', 1, systemEnv()))
    for (const object of [sealChunk(tenant, other, content(10)), sealChunk(tenant, null, content(50))]) {
      await chunks.add(object, new Set(), {})
      const file = attachmentOf(chunks, { chunkBytes: 10, size: 10, key: key.id, chunks: object.id })
      expect((await failure(file.bytes())).code).toBe('TAMPERED')
    }
    const foreign = sealChunk(content(16, 8), key, content(10))
    await chunks.add(foreign, new Set(), {})
    const file = attachmentOf(chunks, { chunkBytes: 10, size: 10, key: key.id, chunks: foreign.id })
    expect((await failure(file.bytes())).code).toBe('TAMPERED')
  })
})

describe('a node', () => {
  const object = sealChunk(tenant, key, content(1000))
  const id = toHex(object.id)

  test('that answers with other bytes is found out, and nothing of it is kept', async () => {
    for (const wrong of [sealChunk(tenant, key, content(1000, 2)).bytes, new Uint8Array(0), object.bytes.slice(1)]) {
      const { blobs, chunks } = storeWith(() => wrong, 10_000)
      expect((await failure(chunks.read(id))).code).toBe('TAMPERED')
      expect(await objects(blobs)).toEqual([])
    }
  })

  test('makes good what is damaged here, in the storage and in the cache', async () => {
    const { blobs, chunks, log } = storeWith(() => object.bytes, 10_000)
    await chunks.add(object, new Set(), {})
    await blobs.put(chunkPlace(chunks.name, id), content(5))
    expect(await chunks.read(id)).toEqual(object.bytes)
    expect(log).toHaveLength(1)
    expect(await blobs.get(chunkPlace(chunks.name, id))).toEqual(object.bytes)

    const cached = storeWith(() => object.bytes, 10_000)
    await cached.chunks.read(id)
    const [where = ''] = await objects(cached.blobs)
    await cached.blobs.put(where, content(5))
    expect(await cached.chunks.read(id)).toEqual(object.bytes)
    expect(await cached.blobs.get(where)).toEqual(object.bytes)
  })

  test('serves also where nothing can be kept', async () => {
    const { blobs, chunks, log } = storeWith(() => object.bytes, 10_000)
    Object.assign(blobs, { put: () => Promise.reject(new Error('the disk is full')) })
    expect(await chunks.read(id)).toEqual(object.bytes)
    expect(log).toHaveLength(1)
  })
})

test('any bytes are a list of chunks that is written so again, or refused with a code', () => {
  const valid = encodeManifest({ chunkBytes: 100, size: 250, key: key.id, chunks: content(96) })
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), (at, byte, length) => {
      const bytes = valid.slice(0, length === 0 ? valid.length : length)
      if (at < bytes.length) bytes[at] = byte
      try {
        expect(encodeManifest(decodeManifest(bytes))).toEqual(bytes)
      } catch (error) {
        if (!isVarveError(error)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

test('collecting leaves other tenants and other objects of the bucket alone', async () => {
  const { blobs, chunks } = storeWith()
  const other = new ChunkStore({
    blobs,
    tenant: content(16, 7),
    env: systemEnv(),
    fetch: async () => null,
    cacheBytes: 0,
  })
  await chunks.add(sealChunk(tenant, key, content(10)), new Set(), {})
  await other.add(sealChunk(other.tenant, key, content(10)), new Set(), {})
  await blobs.put('another/object', content(1))
  env.shift += 30 * 86_400_000
  expect(await collectGarbage(chunks, async () => [], 86_400_000)).toMatchObject({ removed: 1, kept: 0 })
  const left = await objects(blobs)
  expect(left).toHaveLength(2)
  expect(left.every((each) => !each.startsWith(chunks.name))).toBe(true)
})

/** Object storage in memory: for tests, and for what need not stay. */

import type { Env } from '../env/env.ts'
import { blobStoreOf } from './adapter.ts'
import type { BlobInfo, BlobStore } from './blob-store.ts'

export interface MemoryBlobsOptions {
  readonly env: Pick<Env, 'now'>
}

interface Held {
  readonly bytes: Uint8Array
  readonly at: number
}

/** An empty object storage, which is gone when nobody holds it any more. */
export function memoryBlobs({ env }: MemoryBlobsOptions): BlobStore {
  const objects = new Map<string, Held>()

  function infoOf(key: string): BlobInfo | null {
    const held = objects.get(key)
    return held === undefined ? null : { key, size: held.bytes.length, at: held.at }
  }

  return blobStoreOf({
    supports: { persistent: false, conditionalPut: true, range: true, multipart: false, presign: false },
    put: async (key, bytes, { ifAbsent }) => {
      if (ifAbsent && objects.has(key)) return false
      objects.set(key, { bytes: bytes.slice(), at: env.now() })
      return true
    },
    get: async (key, range) => {
      const held = objects.get(key)
      if (held === undefined) return null
      return range === null ? held.bytes.slice() : held.bytes.slice(range.offset, range.offset + range.length)
    },
    head: async (key) => infoOf(key),
    delete: async (key) => {
      objects.delete(key)
    },
    list: async (prefix, { after, limit }) => {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && (after === null || key > after))
      const items = keys
        .toSorted()
        .slice(0, limit)
        .flatMap((key) => infoOf(key) ?? [])
      return { items, next: keys.length > limit ? (items.at(-1)?.key ?? null) : null }
    },
    close: async () => {
      objects.clear()
    },
  })
}

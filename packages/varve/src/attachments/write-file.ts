/** Storing content as chunks, a bounded number of them at once, before anything names them. */

import { concat } from '../encoding/bytes.ts'
import { encodeManifest } from '../document/file.ts'
import { assertLimit, limits } from '../limits.ts'
import type { ChunkKey } from '../keys/derive.ts'
import { sealChunk } from './chunk.ts'
import type { ChunkStore } from './chunk-store.ts'
import { cut, type FileContent } from './cut.ts'
import { Line } from './line.ts'
import { mediaType } from './media-type.ts'

export interface WriteFileOptions {
  /** Null in open databases. */
  readonly key: ChunkKey | null
  readonly type: string
  /** Bytes of a chunk; `limits.chunkBytes` when absent. */
  readonly chunkBytes?: number
  readonly signal?: AbortSignal
}

/** Stores the chunks of a file and gives its encoded manifest. `ids` gathers what it uses, from before it is looked for. */
export async function writeFile(
  chunks: ChunkStore,
  content: FileContent,
  ids: Set<string>,
  { key, type, chunkBytes = limits.chunkBytes, signal }: WriteFileOptions,
): Promise<Uint8Array> {
  const list: Uint8Array[] = []
  const life = new AbortController()
  const abort = (): void => {
    life.abort(signal?.reason)
  }
  signal?.addEventListener('abort', abort, { once: true })
  const line = new Line(limits.chunksAtOnce, (error) => {
    life.abort(error)
  })
  const options = { ...(signal === undefined ? {} : { signal }), ...(key === null ? mediaType(type) : {}) }
  let size = 0
  try {
    signal?.throwIfAborted()
    for await (const chunk of cut(content, chunkBytes, life.signal)) {
      life.signal.throwIfAborted()
      const object = sealChunk(chunks.tenant, key, chunk)
      list.push(object.id)
      assertLimit(list.length, limits.fileChunks, 'The number of chunks of a file')
      size += chunk.length
      await line.begin(() => chunks.add(object, ids, options))
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    await line.end()
  }
  line.assertWell()
  return encodeManifest({ chunkBytes, size, key: key?.id ?? null, chunks: concat(...list) })
}

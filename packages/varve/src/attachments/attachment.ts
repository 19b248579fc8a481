/** An attachment as applications read it: whole, in ranges, as a stream, or by a link. */

import { chunkAt, chunkIdBytes, type FileInfo, type Manifest } from '../document/file.ts'
import { toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import type { ChunkKey } from '../keys/derive.ts'
import { chunkPlace, openChunk } from './chunk.ts'
import type { ChunkStore } from './chunk-store.ts'
import { mediaType } from './media-type.ts'

/** Part of a file, in bytes; what lies behind its end is left out. */
export interface FileRange {
  /** 0 when absent. */
  readonly offset?: number
  /** Up to the end when absent. */
  readonly length?: number
}

export interface AttachmentParts {
  readonly info: FileInfo
  readonly manifest: Manifest
  readonly chunks: ChunkStore
  /** Null when the chunks are not sealed. */
  readonly key: ChunkKey | null
  /** Document and path, for errors. */
  readonly place: { readonly collection: string; readonly id: string; readonly path: string }
}

interface Cancel {
  readonly signal?: AbortSignal
}

export class Attachment {
  readonly #parts: AttachmentParts
  readonly info: FileInfo

  constructor(parts: AttachmentParts) {
    this.#parts = parts
    this.info = { ...parts.info, size: parts.manifest.size }
  }

  /**
   * The bytes of a range in order, chunk by chunk, each checked before it is given out. Throws `MISSING_CHUNK` when one
   * is nowhere to be had, `TAMPERED` when its bytes are not those that were attached, `INVALID` for no range.
   */
  async *stream(range: FileRange = {}, options: Cancel = {}): AsyncGenerator<Uint8Array> {
    const { chunkBytes } = this.#parts.manifest
    const { from, to } = this.#bounds(range)
    for (let at = from; at < to;) {
      options.signal?.throwIfAborted()
      const index = Math.floor(at / chunkBytes)
      const begins = index * chunkBytes
      const chunk = await this.#chunk(index, options)
      const end = Math.min(to, begins + chunk.length)
      yield chunk.subarray(at - begins, end - begins)
      at = end
    }
  }

  /** The same in one piece. Throws `TOO_LARGE` where memory has no room for it. */
  async bytes(range: FileRange = {}, options: Cancel = {}): Promise<Uint8Array> {
    const { from, to } = this.#bounds(range)
    const all = this.#room(to - from)
    let at = 0
    for await (const part of this.stream(range, options)) {
      all.set(part, at)
      at += part.length
    }
    return all
  }

  /**
   * A link that reads the file without credentials until it expires: of open databases, where the object storage can make
   * links, for files of at most one chunk. Throws `UNSUPPORTED` saying which of them fails, `MISSING_CHUNK`, `TAMPERED`,
   * `INVALID`.
   */
  async url(options: { readonly ttlSeconds: number }): Promise<string> {
    const { chunks, key, manifest, info } = this.#parts
    if (manifest.key !== null || key !== null) throw this.#noLink('its chunks are sealed: give the bytes out yourself')
    if (!chunks.blobs.supports.presign) throw this.#noLink('its object storage makes no links: use one that does')
    if (manifest.chunks.length !== chunkIdBytes) throw this.#noLink('it is not one object: give the bytes out yourself')
    const id = toHex(chunkAt(manifest, 0))
    const place = chunkPlace(chunks.name, id)
    const there = await chunks.blobs.head(place)
    if (there === null)
      throw new VarveError('MISSING_CHUNK', this.#message(0, 'is not in the object storage of this device'), {
        details: this.#details(0),
        retryable: true,
      })
    // Links give out what is stored, and nobody checks it again.
    if (there.size !== manifest.size)
      throw new VarveError(
        'TAMPERED',
        this.#message(0, 'has another length than was attached: attach the file again'),
        {
          details: this.#details(0),
        },
      )
    const { ttlSeconds } = options
    const type = mediaType(info.type)
    return chunks.blobs.presign(place, { ttlSeconds, fileName: fileNameOf(info.name), ...type })
  }

  async #chunk(index: number, options: Cancel): Promise<Uint8Array> {
    const { chunks, key, manifest } = this.#parts
    try {
      const object = await chunks.read(toHex(chunkAt(manifest, index)), options)
      const chunk = openChunk(chunks.tenant, key, object)
      const expected = Math.min(manifest.chunkBytes, manifest.size - index * manifest.chunkBytes)
      if (chunk.length === expected) return chunk
      throw new VarveError(
        'TAMPERED',
        `A chunk has ${chunk.length} bytes in place of ${expected}: attach the file again`,
      )
    } catch (error) {
      if (!isVarveError(error, 'MISSING_CHUNK') && !isVarveError(error, 'TAMPERED')) throw error
      throw new VarveError(error.code, this.#message(index, `cannot be read. ${error.message}`), {
        details: this.#details(index),
        retryable: error.retryable,
        cause: error,
      })
    }
  }

  #bounds({ offset = 0, length = Infinity }: FileRange): { readonly from: number; readonly to: number } {
    const { size } = this.#parts.manifest
    const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
    if (!isWhole(offset) || (length !== Infinity && !isWhole(length)))
      throw new VarveError('INVALID', 'A range of a file has an offset and a length in whole bytes', {
        details: { offset, length },
      })
    const from = Math.min(offset, size)
    return { from, to: Math.min(size, from + length) }
  }

  #room(length: number): Uint8Array {
    try {
      return new Uint8Array(length)
    } catch (cause) {
      const { id, path } = this.#parts.place
      const what = `The file at "${path}" of "${id}" has too many bytes for one piece`
      throw new VarveError('TOO_LARGE', `${what}, ${length}: read it as a stream, or in ranges`, {
        details: { ...this.#parts.place, length },
        cause,
      })
    }
  }

  #message(index: number, what: string): string {
    const { collection, id, path } = this.#parts.place
    return `Chunk ${index} of the file at "${path}" of "${id}" in "${collection}" ${what}`
  }

  #details(index: number): Readonly<Record<string, unknown>> {
    const { place, manifest } = this.#parts
    return { ...place, chunk: index, chunkId: toHex(chunkAt(manifest, index)) }
  }

  #noLink(why: string): VarveError {
    const { id, path } = this.#parts.place
    return new VarveError('UNSUPPORTED', `There is no link to the file at "${path}" of "${id}": ${why}`, {
      details: { id, path },
    })
  }
}

/** A name of what links can carry. */
function fileNameOf(name: string): string {
  const plain = name
    .slice(0, 255)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '_')
  // Whoever wrote the description may have left nothing of it.
  return plain === '' ? 'file' : plain
}

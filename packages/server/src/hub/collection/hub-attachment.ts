/** A file of a document, read in parts through whichever process holds its placement at the time. */

import type { FileInfo, FileRange } from 'varve'
import { limits, VarveError } from 'varve/engine'

export interface HubAttachment {
  readonly info: FileInfo
  /** The bytes of a range in order, in parts. Throws `MISSING_CHUNK`, `TAMPERED`, `INVALID` for no range. */
  stream(range?: FileRange, options?: { readonly signal?: AbortSignal }): AsyncGenerator<Uint8Array>
  /** The same in one piece. Throws `TOO_LARGE` where memory has no room for it. */
  bytes(range?: FileRange, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** A link that reads the file until it expires. Throws `UNSUPPORTED` saying why there is none. */
  url(options: { readonly ttlSeconds: number }): Promise<string>
}

/** A version of a document that has the file. */
export interface FileAt {
  readonly info: FileInfo
  readonly ov: number
}

/** Asks the holder of the placement. */
export interface FileCalls {
  part(offset: number, length: number): Promise<Uint8Array>
  url(ttlSeconds: number): Promise<string>
}

/** Reads a file by calls for parts of it. */
export function attachmentOf(info: FileInfo, calls: FileCalls): HubAttachment {
  const attachment: HubAttachment = {
    info,
    async *stream(range = {}, options = {}) {
      const { from, to } = boundsOf(range, info.size)
      for (let at = from; at < to;) {
        options.signal?.throwIfAborted()
        const part = await calls.part(at, Math.min(limits.chunkBytes, to - at))
        if (part.length === 0)
          throw new VarveError('TAMPERED', `The file "${info.name}" ends at byte ${at}: attach it again`)
        yield part
        at += part.length
      }
    },
    async bytes(range = {}, options = {}) {
      const { from, to } = boundsOf(range, info.size)
      const all = roomFor(info.name, to - from)
      let at = 0
      for await (const part of attachment.stream(range, options)) {
        all.set(part, at)
        at += part.length
      }
      return all
    },
    url: ({ ttlSeconds }) => calls.url(ttlSeconds),
  }
  return attachment
}

function boundsOf({ offset = 0, length = Infinity }: FileRange, size: number): { from: number; to: number } {
  const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
  if (!isWhole(offset) || (length !== Infinity && !isWhole(length)))
    throw new VarveError('INVALID', 'A range of a file has an offset and a length in whole bytes', {
      details: { offset, length },
    })
  const from = Math.min(offset, size)
  return { from, to: Math.min(size, from + length) }
}

function roomFor(name: string, length: number): Uint8Array {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new VarveError('TOO_LARGE', `The file "${name}" has too many bytes for one piece: read it as a stream`, {
      details: { length },
      cause,
    })
  }
}

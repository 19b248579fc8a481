/** Files as documents and the log have them: the description that stands in a document, and the list of chunks behind it. */

import { primitives } from '../crypto/primitives.ts'
import { toHex, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

/**
 * What a document shows of an attachment. It is data like any other, and stands for the file of its `hash` wherever it is
 * written in the same database.
 */
// A type alias, because an interface has no implicit index signature and so is no JSON object.
export type FileInfo = {
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Bytes. */
  readonly size: number
  /** 64 hex digits: equal for equal files under one key. */
  readonly hash: string
}

/** The list of chunks of a file (`spec/attachments.md` §2). */
export interface Manifest {
  /** Bytes of every chunk but the last. */
  readonly chunkBytes: number
  /** Bytes of the file. */
  readonly size: number
  /** Id of the key version that seals the chunks; null when they are not sealed. */
  readonly key: Uint8Array | null
  /** Ids of the chunks, one after the other. */
  readonly chunks: Uint8Array
}

/** Bytes of the id of a chunk. */
export const chunkIdBytes = 32

const version = 1
const domain = utf8('varve/file/v1\0')

export function encodeManifest({ chunkBytes, size, key, chunks }: Manifest): Uint8Array {
  assertLimit(chunks.length / chunkIdBytes, limits.fileChunks, 'The number of chunks of a file')
  return encodeCbor([version, chunkBytes, size, key, chunks])
}

/** Throws `INVALID`, `TOO_LARGE` or `UNSUPPORTED_VERSION`. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const what = 'The list of chunks of a file'
  const fields = listOf(decodeCbor(bytes, what), what)
  if (fields[0] !== version) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `${what} has format ${String(fields[0])}, this Varve reads ${version}: update Varve`,
    )
  }
  const chunkBytes = wholeNumber(fields[1], 'the size of a chunk')
  const size = wholeNumber(fields[2], 'the size of the file')
  const key = fields[3] === null ? null : bytesOf(fields[3], 16, 'the key of the file')
  const chunks = bytesOf(fields[4], null, 'the ids of the chunks')
  assertLimit(chunkBytes, limits.chunkBytes, 'A chunk in bytes')
  assertLimit(chunks.length / chunkIdBytes, limits.fileChunks, 'The number of chunks of a file')
  if (fields.length !== 5 || chunkBytes < 1 || chunks.length !== Math.ceil(size / chunkBytes) * chunkIdBytes)
    throw new VarveError('INVALID', `${what} does not fit its size: its author made it wrongly`)
  return { chunkBytes, size, key, chunks }
}

/** What documents show of a file; throws as `decodeManifest`, and `INVALID` or `TOO_LARGE` for its name and type. */
export function fileOf(name: string, type: string, manifest: Uint8Array): FileInfo {
  const { size } = decodeManifest(manifest)
  checkFileWord(name, limits.fileNameBytes, 'name')
  checkFileWord(type, limits.nameBytes, 'type')
  return { name, type, size, hash: toHex(primitives.sha256(domain, manifest)) }
}

export function checkFileWord(text: unknown, limit: number, what: 'name' | 'type'): string {
  if (typeof text !== 'string' || text === '' || !text.isWellFormed())
    throw new VarveError('INVALID', `The ${what} of a file must be a text that is not empty`, {
      details: { path: what },
    })
  assertLimit(utf8(text).length, limit, `The ${what} of a file in bytes`)
  return text
}

/** The description of a file in a value of a document, whatever else it holds; null when it is none. */
export function fileInfoOf(value: unknown): FileInfo | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { name, type, size, hash }: Readonly<Record<string, unknown>> = { ...value }
  if (typeof name !== 'string' || typeof type !== 'string' || typeof size !== 'number') return null
  return typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash) ? { name, type, size, hash } : null
}

/** The id of chunk number `index`. */
export function chunkAt({ chunks }: Manifest, index: number): Uint8Array {
  return chunks.subarray(index * chunkIdBytes, (index + 1) * chunkIdBytes)
}

/** Ids of all chunks, in hex, in their order; one may stand there several times. */
export function chunkIds(manifest: Manifest): readonly string[] {
  return Array.from({ length: manifest.chunks.length / chunkIdBytes }, (_, i) => toHex(chunkAt(manifest, i)))
}

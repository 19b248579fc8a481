/** The keys, ranges and options that object storage accepts: checked once, here, whatever the adapter. */

import { utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { BlobRange, PresignOptions } from './blob-store.ts'

const piece = /^[a-z0-9._-]*[a-z0-9_-]$/

/** Throws `INVALID` or `TOO_LARGE` unless `key` can name an object. */
export function checkBlobKey(key: string): string {
  assertLimit(key.length, limits.blobKeyCharacters, 'The key of the object in characters')
  for (const each of key.split('/')) checkPiece(each, key)
  return key
}

/** Throws `INVALID` or `TOO_LARGE` unless keys can start with `prefix`; an empty one is the start of all. */
export function checkBlobPrefix(prefix: string): string {
  assertLimit(prefix.length, limits.blobKeyCharacters, 'The prefix in characters')
  const pieces = prefix.split('/')
  const last = pieces.pop() ?? ''
  for (const each of pieces) checkPiece(each, prefix)
  if (!/^[a-z0-9._-]*$/.test(last)) refuse(prefix)
  assertLimit(last.length, limits.blobPieceCharacters, 'A piece of the prefix in characters')
  return prefix
}

/** True for what `checkBlobKey` accepts: storages may hold objects that others put there. */
export function isBlobKey(key: string): boolean {
  return (
    key.length <= limits.blobKeyCharacters &&
    key.split('/').every((each) => each.length <= limits.blobPieceCharacters && piece.test(each))
  )
}

export function checkBlobRange(range: BlobRange): BlobRange {
  for (const [name, value] of [
    ['offset', range.offset],
    ['length', range.length],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new VarveError('INVALID', `The ${name} of a range is ${value}: give a whole number of bytes, 0 or more`, {
        details: { name, value },
      })
    }
  }
  if (!Number.isSafeInteger(range.offset + range.length)) {
    throw new VarveError('INVALID', 'The range ends beyond any object: give a smaller offset and length')
  }
  return range
}

export function checkListLimit(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > limits.blobListItems) {
    throw new VarveError('INVALID', `A list of ${limit} objects was asked for: ask for 1 to ${limits.blobListItems}`, {
      details: { limit },
    })
  }
  return limit
}

/** Throws `INVALID` unless `type` is a media type, with parameters or without. */
export function checkMediaType(type: string): string {
  if (
    type.length > 255 ||
    !/^[A-Za-z0-9][\w.+-]*\/[A-Za-z0-9][\w.+-]*(?: *; *[\w.+-]+=(?:[\w.+-]+|"[\w .+-]*"))*$/.test(type)
  ) {
    throw new VarveError('INVALID', 'The type of the object is no media type: use one like "image/png"', {
      details: { type: type.slice(0, 255) },
    })
  }
  return type
}

export function checkPresign(options: PresignOptions): PresignOptions {
  const { ttlSeconds, fileName, type } = options
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > limits.blobLinkSeconds) {
    throw new VarveError(
      'INVALID',
      `A link for ${ttlSeconds} seconds was asked for: give whole seconds, 1 to ${limits.blobLinkSeconds}`,
      { details: { ttlSeconds } },
    )
  }
  if (fileName !== undefined) {
    assertLimit(utf8(fileName).length, limits.fileNameBytes, 'The file name of a link in bytes')
    if (!/^\P{Cc}+$/u.test(fileName)) {
      throw new VarveError('INVALID', 'The file name of a link is empty or holds control characters: give another')
    }
  }
  if (type !== undefined) checkMediaType(type)
  return options
}

function checkPiece(each: string, key: string): void {
  assertLimit(each.length, limits.blobPieceCharacters, 'A piece of the key in characters')
  if (!piece.test(each)) refuse(key)
}

function refuse(key: string): never {
  throw new VarveError(
    'INVALID',
    'This cannot be the key of an object: use pieces of a-z, 0-9, "-", "_" and inner "." with single "/" between them',
    { details: { key } },
  )
}

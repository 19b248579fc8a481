/** The names a store provider accepts: they become file names, so they are checked once, here. */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

/**
 * The small files that Varve keeps beside the stores of a tenant: its lock, where its segments lie in object storage, and
 * the mark of one that is being wiped.
 */
export const lockFile = 'lock.age'
export const segmentsFile = 'segments.id'
export const wipeFile = 'wipe.mark'
export const smallFiles = [lockFile, segmentsFile, wipeFile] as const

/** Throws `INVALID` unless `name` can name a store: lower-case letters, digits and `-`. */
export function checkStoreName(name: string): string {
  if (!/^[a-z0-9-]+$/.test(name)) {
    throw new VarveError('INVALID', `"${name}" cannot name a store: use lower-case letters, digits and "-"`, {
      details: { name },
    })
  }
  assertLimit(name.length, limits.nameBytes, 'The store name in bytes')
  return name
}

/**
 * Throws `INVALID` unless `name` can name a small file: lower-case letters, digits, `-`, `_` and inner
 * dots. Names that a store's own files could have are refused.
 */
export function checkFileName(name: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name) || /\.(?:sqlite|tmp)/.test(name)) {
    throw new VarveError(
      'INVALID',
      `"${name}" cannot name a small file: use lower-case letters, digits, "-", "_" and ".", without ".sqlite" or ".tmp"`,
      { details: { name } },
    )
  }
  assertLimit(name.length, limits.nameBytes, 'The file name in bytes')
  return name
}

/** Throws `INVALID` unless `pageKey` is null or 64 hex digits; the key itself is never in the error. */
export function checkPageKey(pageKey: string | null): string | null {
  if (pageKey !== null && !/^[0-9a-f]{64}$/.test(pageKey)) {
    throw new VarveError('INVALID', 'The page key must be 64 lower-case hex digits or null')
  }
  return pageKey
}

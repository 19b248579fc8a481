/** What SQLite's error codes mean in Varve's words. */

import { isVarveError, VarveError, type ErrorCode } from 'varve/engine'

/** Where an error happened: the file's name without its folder, which may tell about the user. */
export interface Place {
  readonly file: string
  readonly encrypted: boolean
}

/** Throws `error` as a Varve error; never returns. */
export function fail(error: unknown, { file, encrypted }: Place): never {
  if (isVarveError(error)) throw error
  const sqlite = codeOf(error)
  const [code, message] = isMalformedJson(error) ? damaged(file) : meaning(sqlite, file, encrypted)
  // There may be room again.
  const again = sqlite.startsWith('SQLITE_FULL') ? { retryable: true } : {}
  throw new VarveError(code, message, { cause: error, details: { file, sqlite }, ...again })
}

/** Runs `work`, whose failures come out as Varve errors. */
export function guard<T>(place: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    return fail(error, place)
  }
}

function meaning(sqlite: string, file: string, encrypted: boolean): readonly [ErrorCode, string] {
  if (sqlite.startsWith('SQLITE_BUSY') || sqlite.startsWith('SQLITE_LOCKED')) {
    return ['LOCKED', `"${file}" is open elsewhere: close it there first`]
  }
  if (sqlite === 'SQLITE_NOTADB' && encrypted) {
    return ['WRONG_PASSPHRASE', `"${file}" cannot be read with this key: use the passphrase it was made with`]
  }
  if (sqlite === 'SQLITE_NOTADB') {
    return ['TAMPERED', `"${file}" is not a readable store: it is damaged, or encrypted and needs its passphrase`]
  }
  if (sqlite.startsWith('SQLITE_CORRUPT')) return damaged(file)
  if (sqlite.startsWith('SQLITE_FULL')) return ['STORE_FAILED', `The disk is full while writing "${file}": make room`]
  if (sqlite.startsWith('SQLITE_CONSTRAINT')) {
    return ['STORE_FAILED', `"${file}" already holds a row of the batch that is written once: nothing was written`]
  }
  return [
    'STORE_FAILED',
    `Reading or writing "${file}" failed (${sqlite}): check the disk and the folder's permissions`,
  ]
}

function damaged(file: string): readonly [ErrorCode, string] {
  return ['TAMPERED', `"${file}" is damaged: restore it from a copy, or from the server`]
}

/** SQLite has no code of its own for a head that is not JSON any more. */
function isMalformedJson(error: unknown): boolean {
  return error instanceof Error && error.message.includes('malformed JSON')
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown'
}

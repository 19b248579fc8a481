/** Opening and closing one store file: whose it is, whether the key fits, and who else has it open. */

import { closeSync, openSync, readSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { VarveError } from 'varve/engine'
import type { Connection } from './connection.ts'
import { fail, guard, type Place } from './errors.ts'
import { createFile, temporaryName, unlock } from './create.ts'
import { LibsqlConnection } from './libsql.ts'
import { checkMarks, checkName, headerBytes, marksIn, plainMarks } from './marks.ts'
import type { Opened } from './sqlite-store.ts'

export type Synchronous = 'NORMAL' | 'FULL'

export interface OpenOptions {
  readonly path: string
  readonly name: string
  readonly pageKey: string | null
  readonly synchronous: Synchronous
}

const pageBytes = 4096

/** Opens or creates the file at `path`; a refused attempt leaves it as it was. */
export function openFile({ path, name, pageKey, synchronous }: OpenOptions): Opened {
  const place = { file: basename(path), encrypted: pageKey !== null }
  guard(place, () => {
    if (sizeOf(path) === null) createFile(path, name, pageKey)
    else probe(path, pageKey, place)
  })
  const hadLog = sizeOf(`${path}-wal`) !== null
  let connection: Connection | null = null
  try {
    connection = new LibsqlConnection(path, pageKey)
    prepare(connection, name, place, synchronous)
    const opened = connection
    return {
      connection,
      place,
      diskBytes: () => (sizeOf(path) ?? 0) + (sizeOf(`${path}-wal`) ?? 0),
      release: () => {
        guard(place, () => {
          release(opened)
        })
      },
    }
  } catch (error) {
    if (connection !== null) abandon(connection)
    // SQLite makes an empty log beside a file that it then cannot read.
    if (!hadLog && sizeOf(`${path}-wal`) === 0) rmSync(`${path}-wal`, { force: true })
    return fail(error, place)
  }
}

/** Whether the file is a store that this key opens; the file is only read. */
function probe(path: string, pageKey: string | null, place: Place): void {
  const page = firstPage(path)
  if (page.length < headerBytes) {
    throw new VarveError('TAMPERED', `"${place.file}" is cut short: restore it from a copy, or from the server`, {
      details: { file: place.file },
    })
  }
  if (pageKey === null) checkMarks(plainMarks(page, place), place)
  else tryKey(page, path, pageKey, place)
}

/**
 * Tries the key on a copy of the first page. With a wrong key SQLite must never see the file itself:
 * closing it would check a leftover log into the file, enciphered with that key, and destroy the store.
 */
function tryKey(page: Uint8Array, path: string, pageKey: string, place: Place): void {
  const copy = temporaryName(path)
  writeFileSync(copy, page, { mode: 0o600, flag: 'wx' })
  try {
    // Immutable: neither locks nor a log. A writable schema accepts that the other pages are missing.
    const connection = new LibsqlConnection(`${pathToFileURL(copy).href}?immutable=1`, pageKey)
    try {
      connection.exec('PRAGMA writable_schema = 1')
      checkMarks(marksIn(connection), place)
    } finally {
      connection.close()
    }
  } finally {
    unlinkSync(copy)
  }
}

function firstPage(path: string): Uint8Array {
  const page = new Uint8Array(pageBytes)
  const file = openSync(path, 'r')
  try {
    return page.subarray(0, readSync(file, page, 0, pageBytes, 0))
  } finally {
    closeSync(file)
  }
}

function prepare(connection: Connection, name: string, place: Place, synchronous: Synchronous): void {
  connection.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = 0; PRAGMA temp_store = 2;
    PRAGMA cache_size = -16000; PRAGMA mmap_size = 0`)
  checkMarks(marksIn(connection), place)
  checkName(connection, name, place)
  // What entering WAL writes are some bytes of the header, and any mix of the old and the new ones is a store: waiting
  // for the disk would take longer than the rest of opening. An encrypted page changes as a whole, and does wait.
  if (!place.encrypted) connection.exec('PRAGMA synchronous = OFF')
  // Entering it under the exclusive mode takes the lock that keeps other openers out.
  connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA wal_autocheckpoint = 4000;
    BEGIN EXCLUSIVE; COMMIT`)
}

/**
 * The driver keeps a closed file open until its statements are garbage: leaving WAL and the exclusive
 * mode first checks everything into the file and gives the lock back now.
 */
function release(connection: Connection): void {
  try {
    connection.pragma('journal_mode = DELETE')
  } finally {
    unlock(connection)
  }
}

function abandon(connection: Connection): void {
  try {
    unlock(connection)
  } catch {
    // The reason why opening failed is the error to report.
  }
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null
}

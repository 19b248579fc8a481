/** Making a new store file: complete under a temporary name first, so that a crash leaves none or a whole one. */

import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { VarveError } from 'varve/engine'
import type { Connection } from './connection.ts'
import { LibsqlConnection } from './libsql.ts'
import { applicationId, layout, layoutVersion } from './schema.ts'

export function temporaryName(path: string): string {
  return `${path}.tmp-${randomBytes(6).toString('hex')}`
}

/** Creates the store at `path`, unless another process was faster. */
export function createFile(path: string, name: string, pageKey: string | null): void {
  refuseLeftovers(path)
  const temporary = temporaryName(path)
  try {
    // Made here rather than by SQLite, which would let others read it.
    closeSync(openSync(temporary, 'wx', 0o600))
    fill(temporary, name, pageKey)
    syncPath(temporary)
    putInPlace(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
  syncPath(dirname(path))
}

/** SQLite would apply a log left by a store that is gone to the new one. */
function refuseLeftovers(path: string): void {
  for (const leftover of [`${path}-wal`, `${path}-journal`]) {
    if (!existsSync(leftover)) continue
    const file = basename(path)
    throw new VarveError('TAMPERED', `"${file}" is missing but its log is there: restore it, or remove the log`, {
      details: { file, log: basename(leftover) },
    })
  }
}

function fill(path: string, name: string, pageKey: string | null): void {
  const connection = new LibsqlConnection(path, pageKey)
  try {
    connection.exec(`BEGIN EXCLUSIVE; ${layout}; PRAGMA application_id = ${applicationId};
      PRAGMA user_version = ${layoutVersion}; INSERT INTO store VALUES ('${name}'); COMMIT`)
  } finally {
    unlock(connection)
  }
}

/** Gives a connection's lock back and closes it: the driver would keep both until its statements are garbage. */
export function unlock(connection: Connection): void {
  try {
    connection.pragma('locking_mode = NORMAL')
    connection.pragma('user_version')
  } finally {
    connection.close()
  }
}

/** A link never replaces a store that another process has made meanwhile; a rename is for disks without links. */
function putInPlace(temporary: string, path: string): void {
  try {
    linkSync(temporary, path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EEXIST') renameSync(temporary, path)
  }
}

function syncPath(path: string): void {
  // Windows cannot open folders; its file systems journal names themselves.
  if (process.platform === 'win32') return
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Opening one store of the browser: made whole or not at all, and never shown a key that is not its own. */

import { equalBytes, primitives, utf8, VarveError } from 'varve/engine'
import type { Connection } from '../sqlite/connection.ts'
import { fail, guard, type Place } from '../sqlite/errors.ts'
import { checkMarks, checkName, marksIn } from '../sqlite/marks.ts'
import { applicationId, layout, layoutVersion } from '../sqlite/schema.ts'
import type { Opened } from '../sqlite/sqlite-store.ts'
import { readFile, writeFile } from './folder.ts'
import { WasmConnection } from './wasm-connection.ts'
import type { Sqlite3 } from './wasm.ts'

export interface OpenOptions {
  readonly sqlite3: Sqlite3
  /** The name under which SQLite knows the folder's files. */
  readonly vfs: string
  /** Of the small files. */
  readonly folder: FileSystemDirectoryHandle
  readonly name: string
  readonly pageKey: string | null
}

/** Throws `WRONG_PASSPHRASE`, `TAMPERED`, `INVALID`, `UNSUPPORTED_VERSION`, `STORE_FAILED`. */
export async function openStore(
  options: OpenOptions,
): Promise<Omit<Opened, 'release'> & { readonly close: () => void }> {
  const { sqlite3, name, pageKey } = options
  const place: Place = { file: `${name}.sqlite`, encrypted: pageKey !== null }
  await checkKey(options, place)
  const connection = guard(place, () => new WasmConnection(sqlite3, openDatabase(options)))
  try {
    guard(place, () => {
      prepare(connection, name, place)
    })
  } catch (error) {
    connection.close()
    return fail(error, place)
  }
  return {
    connection,
    place,
    diskBytes: () => Number(connection.pragma('page_count')) * Number(connection.pragma('page_size')),
    close: () => {
      guard(place, () => {
        // Without a log beside it nothing is left to be read with another key.
        connection.pragma('wal_checkpoint(TRUNCATE)')
        connection.close()
      })
    },
  }
}

/** The page key is random: SQLite need not make a passphrase harder to guess, which would take a tenth of a second. */
function openDatabase({ sqlite3, vfs, name, pageKey }: OpenOptions): InstanceType<Sqlite3['oo1']['DB']> {
  if (pageKey === null) return new sqlite3.oo1.DB({ filename: `/${name}.sqlite`, vfs, flags: 'c' })
  const filename = `file:/${name}.sqlite?vfs=multipleciphers-${vfs}&cipher=chacha20&kdf_iter=1`
  // The types do not know of keys.
  const key = { hexkey: pageKey }
  return new sqlite3.oo1.DB({ filename, flags: 'c', ...key })
}

/**
 * What the key is, as a hash beside the store. With a wrong key SQLite must never see the files: it would check a log that a
 * crash left into the store, enciphered with that key, and destroy it.
 */
async function checkKey({ folder, name, pageKey }: OpenOptions, { file }: Place): Promise<void> {
  const at = `${name}.key`
  const mine = primitives.sha256(utf8(`varve/browser-page-key/v1\0${name}\0${pageKey ?? ''}`)).slice()
  const stored = await readFile(folder, at)
  if (stored === null) await writeFile(folder, at, mine)
  else if (!equalBytes(stored, mine))
    throw new VarveError(
      'WRONG_PASSPHRASE',
      `"${file}" cannot be read with this key: use the passphrase it was made with`,
      {
        details: { file },
      },
    )
}

function prepare(connection: Connection, name: string, place: Place): void {
  connection.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = 0; PRAGMA temp_store = 2;
    PRAGMA cache_size = -16000`)
  if (isNew(connection)) {
    connection.exec(`BEGIN EXCLUSIVE; ${layout}; PRAGMA application_id = ${applicationId};
      PRAGMA user_version = ${layoutVersion}; INSERT INTO store VALUES ('${name}'); COMMIT`)
  }
  checkMarks(marksIn(connection), place)
  checkName(connection, name, place)
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 1000')
}

/** A crash before the first commit leaves an empty file. */
function isNew(connection: Connection): boolean {
  return connection.query('SELECT count(*) FROM sqlite_schema').first([])?.[0] === 0
}

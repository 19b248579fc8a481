/** The marks by which a file says that it is a store of this layout, as SQLite reads them or from its header's bytes. */

import { equalBytes, VarveError } from 'varve/engine'
import { bytesColumns, textAt } from './cells.ts'
import type { Connection } from './connection.ts'
import type { Place } from './errors.ts'
import { applicationId, layoutVersion } from './schema.ts'

/** SQLite's file header, which holds the marks; of a shorter file SQLite would make a new database. */
export const headerBytes = 100

/** How every file begins that SQLite made here without a key: its name and pages of 4096 bytes. */
const beginning = new TextEncoder().encode('SQLite format 3\0\u0010\0')
/** Fractions of pages, which SQLite wants to be these. */
const fractions = Uint8Array.of(64, 32, 32)
const at = { formats: 18, fractions: 21, version: 60, application: 68 } as const

interface Marks {
  readonly application: unknown
  readonly version: unknown
}

export function marksIn(connection: Connection): Marks {
  return { application: connection.pragma('application_id'), version: connection.pragma('user_version') }
}

/** The marks of a file without a key, from its first bytes: SQLite would take a connection for it. Throws `TAMPERED`. */
export function plainMarks(page: Uint8Array, { file }: Place): Marks {
  const header = new DataView(page.buffer, page.byteOffset, headerBytes)
  const readable =
    equalBytes(page.subarray(0, beginning.length), beginning) &&
    equalBytes(page.subarray(at.fractions, at.fractions + fractions.length), fractions) &&
    header.getUint8(at.formats) <= 2 &&
    header.getUint8(at.formats + 1) <= 2
  if (!readable) {
    throw new VarveError(
      'TAMPERED',
      `"${file}" is not a readable store: it is damaged, or encrypted and needs its passphrase`,
      { details: { file } },
    )
  }
  return { application: header.getInt32(at.application), version: header.getInt32(at.version) }
}

/** Throws `INVALID` and `UNSUPPORTED_VERSION`. */
export function checkMarks({ application, version }: Marks, { file }: Place): void {
  if (application !== applicationId) {
    throw new VarveError('INVALID', `"${file}" is a database of another program: choose another folder`, {
      details: { file, application },
    })
  }
  if (version !== layoutVersion) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `"${file}" has layout ${String(version)}, this release reads ${layoutVersion}: use a newer release`,
      { details: { file, version, supported: layoutVersion } },
    )
  }
}

/** Throws `TAMPERED` for the file of another store. */
export function checkName(connection: Connection, name: string, { file }: Place): void {
  const row = connection.query(`SELECT ${bytesColumns('name')} FROM store`).first([])
  const found = row === undefined ? null : textAt(row, 0)
  if (found === name) return
  throw new VarveError('TAMPERED', `"${file}" holds the store "${String(found)}": the files were exchanged`, {
    details: { file, expected: name, found },
  })
}

/** Small files as rows, each replaced as a whole. */

import { VarveError } from 'varve/engine'
import { bytesAt } from './cells.ts'
import { isMissing, migrate, type Home } from './migrate.ts'
import { quoted } from './schema.ts'
import { bytesValue } from './values.ts'

/** The file's bytes; null when absent, also without a schema, which reading does not make. */
export async function readSmall({ pool, schema, where }: Home, name: string): Promise<Uint8Array | null> {
  const text = `SELECT bytes FROM ${quoted(schema)}.files WHERE name = $1`
  try {
    const [rows = []] = await pool.ask([{ text, values: [name], once: true }], where)
    const [row] = rows
    return row === undefined ? null : bytesAt(row, 0)
  } catch (error) {
    if (error instanceof VarveError && isMissing(error.details?.['postgres'])) return null
    throw error
  }
}

/** Durable when answered. */
export async function writeSmall(home: Home, name: string, bytes: Uint8Array): Promise<void> {
  const copy = bytesValue(new Uint8Array(bytes))
  await migrate(home)
  const text = `INSERT INTO ${quoted(home.schema)}.files (name, bytes) VALUES ($1, $2::bytea)
    ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes`
  await home.pool.ask([{ text, values: [name, copy], once: true }], home.where)
}

/** Removing a tenant from its schema: its stores, then its small files, in one transaction; what is not Varve's stays. */

import { smallFiles, VarveError } from 'varve/engine'
import { codeOf, explained } from './errors.ts'
import { refusal } from './lease.ts'
import { foundVersion, isMissing, plain, schemaLock, type Home } from './migrate.ts'
import { PipelineFailure, type Row, type Statement } from './pipeline.ts'
import { literal, quoted, tables } from './schema.ts'

/** Throws `LOCKED` while a store of the schema is open. */
export async function removeAll(home: Home): Promise<void> {
  if ((await foundVersion(home)) === 0) return
  const { pool, schema, where } = home
  try {
    await pool.patiently(() => pool.run(removal(schema)), where)
  } catch (error) {
    const code = error instanceof VarveError ? error.details?.['postgres'] : undefined
    if (code !== openStores) throw error
    throw await whoHolds(home)
  }
  await removeSchema(home)
}

/** Raised by us, inside the transaction that would remove everything. */
const openStores = 'VA004'

function removal(schema: string): readonly Statement[] {
  const s = quoted(schema)
  const list = smallFiles.map((name) => `'${name}'`).join(', ')
  return [
    schemaLock(schema),
    // Who opens a store meanwhile waits, and finds nothing.
    plain(
      `DO ${literal(`BEGIN
      LOCK TABLE ${s}.stores IN ACCESS EXCLUSIVE MODE;
      IF EXISTS (SELECT FROM ${s}.stores WHERE holder IS NOT NULL AND until >= clock_timestamp()) THEN
        RAISE 'a store is open' USING ERRCODE = '${openStores}';
      END IF;
    END`)}`,
    ),
    plain(`DROP VIEW ${s}.heads`),
    plain(`DROP FUNCTION ${s}.fence, ${s}.expectation`),
    plain(`DROP TABLE ${tables.map((table) => `${s}.${table}`).join(', ')}, ${s}.layout`),
    plain(`DELETE FROM ${s}.files WHERE name IN (${list})`),
  ]
}

async function whoHolds({ pool, schema, where }: Home): Promise<VarveError> {
  const text = `SELECT name, address, ceil(extract(epoch FROM until) * 1000) FROM ${quoted(schema)}.stores
    WHERE holder IS NOT NULL AND until >= clock_timestamp() ORDER BY name LIMIT 1`
  const [rows = []] = await pool.ask([{ text, values: [], once: true }], where)
  const [name, address = null, until] = rows[0] ?? []
  return refusal(name ?? 'a store', { address, until: Number(until ?? 0) })
}

/** Only when nothing is left in it: small files of others, and tables that are not ours, stay. */
async function removeSchema({ pool, schema, where }: Home): Promise<void> {
  const s = quoted(schema)
  // Another process may be making it anew.
  const emptied = `DO ${literal(`BEGIN
    IF to_regclass(${literal(`${s}.layout`)}) IS NULL THEN
      LOCK TABLE ${s}.files IN ACCESS EXCLUSIVE MODE;
      IF NOT EXISTS (SELECT FROM ${s}.files) THEN DROP TABLE ${s}.files; END IF;
    END IF;
  END`)}`
  await quietly(pool.run([schemaLock(schema), plain(emptied)]), where)
  await quietly(pool.run([schemaLock(schema), plain(`DROP SCHEMA ${s}`)]), where)
}

/** An empty schema may be used by others, or belong to them: that it stays is no failure. */
async function quietly(work: Promise<readonly (readonly Row[])[]>, where: string): Promise<void> {
  try {
    await work
  } catch (failure) {
    const stays = ['2BP01', '42501']
    const fine = failure instanceof PipelineFailure && (stays.includes(codeOf(failure)) || isMissing(codeOf(failure)))
    if (!fine) throw explained(failure, where)
  }
}

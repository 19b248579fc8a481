/** Bringing a schema to this release's layout, whatever an earlier attempt left. */

import { VarveError } from 'varve/engine'
import { codeOf } from './errors.ts'
import type { Statement } from './pipeline.ts'
import type { PostgresPool } from './pool.ts'
import { layoutVersion, migrations, quoted } from './schema.ts'

/** Where the stores of one provider are. */
export interface Home {
  readonly pool: PostgresPool
  readonly schema: string
  /** For messages: the server and the schema. */
  readonly where: string
}

export function plain(text: string): Statement {
  return { text, values: [], once: true }
}

/** One at a time: whoever makes or removes the tables of a schema. */
export function schemaLock(schema: string): Statement {
  return { text: `SELECT pg_advisory_xact_lock(hashtextextended($1, 7))`, values: [`varve/${schema}`], once: true }
}

/** The version of the layout; 0 where there is none. */
export async function foundVersion({ pool, schema, where }: Home): Promise<number> {
  try {
    const [rows = []] = await pool.ask([plain(`SELECT version FROM ${quoted(schema)}.layout`)], where)
    return Number(rows[0]?.[0] ?? 0)
  } catch (error) {
    if (error instanceof VarveError && isMissing(error.details?.['postgres'])) return 0
    throw error
  }
}

/** Codes that say that a schema, table or function is not there. */
export function isMissing(code: unknown): boolean {
  return code === '3F000' || code === '42P01' || code === '42883'
}

/**
 * Makes the schema and its tables, or brings them to this version. Each version is one transaction, so that a crash
 * leaves the version before. Throws `UNSUPPORTED_VERSION` for a newer layout.
 */
export async function migrate(home: Home): Promise<void> {
  let version = await foundVersion(home)
  while (version !== layoutVersion) {
    if (version > layoutVersion) {
      throw new VarveError(
        'UNSUPPORTED_VERSION',
        `${home.where} has layout ${version}, this release reads ${layoutVersion}: use a newer release`,
        { details: { schema: home.schema, version, supported: layoutVersion } },
      )
    }
    const met = await step(home, version)
    const now = await foundVersion(home)
    if (met && now === version) throw foreign(home)
    version = now
  }
}

/** One version further. True when tables of the same names were met, made by a faster process or by another program. */
function step({ pool, schema, where }: Home, version: number): Promise<boolean> {
  return pool.patiently(async () => {
    try {
      await pool.run([...(await madeSchema(pool, schema)), ...stepStatements(schema, version)])
      return false
    } catch (failure) {
      if (!isThere.includes(codeOf(failure))) throw failure
      return true
    }
  }, where)
}

/** What somebody gets who makes what is there: a row, a table, a schema, a function, a type. */
const isThere = ['23505', '42P07', '42P06', '42723', '42710']

function foreign({ schema, where }: Home): VarveError {
  return new VarveError('INVALID', `${where} holds tables of another program: choose another schema`, {
    details: { schema },
  })
}

/** The statements that lead from a version to the next, in one transaction. */
export function stepStatements(schema: string, version: number): readonly Statement[] {
  const s = quoted(schema)
  const made = migrations[version]?.(s) ?? []
  return [
    schemaLock(schema),
    plain(`CREATE TABLE IF NOT EXISTS ${s}.layout (version integer PRIMARY KEY)`),
    // Two who migrate at once: the second one finds no row to change, and its insert repeats one.
    plain(`DELETE FROM ${s}.layout WHERE version = ${version}`),
    plain(`INSERT INTO ${s}.layout VALUES (${version + 1})`),
    ...made.map(plain),
  ]
}

/** Creating a schema that is there asks for a right that its owner may not have. */
async function madeSchema(pool: PostgresPool, schema: string): Promise<readonly Statement[]> {
  const text = 'SELECT 1 FROM pg_namespace WHERE nspname = $1'
  const [rows = []] = await pool.run([{ text, values: [schema], once: true }])
  return rows.length === 0 ? [schemaLock(schema), plain(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`)] : []
}

/** The floor's store: the engine's own tables and pragmas through the same driver, and nothing around them. */

import Database from 'libsql'
import { asText, isList } from '../json.ts'

export type Value = string | number | Uint8Array | null

/** The same shape as the engine's: many rows a statement, largest statements first. */
const groups = [32, 4, 1] as const

const tables = {
  named_values: { columns: ['name', 'value'], replace: true },
  feeds: { columns: ['no', 'id', 'public_key', 'length', 'head', 'listed', 'recorded'], replace: true },
  commits: {
    columns: ['no', 'feed', 'seq', 'stamp', 'id', 'signature', 'record', 'at', 'refused'],
    replace: false,
  },
  payloads: { columns: ['no', 'size', 'header', 'bodies'], replace: false },
  receipts: { columns: ['record', 'commit_no', 'at', 'bytes', 'signature'], replace: false },
  documents: { columns: ['no', 'tag', 'state', 'changed'], replace: false },
  entries: { columns: ['document', 'place', 'idx', 'commit_no', 'ov', 'cv'], replace: true },
} as const
export type Table = keyof typeof tables

const upsert = 'ON CONFLICT (no) DO UPDATE SET tag = excluded.tag, state = excluded.state, changed = excluded.changed'

/** The statements that made the tables of an existing store. */
export function layoutOf(path: string, pageKey: string | null = null): readonly string[] {
  const database = open(path, pageKey)
  const rows: readonly unknown[] = database.prepare('SELECT sql FROM sqlite_master WHERE sql IS NOT NULL').raw().all([])
  database.close()
  return rows.map((row) => asText(isList(row) ? row[0] : null))
}

function open(path: string, pageKey: string | null): Database.Database {
  // The option that encrypts pages is missing in the driver's types.
  const options = { timeout: 0, ...(pageKey === null ? {} : { encryptionKey: pageKey }) }
  return new Database(path, options)
}

export class FloorStore {
  readonly #database: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  constructor(path: string, layout: readonly string[], pageKey: string | null = null) {
    this.#database = open(path, pageKey)
    this.#database.prepare('PRAGMA locking_mode = EXCLUSIVE').raw().get([])
    this.#database.exec('PRAGMA trusted_schema = 0; PRAGMA temp_store = 2; PRAGMA cache_size = -16000')
    this.#database.prepare('PRAGMA mmap_size = 0').raw().get([])
    this.#database.prepare('PRAGMA journal_mode = WAL').raw().get([])
    this.#database.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; ${layout.join(';')}`)
  }

  /** `work` in one transaction. */
  transaction<R>(work: () => R): R {
    this.#statement('BEGIN IMMEDIATE').run([])
    const result = work()
    this.#statement('COMMIT').run([])
    return result
  }

  /** Rows as one flat list of values, in the order of the table's columns. */
  insert(table: Table, values: readonly Value[]): void {
    const { columns, replace } = tables[table]
    const rows = values.length / columns.length
    let start = 0
    while (start < rows) {
      const size = groups.find((each) => each <= rows - start) ?? 1
      const part = rows === size ? values : values.slice(start * columns.length, (start + size) * columns.length)
      this.#statement(insertSql(table, columns, size, replace)).run(part)
      start += size
    }
  }

  run(sql: string, values: readonly Value[]): void {
    this.#statement(sql).run(values)
  }

  all(sql: string, values: readonly Value[]): readonly unknown[] {
    return this.#statement(sql, true).all(values)
  }

  #statement(sql: string, raw = false): Database.Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const prepared = this.#database.prepare(sql)
    const made = raw ? prepared.raw() : prepared
    this.#statements.set(sql, made)
    return made
  }

  /** The driver keeps a closed file open until its statements are garbage: its lock is given back first. */
  close(): void {
    for (const pragma of ['journal_mode = DELETE', 'locking_mode = NORMAL', 'user_version'])
      this.#database.prepare(`PRAGMA ${pragma}`).raw().get([])
    this.#database.close()
  }
}

const inserts = new Map<string, string>()

function insertSql(table: Table, columns: readonly string[], rows: number, replace: boolean): string {
  const name = `${table}/${rows}`
  const known = inserts.get(name)
  if (known !== undefined) return known
  const row = `(${columns.map(() => '?').join(', ')})`
  const verb = replace ? 'INSERT OR REPLACE INTO' : 'INSERT INTO'
  const tail = table === 'documents' ? upsert : ''
  const all = Array.from({ length: rows }, () => row).join(', ')
  const sql = `${verb} ${table} (${columns.join(', ')}) VALUES ${all} ${tail}`
  inserts.set(name, sql)
  return sql
}

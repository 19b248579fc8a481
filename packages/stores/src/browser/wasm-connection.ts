/** A connection of SQLite in WebAssembly, with the calls and errors of the one in Node. */

import { Queries, type Command, type Connection, type Query, type Row, type Value } from '../sqlite/connection.ts'
import type { Sqlite3 } from './wasm.ts'

type Database = InstanceType<Sqlite3['oo1']['DB']>
type PreparedStatement = ReturnType<Database['prepare']>

/** Carries SQLite's code as `errors.ts` reads it. */
class SqliteFailure extends Error {
  readonly code: string

  constructor(code: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.code = code
  }
}

export class WasmConnection implements Connection {
  readonly #sqlite3: Sqlite3
  readonly #database: Database
  readonly #statements = new Map<Query | Command, PreparedStatement>()
  readonly #queries: Queries

  /** Owns `database` from now on. */
  constructor(sqlite3: Sqlite3, database: Database) {
    this.#sqlite3 = sqlite3
    this.#database = database
    this.#queries = new Queries(
      (sql) => this.#prepare(sql),
      (query) => {
        this.#statements.get(query)?.finalize()
        this.#statements.delete(query)
      },
    )
  }

  exec(sql: string): void {
    this.#told(() => this.#database.exec(sql))
  }

  command(sql: string): Command {
    const statement = this.#told(() => this.#database.prepare(sql))
    const command: Command = {
      run: (values) => {
        this.#told(() => {
          try {
            bind(this.#sqlite3, statement, values)
            while (statement.step());
          } finally {
            statement.reset()
          }
        })
      },
    }
    this.#statements.set(command, statement)
    return command
  }

  query(sql: string): Query {
    return this.#queries.query(sql)
  }

  shape(sql: string): Query {
    return this.#queries.shape(sql)
  }

  pragma(sql: string): unknown {
    return this.query(`PRAGMA ${sql}`).first([])?.[0]
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize()
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(sql: string): Query {
    const statement = this.#told(() => this.#database.prepare(sql))
    const rows = (values: readonly Value[], most: number): readonly Row[] =>
      this.#told(() => {
        const found: Row[] = []
        try {
          bind(this.#sqlite3, statement, values)
          while (found.length < most && statement.step()) found.push(statement.get([]))
        } finally {
          statement.reset()
        }
        return found
      })
    const query: Query = { all: (values) => rows(values, Infinity), first: (values) => rows(values, 1)[0] }
    this.#statements.set(query, statement)
    return query
  }

  #told<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      const code = error instanceof Error && 'resultCode' in error ? Number(error.resultCode) : null
      if (code === null) throw error
      throw new SqliteFailure(this.#sqlite3.capi.sqlite3_js_rc_str(code & 0xff) ?? 'SQLITE_ERROR', error)
    }
  }
}

/** Whole numbers that are no safe ones are bound as what they are: the library would wrap them to 64 bits. */
function bind({ capi }: Sqlite3, statement: PreparedStatement, values: readonly Value[]): void {
  if (values.length === 0) return
  const isWide = (value: Value): value is number => Number.isInteger(value) && !Number.isSafeInteger(value)
  statement.bind(values.map((value) => (isWide(value) ? null : value)))
  for (const [i, value] of values.entries()) {
    if (isWide(value) && statement.pointer !== undefined) capi.sqlite3_bind_double(statement.pointer, i + 1, value)
  }
}

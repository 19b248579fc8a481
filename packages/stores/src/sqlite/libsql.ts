/** A thin typed layer over the libsql driver that keeps its calls inside what the driver does reliably. */

import Database from 'libsql'
import { Queries, type Command, type Connection, type Query, type Row } from './connection.ts'

/**
 * The driver ends the process on booleans, and keeps a statement's old values when given fewer than it takes: every call
 * hands over one array of all of them.
 */
export class LibsqlConnection implements Connection {
  readonly #database: Database.Database
  readonly #queries: Queries

  /** `location` is a path or a `file:` URI; a second opener is refused at once instead of waiting. */
  constructor(location: string, pageKey: string | null) {
    const plain = { timeout: 0 }
    const options = pageKey === null ? plain : { ...plain, encryptionKey: pageKey }
    this.#database = new Database(location, options)
    this.#queries = new Queries((sql) => this.#prepare(sql))
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  command(sql: string): Command {
    const statement = this.#database.prepare(sql)
    return { run: (values) => void statement.run(values) }
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
    this.#database.close()
  }

  #prepare(sql: string): Query {
    const statement = this.#database.prepare(sql).raw()
    return {
      all: (values) => rowsOf(statement.all(values)),
      first: (values) => {
        const row = statement.get(values)
        return Array.isArray(row) ? row : undefined
      },
    }
  }
}

function rowsOf(rows: readonly unknown[]): readonly Row[] {
  return rows.filter((row) => Array.isArray(row))
}

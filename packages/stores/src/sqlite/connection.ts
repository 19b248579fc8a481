/** A thin typed layer over the libsql driver that keeps its calls inside what the driver does reliably. */

import Database from 'libsql'

/**
 * What may be bound. The driver ends the process on booleans, and keeps a statement's old values when
 * given fewer than it takes: every call hands over one array of all of them.
 */
export type Value = string | number | Uint8Array | null

/** Column values of one row, to be read with the functions of `cells.ts`. */
export type Row = readonly unknown[]

/** A prepared statement that is kept for the life of its connection. */
export interface Query {
  all(values: readonly Value[]): readonly Row[]
  first(values: readonly Value[]): Row | undefined
}

export interface Command {
  run(values: readonly Value[]): void
}

/** Statements of filters that are kept, the last used ones. */
const shapes = 64

export class Connection {
  readonly #database: Database.Database
  readonly #queries = new Map<string, Query>()
  readonly #shapes = new Map<string, Query>()

  /** `location` is a path or a `file:` URI; a second opener is refused at once instead of waiting. */
  constructor(location: string, pageKey: string | null) {
    const plain = { timeout: 0 }
    const options = pageKey === null ? plain : { ...plain, encryptionKey: pageKey }
    this.#database = new Database(location, options)
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  command(sql: string): Command {
    const statement = this.#database.prepare(sql)
    return { run: (values) => void statement.run(values) }
  }

  /** The query with this text, prepared once. */
  query(sql: string): Query {
    const known = this.#queries.get(sql)
    if (known !== undefined) return known
    const query = this.#prepare(sql)
    this.#queries.set(sql, query)
    return query
  }

  /** Like `query`, for texts of which there is no end: the ones used last are kept. */
  shape(sql: string): Query {
    const query = this.#shapes.get(sql) ?? this.#prepare(sql)
    this.#shapes.delete(sql)
    this.#shapes.set(sql, query)
    const [oldest] = this.#shapes.keys()
    if (this.#shapes.size > shapes && oldest !== undefined) this.#shapes.delete(oldest)
    return query
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

  /** The one value a pragma answers. */
  pragma(sql: string): unknown {
    return this.query(`PRAGMA ${sql}`).first([])?.[0]
  }

  close(): void {
    this.#database.close()
  }
}

function rowsOf(rows: readonly unknown[]): readonly Row[] {
  return rows.filter((row) => Array.isArray(row))
}

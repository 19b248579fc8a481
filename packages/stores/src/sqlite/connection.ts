/** What the SQLite store asks of a driver: prepared statements over one open database, called synchronously. */

/** What may be bound. A driver may end the process on anything else, and takes all values of a statement at once. */
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

export interface Connection {
  exec(sql: string): void
  command(sql: string): Command
  /** The query with this text, prepared once. */
  query(sql: string): Query
  /** Like `query`, for texts of which there is no end: the ones used last are kept. */
  shape(sql: string): Query
  /** The one value a pragma answers. */
  pragma(sql: string): unknown
  close(): void
}

/** Statements of filters that are kept, the last used ones. */
const most = 64

/** The queries of a connection, prepared when first asked for. */
export class Queries {
  readonly #prepare: (sql: string) => Query
  /** Gives a statement back that is kept no longer. */
  readonly #drop: (query: Query) => void
  readonly #queries = new Map<string, Query>()
  readonly #shapes = new Map<string, Query>()

  constructor(prepare: (sql: string) => Query, drop: (query: Query) => void = () => undefined) {
    this.#prepare = prepare
    this.#drop = drop
  }

  query(sql: string): Query {
    const known = this.#queries.get(sql)
    if (known !== undefined) return known
    const query = this.#prepare(sql)
    this.#queries.set(sql, query)
    return query
  }

  shape(sql: string): Query {
    const query = this.#shapes.get(sql) ?? this.#prepare(sql)
    this.#shapes.delete(sql)
    this.#shapes.set(sql, query)
    const [oldest] = this.#shapes
    if (this.#shapes.size > most && oldest !== undefined) {
      this.#shapes.delete(oldest[0])
      this.#drop(oldest[1])
    }
    return query
  }
}

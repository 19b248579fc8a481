/** The SQL somebody would write instead of a query, over the rows of the same store file, with every row parsed. */

import Sqlite from 'libsql'
import { asText, isRecord } from '../json.ts'

/** Documents that a query gives. */
export const first = 50

export interface Bounds {
  readonly index: number
  readonly from: Uint8Array
  readonly to: Uint8Array
}

const live = `json_extract(state, '$[0]') = 1`
const wanted = `json_extract(state, '$[15].section') = ? AND json_extract(state, '$[15].installedSize') > ?`

export class ByHand {
  readonly #database: Sqlite.Database
  readonly #statements = new Map<string, Sqlite.Statement>()

  constructor(path: string) {
    this.#database = new Sqlite(path)
    this.#database.exec('PRAGMA cache_size = -16000')
  }

  /** The rows of an index, in its order. */
  indexed({ index, from, to }: Bounds): number {
    const sql = `SELECT d.state FROM index_rows i JOIN documents d ON d.no = i.document
      WHERE i.idx = ? AND i.key >= ? AND i.key < ? ORDER BY i.key, i.id LIMIT ${first}`
    return this.#parsed(sql, [index, from, to])
  }

  scan(section: string, size: number): number {
    const sql = `SELECT state FROM documents WHERE ${live} AND ${wanted}
      ORDER BY json_extract(state, '$[15].installedSize') LIMIT ${first}`
    return this.#parsed(sql, [section, size])
  }

  /** Everything, the largest first. */
  sorted(attribute: 'installedSize' | 'size'): number {
    const sql = `SELECT state FROM documents WHERE ${live}
      ORDER BY json_extract(state, '$[15].${attribute}') DESC LIMIT ${first}`
    return this.#parsed(sql, [])
  }

  count(section: string, size: number): number {
    const row: unknown = this.#statement(`SELECT count(*) AS n FROM documents WHERE ${live} AND ${wanted}`).get([
      section,
      size,
    ])
    return isRecord(row) ? Number(row['n']) : 0
  }

  close(): void {
    this.#database.close()
  }

  #statement(sql: string): Sqlite.Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #parsed(sql: string, values: readonly unknown[]): number {
    const rows: readonly unknown[] = this.#statement(sql).all(values)
    return rows.map((row): unknown => JSON.parse(asText(isRecord(row) ? row['state'] : null))).length
  }
}

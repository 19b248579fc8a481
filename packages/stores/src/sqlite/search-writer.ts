/** How the search part of a batch becomes rows of FTS5 tables, which are made with their first row. */

import type { Batch, SearchRow } from 'varve/engine'
import type { Connection, Value } from './connection.ts'
import { Insert } from './insert.ts'
import { columns, createSearch, hasSearch, searchTable } from './search.ts'

export class SearchWriter {
  readonly #connection: Connection
  readonly #run: (sql: string, values: readonly Value[]) => void
  readonly #inserts = new Map<string, Insert<SearchRow>>()

  /** `run` keeps the statements it prepares. */
  constructor(connection: Connection, run: (sql: string, values: readonly Value[]) => void) {
    this.#connection = connection
    this.#run = run
  }

  apply({ searchesCleared = [], searchRowsRemoved = [], searchRows = [] }: Batch): void {
    for (const search of searchesCleared) this.#drop(search)
    for (const { search, document } of searchRowsRemoved) {
      if (hasSearch(this.#connection, search))
        this.#run(`DELETE FROM ${searchTable(search)} WHERE rowid = ?`, [document])
    }
    for (const search of new Set(searchRows.map((row) => row.search))) {
      this.#insert(
        search,
        searchRows.filter((row) => row.search === search),
      )
    }
  }

  #insert(search: number, rows: readonly SearchRow[]): void {
    const fields = rows[0]?.fields.length ?? 0
    if (!hasSearch(this.#connection, search)) this.#connection.exec(createSearch(search, fields))
    const name = `${search}/${fields}`
    const insert =
      this.#inserts.get(name) ??
      new Insert<SearchRow>(
        this.#connection,
        { head: `INSERT OR REPLACE INTO ${searchTable(search)} (rowid, ${columns(fields)})`, columns: fields + 1 },
        (row, to) => to.push(row.document, ...row.fields),
      )
    this.#inserts.set(name, insert)
    insert.run(rows)
  }

  /** Its statements go too: they were prepared for a table that is no more. */
  #drop(search: number): void {
    for (const name of this.#inserts.keys()) if (name.startsWith(`${search}/`)) this.#inserts.delete(name)
    this.#connection.exec(
      `DROP TABLE IF EXISTS temp.${searchTable(search)}_words; DROP TABLE IF EXISTS ${searchTable(search)}`,
    )
  }
}

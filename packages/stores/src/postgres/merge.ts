/** Single rows for several tables in one statement: the server starts and ends one instead of each. */

import type { Statement } from './pipeline.ts'
import type { Table, TableShape } from './tables.ts'
import type { Value } from './values.ts'

/** One row to be inserted, which sees nothing of what else its batch does. */
export interface RowInsert {
  readonly table: TableShape
  /** One for each column. */
  readonly cells: readonly Value[]
}

/** Copies what it takes. */
export function rowInsert<R>(table: Table<R>, row: R): RowInsert {
  return { table, cells: table.columns.map(({ one }) => one(row)) }
}

/** Joins rows that follow each other. */
export class Merger {
  /** Quoted. */
  readonly #schema: string
  readonly #store: string
  readonly #texts = new Map<string, string>()

  constructor(schema: string, store: string) {
    this.#schema = schema
    this.#store = store
  }

  /** A statement must not put two rows into one table: they would not be in order. */
  statements(made: readonly (Statement | RowInsert)[]): readonly Statement[] {
    const all: Statement[] = []
    let rows: RowInsert[] = []
    const flush = (): void => {
      if (rows.length > 0) all.push(this.#joined(rows))
      rows = []
    }
    for (const one of made) {
      if (!('table' in one)) {
        flush()
        all.push(one)
        continue
      }
      if (rows.some(({ table }) => table.list === one.table.list)) flush()
      rows.push(one)
    }
    flush()
    return all
  }

  #joined(rows: readonly RowInsert[]): Statement {
    const values: Value[] = [this.#store]
    for (const { cells } of rows) values.push(...cells)
    return { text: this.#text(rows), values }
  }

  #text(rows: readonly RowInsert[]): string {
    const name = rows.map(({ table }) => table.list).join(' ')
    const known = this.#texts.get(name)
    if (known !== undefined) return known
    let mark = 1
    const texts = rows.map(({ table: { list, columns, onConflict } }) => {
      const marks = columns.map(({ type }) => `$${++mark}::${type}`)
      const names = columns.map((column) => column.name)
      return `INSERT INTO ${this.#schema}.${list} (store, ${names.join(', ')})
        VALUES ($1::integer, ${marks.join(', ')}) ${onConflict}`
    })
    const before = texts.slice(0, -1).map((text, i) => `row_${i} AS (${text})`)
    const text = `${before.length === 0 ? '' : `WITH ${before.join(',\n')}\n`}${texts.at(-1) ?? ''}`
    this.#texts.set(name, text)
    return text
  }
}

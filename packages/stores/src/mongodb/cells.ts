/** Rows as MongoDB keeps them: plain fields, read back as the types they must have. */

import { VarveError } from 'varve/engine'

export type Cell = null | number | string | Uint8Array

export type Row = Readonly<Record<string, Cell>>

/** A row in its collection: the key of its store and its own. */
export interface StoredRow {
  _id: string
  [field: string]: Cell
}

export function numberIn(row: Row, name: string): number {
  const cell = row[name]
  return typeof cell === 'number' ? cell : wrong(name)
}

export function numberOrNullIn(row: Row, name: string): number | null {
  return row[name] === null ? null : numberIn(row, name)
}

/** A copy: the driver gives Buffers, and rows that are on their way to the server must not change. */
export function bytesIn(row: Row, name: string): Uint8Array {
  const cell = row[name]
  return cell instanceof Uint8Array ? new Uint8Array(cell) : wrong(name)
}

export function bytesOrNullIn(row: Row, name: string): Uint8Array | null {
  return row[name] === null ? null : bytesIn(row, name)
}

export function textIn(row: Row, name: string): string {
  const cell = row[name]
  return typeof cell === 'string' ? cell : wrong(name)
}

export function textOrNullIn(row: Row, name: string): string | null {
  return row[name] === null ? null : textIn(row, name)
}

/** Bytes of a row, about and rather too many: how it counts against the size of a message. */
export function costOf(name: string, row: Row | null): number {
  let cost = name.length * 2 + 40
  for (const cell of Object.values(row ?? {})) {
    cost += 24 + (typeof cell === 'string' ? cell.length * 3 : cell instanceof Uint8Array ? cell.length : 8)
  }
  return cost
}

/** The row with bytes of its own, so that a caller who breaks its promise cannot change it. */
export function ownRow(row: Row): Row {
  const copy: Record<string, Cell> = {}
  for (const [name, cell] of Object.entries(row)) copy[name] = cell instanceof Uint8Array ? new Uint8Array(cell) : cell
  return copy
}

function wrong(name: string): never {
  throw new VarveError(
    'TAMPERED',
    `A row of the store holds something else than it must at "${name}": restore the database from a copy`,
    { details: { field: name } },
  )
}

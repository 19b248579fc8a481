/** Cells of SQLite rows as the types they must have, and text as what SQLite keeps exactly. */

import { VarveError } from 'varve/engine'
import { utf8, utf8Text } from '#bytes'
import type { Row, Value } from './connection.ts'

/**
 * Stored columns as a query must name them. The driver ends the process on text that is not UTF-8, and
 * damage can turn a cell of any column into such text: text is read as bytes and decoded here.
 */
export function bytesColumns(...names: readonly string[]): string {
  return names.map((name) => `CAST(${name} AS BLOB)`).join(', ')
}

/** Numbers, none of which comes out as text; see `bytesColumns`. */
export function numberColumns(...names: readonly string[]): string {
  return names.map((name) => `iif(typeof(${name}) = 'text', x'', ${name})`).join(', ')
}

export function numberAt(row: Row, column: number): number {
  const cell = row[column]
  return typeof cell === 'number' ? cell : wrong(column, 'a number')
}

export function numberOrNullAt(row: Row, column: number): number | null {
  return row[column] === null ? null : numberAt(row, column)
}

/** The driver gives Buffers of their own memory; the contract speaks of plain byte arrays. */
export function bytesAt(row: Row, column: number): Uint8Array {
  const cell = row[column]
  return cell instanceof Uint8Array
    ? new Uint8Array(cell.buffer, cell.byteOffset, cell.byteLength)
    : wrong(column, 'bytes')
}

export function bytesOrNullAt(row: Row, column: number): Uint8Array | null {
  return row[column] === null ? null : bytesAt(row, column)
}

/** Text written by `textValue` or `nameValue`. */
export function textAt(row: Row, column: number): string {
  const cell = row[column]
  if (typeof cell === 'string') return cell
  return (cell instanceof Uint8Array ? utf8Text(cell) : null) ?? wrong(column, 'text')
}

export function textOrNullAt(row: Row, column: number): string | null {
  return row[column] === null ? null : textAt(row, column)
}

/** The driver cuts text at a zero character, so that rare text goes in as bytes. */
export function textValue(text: string): Value {
  return text.includes('\0') ? nameValue(text) : text
}

/** Text that is part of a key goes in as bytes always: bytes and text order apart. */
export function nameValue(text: string): Uint8Array {
  if (!text.isWellFormed()) {
    throw new VarveError('INVALID', 'The text holds a lone surrogate: it cannot be stored as UTF-8')
  }
  return utf8(text)
}

export function wrong(column: number, expected: string): never {
  throw new VarveError('TAMPERED', `Column ${column} of a stored row should be ${expected}: the file is damaged`, {
    details: { column, expected },
  })
}

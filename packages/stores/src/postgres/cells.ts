/** Cells of PostgreSQL's rows as the types they must have. */

import { VarveError } from 'varve/engine'
import type { Row } from './pipeline.ts'

export function numberAt(row: Row, column: number): number {
  const cell = row[column]
  const value = cell === null || cell === undefined || cell === '' ? Number.NaN : Number(cell)
  return Number.isNaN(value) ? wrong(column, 'a number') : value
}

export function numberOrNullAt(row: Row, column: number): number | null {
  return row[column] === null ? null : numberAt(row, column)
}

/** PostgreSQL writes bytes as `\x` and hex digits. */
export function bytesAt(row: Row, column: number): Uint8Array {
  const cell = row[column]
  if (cell === null || cell === undefined || !cell.startsWith('\\x')) return wrong(column, 'bytes')
  const bytes = new Uint8Array((cell.length - 2) / 2)
  Buffer.from(bytes.buffer).write(cell.slice(2), 'hex')
  return bytes
}

export function bytesOrNullAt(row: Row, column: number): Uint8Array | null {
  return row[column] === null ? null : bytesAt(row, column)
}

export function textAt(row: Row, column: number): string {
  return row[column] ?? wrong(column, 'text')
}

export function textOrNullAt(row: Row, column: number): string | null {
  return row[column] ?? null
}

/** Text that was stored as bytes by `nameValue`. */
export function nameAt(row: Row, column: number): string {
  return Buffer.from(textAt(row, column).slice(2), 'hex').toString('utf8')
}

function wrong(column: number, expected: string): never {
  throw new VarveError('TAMPERED', `Column ${column} of a stored row should be ${expected}: another program wrote it`, {
    details: { column, expected },
  })
}

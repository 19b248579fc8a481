/** Views as CSV (RFC 4180), in the clear. */

import type { Rows } from './rows.ts'
import { tableOf, type Cell, type TableOptions } from './table.ts'

export interface CsvOptions extends TableOptions {
  /**
   * Spreadsheets run text as a formula when it begins with `=`, `+`, `-`, `@`, a tab or a line break: such text gets an
   * apostrophe in front (`escape`, when absent) or stays as it is (`keep`, for programs).
   */
  readonly formulas?: 'escape' | 'keep'
}

/** Lines end with CR LF; the first is the head. Add a byte order mark for old spreadsheets. */
export function csvOf(rows: Rows, options: CsvOptions = {}): string {
  const escape = options.formulas !== 'keep'
  const lines: string[] = []
  for (const cells of tableOf(rows, options)) lines.push(cells.map((cell) => field(cell, escape)).join(','))
  return `${lines.join('\r\n')}\r\n`
}

function field(cell: Cell, escape: boolean): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell)
  const text = escape && /^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

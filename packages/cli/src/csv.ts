/** Rows as CSV (RFC 4180): lines end with CR LF, the first names the columns. */

import { Outlet } from './json.ts'
import type { Context } from './context.ts'

export interface CsvFlags {
  readonly csv?: true
  readonly keepFormulas?: true
}

/** One line of cells. Text that spreadsheets would run as a formula gets an apostrophe in front, unless it is to stay. */
function csvLine(values: readonly unknown[], { keepFormulas }: CsvFlags): string {
  return `${values.map((value) => field(value, keepFormulas === true)).join(',')}\r\n`
}

/** Lists of plain values with commas, anything else with a structure as JSON; nothing for null and what is missing. */
function field(value: unknown, keep: boolean): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : textOf(value)
  const safe = !keep && /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function textOf(value: unknown): string {
  const plain = Array.isArray(value) && value.every((each: unknown) => typeof each !== 'object')
  return plain ? value.map(String).join(', ') : JSON.stringify(value)
}

/** The columns, then every row as it comes; gives how many rows there were. */
export async function printCsvRows(
  context: Context,
  heading: readonly string[],
  rows: AsyncIterable<readonly unknown[]> | Iterable<readonly unknown[]>,
  flags: CsvFlags,
): Promise<number> {
  const outlet = new Outlet(context)
  let count = 0
  await outlet.write(csvLine(heading, flags))
  for await (const row of rows) {
    await outlet.write(csvLine(row, flags))
    count++
  }
  await outlet.flush()
  return count
}

/** Views as XLSX, in the clear. The library is loaded when it is asked for. */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Rows } from './rows.ts'
import { tableOf, type Cell, type TableOptions } from './table.ts'

/** What spreadsheets take of one text. */
const cellCharacters = 32_767

interface Bytes {
  arrayBuffer(): Promise<ArrayBuffer>
}

/**
 * The bytes of a workbook with one sheet. Text stays text, also when it looks like a formula; it is cut at 32,767
 * characters, the most a cell can hold. Throws `TOO_LARGE` beyond 1,048,576 rows.
 */
export async function xlsxOf(rows: Rows, options: TableOptions = {}): Promise<Uint8Array> {
  assertLimit(rows.tree.root.rows + 2, limits.spreadsheetRows, 'The number of rows of the spreadsheet')
  const sheet = Array.from(tableOf(rows, options), (cells) => cells.map(cellOf))
  const { default: writeXlsxFile } = await import('write-excel-file/universal')
  const file: unknown = await writeXlsxFile(sheet, { sheet: sheetName(rows.tree.view.name) }).toBlob()
  if (!isBytes(file)) throw new VarveError('UNSUPPORTED', 'This platform has no Blob to make files with: export CSV')
  return new Uint8Array(await file.arrayBuffer())
}

function cellOf(cell: Cell): string | number | boolean | null {
  return typeof cell === 'string' ? cell.slice(0, cellCharacters) : cell
}

/** At most 31 characters, none of those that references to cells need. */
function sheetName(name: string): string {
  return (
    name
      .replace(/[[\]:*?/\\']/g, ' ')
      .slice(0, 31)
      .trim() || 'view'
  )
}

function isBytes(value: unknown): value is Bytes {
  return typeof value === 'object' && value !== null && 'arrayBuffer' in value
}

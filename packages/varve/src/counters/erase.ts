/** Erasing what no rule counts any more, a page of rows at a time. */

import type { Book, Garbage } from './book.ts'
import { withWaste } from './book.ts'
import { decodeCell } from './cell.ts'
import { isVarveError } from '../errors.ts'
import { cellsPrefix, pagePrefix, pagesOf, placeOfCell, rowsBelow, type Place } from './names.ts'
import { wasteOf, type NamedValues, type Waste } from './sheet.ts'

const pageCells = 64

export interface Erased {
  readonly book: Book
  /** Names to remove. */
  readonly names: readonly string[]
}

/** The next page of garbage; null when there is none. */
export async function nextErasure(values: NamedValues, book: Book): Promise<Erased | null> {
  const [first, ...rest] = book.garbage
  if (first === undefined) return null
  if (first.rule !== null) return eraseCells(values, book, first.rule, rest)
  const rows = await values.values(pagePrefix(first.prefix, first.digits, first.page))
  const next = first.page + 1 < pagesOf(first.digits) ? [{ ...first, page: first.page + 1 }] : []
  return { book: { ...book, garbage: [...next, ...rest] }, names: [...rows.keys()] }
}

/** Cells first: what lies beneath them becomes garbage of its own. */
async function eraseCells(values: NamedValues, book: Book, rule: number, rest: readonly Garbage[]): Promise<Erased> {
  const cells = [...(await values.values(cellsPrefix(rule)))].slice(0, pageCells)
  if (cells.length === 0) return { book: { ...book, garbage: rest }, names: [] }
  const waste = cells.flatMap(([name, bytes]) => wasteBelow(placeOfCell(rule, name), bytes))
  return { book: withWaste(book, waste), names: cells.map(([name]) => name) }
}

/** A cell that was damaged does not say how many rows it has: they are erased all the same. */
function wasteBelow(place: Place, bytes: Uint8Array): readonly Waste[] {
  try {
    return wasteOf(place, decodeCell(bytes))
  } catch (error) {
    if (!isVarveError(error)) throw error
    return [{ prefix: rowsBelow(place), rows: 1 }]
  }
}

/** What a batch changes, as plain puts and removals by key, which may be repeated. */

import { costOf, ownRow, type Row } from './cells.ts'

/** Keys with `from` ≤ key < `to`. */
export interface Range {
  readonly from: string
  readonly to: string
}

/** First the ranges are cleared, then rows are put or (null) removed. */
export interface Effects {
  readonly cleared: readonly Range[]
  readonly rows: ReadonlyMap<string, Row | null>
}

/** Effects in the making; later changes of a key replace earlier ones. */
export class Draft implements Effects {
  readonly cleared: Range[] = []
  readonly rows = new Map<string, Row | null>()

  put(name: string, row: Row): void {
    this.rows.set(name, ownRow(row))
  }

  remove(name: string): void {
    this.rows.set(name, null)
  }

  clear(range: Range): void {
    if (range.from >= range.to) return
    for (const name of this.rows.keys()) if (isWithin(range, name)) this.rows.delete(name)
    this.cleared.push(range)
  }

  /** What `effects` do, after all this. */
  add({ cleared, rows }: Effects): void {
    for (const range of cleared) this.clear(range)
    for (const [name, row] of rows) this.rows.set(name, row)
  }
}

export function isWithin({ from, to }: Range, name: string): boolean {
  return from <= name && name < to
}

/** Bytes of effects, about. */
export function sizeOf({ cleared, rows }: Effects): number {
  let size = 0
  for (const { from, to } of cleared) size += (from.length + to.length) * 2 + 40
  for (const [name, row] of rows) size += costOf(name, row)
  return size
}

/** Effects as documents of the log, each well below MongoDB's 16 MB. */

import { costOf, type Row } from './cells.ts'
import type { Effects, Range } from './effects.ts'

export interface Part {
  readonly cleared: readonly Range[]
  readonly keys: readonly string[]
  readonly rows: readonly (Row | null)[]
}

/** Bytes of one document, about; a single row never has more than `pieceBytes` in a cell. */
const partBytes = 8 * 1024 * 1024

/** At least one part; ranges all stand in the first, because they are cleared before any row is put. */
export function partsOf({ cleared, rows }: Effects): readonly Part[] {
  const parts: Part[] = []
  let keys: string[] = []
  let some: (Row | null)[] = []
  let size = 0
  const close = (): void => {
    parts.push({ cleared: parts.length === 0 ? cleared : [], keys, rows: some })
    keys = []
    some = []
    size = 0
  }
  for (const [name, row] of rows) {
    const cost = costOf(name, row)
    if (size + cost > partBytes) close()
    keys.push(name)
    some.push(row)
    size += cost
  }
  close()
  return parts
}

/** Values too large for one row, cut into rows of their own. */

import { concat, fromUtf8, utf8 } from 'varve/engine'
import { bytesIn, numberIn, type Cell, type Row } from './cells.ts'
import type { Draft, Range } from './effects.ts'
import { beyond, ended, key, KeyReader } from './keys.ts'
import type { View } from './layers.ts'
import type { Rows } from './rows.ts'

/** Bytes of a cell at most; MongoDB takes 16 MB for a whole document. */
const pieceBytes = 4 * 1024 * 1024

/** How the value was made bytes: text with lone surrogates has no UTF-8. */
const as = { bytes: 0, utf8: 1, utf16: 2 } as const

/** Puts values into rows and knows which rows have pieces, so that none of them stays behind. */
export class Pieces {
  readonly #of = new Set<string>()

  /** Reads which rows have pieces. */
  async load(rows: Rows, view: View): Promise<void> {
    for (const name of await rows.names(view, [{ from: 'z', to: beyond('z') }]))
      this.#of.add(new KeyReader(name).latin())
  }

  put(draft: Draft, name: string, row: Row, field: string, value: string | Uint8Array | null): void {
    this.remove(draft, name)
    if (value === null || isSmall(value)) {
      draft.put(name, { ...row, [field]: value })
      return
    }
    const [kind, bytes] = bytesOf(value)
    const count = Math.max(1, Math.ceil(bytes.length / pieceBytes))
    for (let at = 0; at < count; at++)
      draft.put(key.piece(name, at), { piece: bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes) })
    draft.put(name, { ...row, [field]: null, pieces: count, as: kind })
    // Stays known even when the batch fails: clearing nothing does no harm.
    this.#of.add(name)
  }

  remove(draft: Draft, name: string): void {
    draft.remove(name)
    if (this.#of.has(name)) draft.clear(rangeOf(name))
  }
}

/** The value put under `field`. */
export async function valueOf(rows: Rows, view: View, name: string, row: Row, field: string): Promise<Cell> {
  if (row['pieces'] === undefined) return row[field] ?? null
  const count = numberIn(row, 'pieces')
  const found = await rows.range(view, rangeOf(name), count)
  const bytes = concat(...found.map(([, piece]) => bytesIn(piece, 'piece')))
  const kind = numberIn(row, 'as')
  if (kind === as.bytes) return bytes
  return kind === as.utf8 ? fromUtf8(bytes) : Buffer.from(bytes).toString('utf16le')
}

/** The row with the value in its place, for rows that were put by `Pieces`. */
export async function wholeRow(rows: Rows, view: View, name: string, row: Row, field: string): Promise<Row> {
  if (row['pieces'] === undefined) return row
  return { ...row, [field]: await valueOf(rows, view, name, row, field) }
}

function rangeOf(name: string): Range {
  const prefix = `z${ended(name)}`
  return { from: prefix, to: beyond(prefix) }
}

function isSmall(value: string | Uint8Array): boolean {
  if (typeof value !== 'string') return value.length <= pieceBytes
  return value.length * 3 <= pieceBytes && value.isWellFormed()
}

function bytesOf(value: string | Uint8Array): readonly [kind: number, bytes: Uint8Array] {
  if (typeof value !== 'string') return [as.bytes, value]
  return value.isWellFormed() ? [as.utf8, utf8(value)] : [as.utf16, new Uint8Array(Buffer.from(value, 'utf16le'))]
}

/** Many rows in two cells: what a cell of bytes costs in the driver is more than what reading its row costs. */

import { asciiText, utf8Text } from '#bytes'
import { bytesAt, wrong } from './cells.ts'
import type { Query, Value } from './connection.ts'

/** Bytes of the last part above which it does not travel with others: a cell has an end. */
const largePart = 65_536
/** What stands for the size of a part that is NULL, and of one that does not travel along. */
const absent = -1
const large = -2

/**
 * The rows of `inner`, in its order: its columns n0, n1, … are whole numbers, p0, p1, … bytes, text or NULL. The last
 * part alone may be large: a shorter statement is prepared sooner.
 */
export function packedSql(inner: string, numbers: number, parts: number): string {
  const list = (length: number, make: (i: number) => string): string[] => Array.from({ length }, (_, i) => make(i))
  const last = parts - 1
  const isLarge = `octet_length(p${last}) > ${largePart}`
  const sizes = list(parts, (i) => `coalesce(octet_length(p${i}), ${absent})`)
  const contents = list(parts, (i) => `coalesce(p${i}, '')`)
  sizes[last] = `iif(${isLarge}, ${large}, ${sizes[last]})`
  contents[last] = `iif(${isLarge}, '', ${contents[last]})`
  const cells = [...list(numbers, (i) => `n${i}`), ...sizes].join(" || ',' || ")
  const content = contents.join(' || ')
  return `SELECT CAST(group_concat(${cells}) AS BLOB), CAST(group_concat(${content}, '') AS BLOB) FROM (${inner})`
}

/** One row after the other; its cells are read while `make` runs. */
export class PackedRows {
  readonly #cells: readonly number[]
  readonly #content: Uint8Array
  /** All of it as text, where that is the same text in any encoding: parts are then cut out of it. */
  readonly #ascii: string | null
  readonly #numbers: number
  readonly #width: number
  /** Where the row's cells begin, and where each of its parts does in the content. */
  #at = 0
  readonly #starts: number[] = []

  constructor(query: Query, values: readonly Value[], numbers: number, parts: number) {
    const row = query.first(values)
    const empty = row === undefined || row[0] === null
    this.#cells = empty ? [] : numbersIn(bytesAt(row, 0))
    this.#content = empty || row[1] === null ? new Uint8Array() : bytesAt(row, 1)
    this.#ascii = asciiText(this.#content)
    this.#numbers = numbers
    this.#width = numbers + parts
    if (this.#cells.length % this.#width !== 0) wrong(0, 'whole rows')
  }

  map<T>(make: (row: PackedRows) => T): T[] {
    const made: T[] = []
    let start = 0
    for (this.#at = 0; this.#at < this.#cells.length; this.#at += this.#width) {
      for (let part = 0; part < this.#width - this.#numbers; part++) {
        this.#starts[part] = start
        start += Math.max(0, this.#size(part))
      }
      made.push(make(this))
    }
    return made
  }

  number(i: number): number {
    return this.#cells[this.#at + i] ?? wrong(i, 'a number')
  }

  /** Null where there was NULL; `other` reads what is too large to travel along. */
  text(part: number, other?: () => string | null): string | null {
    const size = this.#size(part)
    if (size < 0) return size === absent ? null : (other?.() ?? wrong(part, 'shorter text'))
    const from = this.#starts[part] ?? 0
    if (this.#ascii !== null) return this.#ascii.slice(from, from + size)
    return utf8Text(this.#content, from, from + size) ?? wrong(part, 'text')
  }

  /** For parts that are never large. */
  bytes(part: number): Uint8Array {
    const size = this.#size(part)
    if (size < 0) return wrong(part, 'bytes')
    return new Uint8Array(this.#content.buffer, this.#content.byteOffset + (this.#starts[part] ?? 0), size)
  }

  #size(part: number): number {
    return this.number(this.#numbers + part)
  }
}

function numbersIn(bytes: Uint8Array): readonly number[] {
  const cells = parsed(`[${asciiText(bytes) ?? ''}]`)
  if (!Array.isArray(cells) || !cells.every((cell) => Number.isSafeInteger(cell))) return wrong(0, 'numbers')
  const numbers: readonly number[] = cells
  return numbers
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

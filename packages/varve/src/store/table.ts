/** A sorted table in memory: rows in key order, found by binary search. */

/** Rows of type `Row`, ordered by the part of them that is their key. */
export class Table<Key, Row extends Key> {
  readonly #compare: (a: Key, b: Key) => number
  readonly #rows: Row[] = []

  constructor(compare: (a: Key, b: Key) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#rows.length
  }

  all(): readonly Row[] {
    return this.#rows
  }

  /** Position of the first row at or after `key`. */
  lower(key: Key): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const row = this.#rows[middle]
      if (row !== undefined && this.#compare(row, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  at(position: number): Row | undefined {
    return this.#rows[position]
  }

  get(key: Key): Row | undefined {
    const row = this.#rows[this.lower(key)]
    return row !== undefined && this.#compare(row, key) === 0 ? row : undefined
  }

  /** Inserts the row, or replaces the one with its key. */
  put(row: Row): void {
    const last = this.#rows.at(-1)
    if (last === undefined || this.#compare(last, row) < 0) {
      this.#rows.push(row)
      return
    }
    const position = this.lower(row)
    const old = this.#rows[position]
    this.#rows.splice(position, old !== undefined && this.#compare(old, row) === 0 ? 1 : 0, row)
  }

  remove(key: Key): void {
    if (this.get(key) !== undefined) this.#rows.splice(this.lower(key), 1)
  }

  /** Removes the rows with `from` ≤ key < `to`. */
  removeRange(from: Key, to: Key): void {
    const start = this.lower(from)
    this.#rows.splice(start, Math.max(0, this.lower(to) - start))
  }

  /** At most `limit` rows with `from` ≤ key < `to`. */
  range(from: Key, to: Key, limit: number, reverse = false): readonly Row[] {
    const start = this.lower(from)
    const end = Math.max(start, this.lower(to))
    const count = Math.min(Math.max(0, limit), end - start)
    return reverse ? this.#rows.slice(end - count, end).toReversed() : this.#rows.slice(start, start + count)
  }
}

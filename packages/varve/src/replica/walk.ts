/** Walking along the record of one document: its head after each entry, also where entries come late in time. */

import type { Head } from '../document/head.ts'
import { countEntry, foldInto, type CompareOrder } from './count.ts'
import type { ReadEntry } from './reader.ts'

/** Entries kept at hand, the last in time order; one that is late by more is folded from the store. */
const keptEntries = 512

export interface WalkParts {
  readonly compare: CompareOrder
  /** The head of all entries with place below `to`, from the store. */
  readonly foldBelow: (to: number) => Promise<Head>
  /** The head of all entries before those to come. */
  readonly head: Head
}

interface Folded {
  readonly next: ReadEntry
  /** The head after it in time order; what it counts does not matter. */
  readonly after: Head
}

export class Walk {
  readonly #parts: WalkParts
  #head: Head
  /** The head before the kept entries. */
  #base: Head
  readonly #kept: Folded[] = []

  constructor(parts: WalkParts) {
    this.#parts = parts
    this.#head = parts.head
    this.#base = parts.head
  }

  get head(): Head {
    return this.#head
  }

  /** The head with one more entry, which must be the next in record order. */
  async add(next: ReadEntry): Promise<Head> {
    const counted = countEntry(this.#head, { place: next.row.place, cv: next.row.cv, at: next.at })
    this.#head = next.entry === null ? counted : await this.#fold(counted, next)
    return this.#head
  }

  async #fold(counted: Head, next: ReadEntry): Promise<Head> {
    const later: ReadEntry[] = []
    for (;;) {
      const last = this.#kept.at(-1)
      if (last === undefined || !this.#isBefore(next, last.after)) break
      later.push(last.next)
      this.#kept.pop()
    }
    if (this.#kept.length === 0 && this.#isBefore(next, this.#base)) {
      this.#base = await this.#parts.foldBelow(next.row.place + 1)
      return this.#base
    }
    for (const each of [next, ...later.toReversed()]) this.#keep(each)
    const { state, deletedAt, order, key } = this.#kept.at(-1)?.after ?? this.#base
    return { ...counted, state, deletedAt, order, key }
  }

  #keep(next: ReadEntry): void {
    const { entry, at, order, key } = next
    if (entry === null) return
    this.#kept.push({ next, after: foldInto(this.#kept.at(-1)?.after ?? this.#base, entry, at, order, key) })
    if (this.#kept.length <= keptEntries) return
    this.#base = this.#kept[0]?.after ?? this.#base
    this.#kept.shift()
  }

  #isBefore({ order }: ReadEntry, head: Head): boolean {
    return this.#parts.compare(order, head.order) < 0
  }
}

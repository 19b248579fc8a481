/** The window of a live query: what matches, in order, kept so as documents change without asking the store again. */

import { equalJson, type JsonObject } from '../encoding/json.ts'
import { matches } from './matcher.ts'
import type { Predicate } from './predicate.ts'
import { comparePositions, positionOf, type Position, type SortOrder } from './sort.ts'
import type { Candidate } from './source.ts'

/** What a window holds: the documents a query gives, `limit` of them and a margin. */
export interface WindowRules<Shown> {
  readonly predicate: Predicate
  readonly order: SortOrder
  /** True for a query without a sort that reads in the source's own order. */
  readonly byPlace: boolean
  readonly limit: number
  /** Only documents after this one. */
  readonly after: Place | null
  readonly show: (doc: JsonObject) => Shown
}

/** Where a document stands, in the order of a query and in that of its source. */
export interface Place extends Position {
  readonly place: number
}

/** A document after a change; null when it is not there for this query. */
export interface ChangedCandidate {
  readonly id: string
  readonly place: number
  readonly doc: JsonObject | null
}

interface Row<Shown> extends Place {
  readonly doc: JsonObject
  readonly shown: Shown
}

/** `short`: more must be read before the result is known again. */
export type WindowChange = 'same' | 'changed' | 'short'

/** From how many changes on all rows are merged once, instead of moving them at every change. */
const manyChanges = 32

/** Rows read beyond the limit, so that some may go before anything must be read again. */
export function marginOf(limit: number): number {
  return Math.max(16, limit)
}

export class LiveWindow<Shown> {
  #rules: WindowRules<Shown>
  /** In order. */
  #rows: Row<Shown>[] = []
  readonly #byId = new Map<string, Row<Shown>>()
  /** Everything that matches up to here is held; null: everything that matches. */
  #edge: Place | null = null
  #result: Shown[] | null = null

  constructor(rules: WindowRules<Shown>) {
    this.#rules = rules
  }

  /** The documents in order: the same array until one of them changes. */
  result(): Shown[] {
    this.#result ??= this.#rows.slice(0, this.#rules.limit).map(({ shown }) => shown)
    return this.#result
  }

  /** Takes over what the query gave, read while documents may have changed; `complete` when that is everything. */
  load(rules: WindowRules<Shown>, candidates: readonly Candidate[], complete: boolean): void {
    this.#rules = rules
    const known = new Map(this.#byId)
    const latest = new Map(candidates.map((candidate) => [candidate.id, candidate]))
    this.#byId.clear()
    this.#rows = [...latest.values()].map(({ id, place = 0, doc }) => {
      const old = known.get(id)
      const row = this.#rowOf(id, place, old !== undefined && equalJson(old.doc, doc) ? old.doc : doc, old)
      this.#byId.set(id, row)
      return row
    })
    this.#rows.sort((a, b) => this.#compare(a, b))
    this.#edge = complete ? null : (this.#rows.at(-1) ?? null)
    this.#result = null
  }

  /** Applies the changes of one write, the last one of each document. */
  apply(changes: readonly ChangedCandidate[]): WindowChange {
    const first = changes.length < manyChanges ? this.#each(changes) : this.#merge(changes)
    if (first === Infinity) return 'same'
    const { limit } = this.#rules
    if (this.#edge !== null && this.#rows.length < limit) return 'short'
    this.#trim()
    if (first >= limit) return 'same'
    this.#result = null
    return 'changed'
  }

  /** Rows that have no place left beyond the margin are let go. */
  #trim(): void {
    const { limit } = this.#rules
    if (this.#rows.length <= limit + 2 * marginOf(limit)) return
    const kept = limit + marginOf(limit)
    for (const { id } of this.#rows.splice(kept)) this.#byId.delete(id)
    this.#edge = this.#rows.at(-1) ?? null
  }

  /** Change by change; returns the first index that changed, or Infinity. */
  #each(changes: readonly ChangedCandidate[]): number {
    let first = Infinity
    for (const { id, place, doc } of changes) {
      const old = this.#byId.get(id)
      const next = this.#admitted(id, place, doc)
      if (old !== undefined) {
        const at = this.#indexOf(old)
        first = Math.min(first, at)
        if (next !== null && this.#compare(old, next) === 0) {
          this.#put(at, 1, next)
          continue
        }
        this.#rows.splice(at, 1)
        this.#byId.delete(id)
      }
      if (next === null) continue
      const at = this.#indexOf(next)
      first = Math.min(first, at)
      this.#put(at, 0, next)
    }
    return first
  }

  #put(at: number, replaced: 0 | 1, row: Row<Shown>): void {
    this.#rows.splice(at, replaced, row)
    this.#byId.set(row.id, row)
  }

  /** The same for many changes in one pass over the rows. */
  #merge(changes: readonly ChangedCandidate[]): number {
    const added: Row<Shown>[] = []
    const gone = new Set<Row<Shown>>()
    for (const { id, place, doc } of changes) {
      const old = this.#byId.get(id)
      if (old !== undefined) gone.add(old)
      const next = this.#admitted(id, place, doc)
      if (next !== null) added.push(next)
    }
    if (gone.size === 0 && added.length === 0) return Infinity
    for (const { id } of gone) this.#byId.delete(id)
    for (const row of added) this.#byId.set(row.id, row)
    let first = Infinity
    for (const row of [...gone, ...added]) first = Math.min(first, this.#indexOf(row))
    // Both parts are in order: sorting merges them.
    const kept = this.#rows.filter((row) => !gone.has(row))
    const fresh = added.toSorted((a, b) => this.#compare(a, b))
    this.#rows = [...kept, ...fresh].toSorted((a, b) => this.#compare(a, b))
    return first
  }

  /** The row of a changed document, null when it does not belong here. */
  #admitted(id: string, place: number, doc: JsonObject | null): Row<Shown> | null {
    const { predicate, after } = this.#rules
    if (doc === null || !matches(predicate, doc)) return null
    const row = this.#rowOf(id, place, doc)
    if (after !== null && this.#compare(row, after) <= 0) return null
    return this.#edge !== null && this.#compare(row, this.#edge) > 0 ? null : row
  }

  #rowOf(id: string, place: number, doc: JsonObject, old?: Row<Shown>): Row<Shown> {
    const keys = this.#rules.byPlace ? [] : positionOf(this.#rules.order, doc, id).keys
    return { keys, id, place, doc, shown: old?.doc === doc ? old.shown : this.#rules.show(doc) }
  }

  #compare(a: Place, b: Place): number {
    return this.#rules.byPlace ? a.place - b.place : comparePositions(this.#rules.order, a, b)
  }

  /** Where the row is, or would be. */
  #indexOf(row: Place): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#rows[middle]
      if (other !== undefined && this.#compare(other, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

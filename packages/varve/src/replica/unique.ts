/** Unique indexes: whether documents may have the values they are about to get, as far as this replica sees. */

import { decodeHead, documentOf, type Head } from '../document/head.ts'
import type { JsonObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { nextKey } from '../query/ranges.ts'
import { uniqueValues, type UniqueValue } from '../query/unique-values.ts'
import type { IndexHit, IndexPosition, Store } from '../store/store.ts'
import type { CollectionState, IndexState } from './state.ts'

/** A document before and after a change; null while it is absent or deleted. */
export interface UniqueChange {
  readonly id: string
  readonly before: JsonObject | null
  readonly after: JsonObject | null
}

/** What changes in one collection, and its unique indexes. */
export interface CollectionChanges {
  readonly indexes: readonly IndexState[]
  readonly changes: readonly UniqueChange[]
}

/** What keeps a change from being made. */
export interface Taken {
  readonly paths: readonly string[]
  /** The document that has the values. */
  readonly id: string
}

/** Gives the head whose values count, where that is not the stored one. */
export type Judge = (document: number, head: Head) => Promise<Head>

const pageRows = 32

/** The unique indexes of a collection. */
export function uniqueOf(collection: CollectionState | undefined): readonly IndexState[] {
  return collection?.indexes.filter(({ unique }) => unique) ?? []
}

/** A document as unique indexes see it. */
export function presentOf(head: Head | undefined): JsonObject | null {
  return head?.state.status === 'live' ? documentOf(head) : null
}

export function takenError({ paths, id }: Taken): VarveError {
  return new VarveError(
    'EXISTS',
    `The unique index on "${paths.join('", "')}" has these values already, in document "${id}": change them, or that document`,
    { details: { index: paths, id } },
  )
}

/**
 * The documents one write has changed so far, on top of what the store holds. Only values that a change adds are
 * checked: duplicates that are there already keep nobody from changing something else.
 */
export class UniqueValues {
  readonly #store: Store
  readonly #judge: Judge | null
  /** Of the documents of this write: names of their values, by index and id. */
  readonly #names = new Map<string, ReadonlySet<string>>()
  /** Ids by index and name. */
  readonly #claims = new Map<string, string>()

  constructor(store: Store, judge: Judge | null) {
    this.#store = store
    this.#judge = judge
  }

  /** Notes the changes, which are made together; or returns what is in their way, and notes nothing. */
  async take(parts: readonly CollectionChanges[]): Promise<Taken | null> {
    const notes: (() => void)[] = []
    for (const { indexes, changes } of parts) {
      for (const index of indexes) {
        const taken = await this.#takeOne(index, changes, notes)
        if (taken !== null) return { paths: index.paths, id: taken }
      }
    }
    for (const note of notes) note()
    return null
  }

  /** The id of the document that has one of the values; null when all are free. */
  async #takeOne(index: IndexState, changes: readonly UniqueChange[], notes: (() => void)[]): Promise<string | null> {
    const together = new Set(changes.map(({ id }) => id))
    const after = new Map<string, { readonly id: string; readonly added: boolean }>()
    for (const change of changes) {
      const values = change.after === null ? [] : uniqueValues(index.paths, change.after)
      const before = this.#namesOf(index, change)
      for (const value of values) {
        const other = after.get(value.name)
        const added = !before.has(value.name)
        if (other !== undefined && (added || other.added)) return other.id
        after.set(value.name, { id: change.id, added })
        if (!added) continue
        const owner = await this.#owner(index, value, together)
        if (owner !== null) return owner
      }
      notes.push(() => this.#note(index, change.id, before, new Set(values.map(({ name }) => name))))
    }
    return null
  }

  #namesOf(index: IndexState, { id, before }: UniqueChange): ReadonlySet<string> {
    const noted = this.#names.get(keyOf(index, id))
    return noted ?? new Set(before === null ? [] : uniqueValues(index.paths, before).map(({ name }) => name))
  }

  #note(index: IndexState, id: string, before: ReadonlySet<string>, after: ReadonlySet<string>): void {
    for (const name of before) if (this.#claims.get(keyOf(index, name)) === id) this.#claims.delete(keyOf(index, name))
    for (const name of after) this.#claims.set(keyOf(index, name), id)
    this.#names.set(keyOf(index, id), after)
  }

  async #owner(index: IndexState, value: UniqueValue, together: ReadonlySet<string>): Promise<string | null> {
    const claimed = this.#claims.get(keyOf(index, value.name))
    if (claimed !== undefined && !together.has(claimed)) return claimed
    const range = { from: value.key, to: nextKey(value.key) }
    let after: IndexPosition | null = null
    for (;;) {
      const hits: readonly IndexHit[] = await this.#store.scanIndex({
        index: index.no,
        range,
        reverse: false,
        after,
        limit: pageRows,
      })
      for (const hit of hits) {
        // What this write has changed is known better than the store knows it.
        if (together.has(hit.id) || this.#names.has(keyOf(index, hit.id))) continue
        if (await this.#has(index, hit, value)) return hit.id
      }
      const last = hits.at(-1)
      if (last === undefined || hits.length < pageRows) return null
      after = { key: last.key, id: last.id }
    }
  }

  /** Equal keys need not mean equal values, and heads may hold more than what is recorded. */
  async #has(index: IndexState, hit: IndexHit, { name }: UniqueValue): Promise<boolean> {
    if (hit.state === null) return false
    const head = decodeHead(hit.state)
    const doc = presentOf(this.#judge === null ? head : await this.#judge(hit.document, head))
    return doc !== null && uniqueValues(index.paths, doc).some((other) => other.name === name)
  }
}

function keyOf(index: IndexState, name: string): string {
  return `${index.no} ${name}`
}

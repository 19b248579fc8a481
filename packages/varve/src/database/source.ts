/** Where queries read from: the heads of a replica, or a collection as the record was at some time. */

import { decodeHead, documentOf, headOv, ownDocument, type Head } from '../document/head.ts'
import { takingTurns } from '../env/pause.ts'
import { documentTag, rowTag } from '../log/tag.ts'
import type { KeyRange } from '../query/order-key.ts'
import { allOf, type Predicate } from '../query/predicate.ts'
import type { Sketches } from '../query/sketch.ts'
import type { SortOrder } from '../query/sort.ts'
import type { Candidate, QuerySource, ScanRange } from '../query/source.ts'
import { firstDocument, type DocumentRow } from '../store/rows.ts'
import type { IndexPosition } from '../store/store.ts'
import { filteredRows, sketchesOf, type Filter } from './filtered.ts'
import { askedHead, assertOpen } from './seal-query.ts'
import type { Space } from './space.ts'

const pageDocuments = 256

/** Turns a stored document into what a query sees of it; null leaves it out. */
type Look = (row: DocumentRow) => Promise<Head | null> | Head | null

/** The present heads; deleted documents only on request. */
export function presentSource(space: Space, includeDeleted: boolean, asked: readonly string[] = []): QuerySource {
  assertOpen(space, asked)
  const look: Look = (row) => shown(row.state === null ? null : decodeHead(row.state), includeDeleted)
  return new StoreSource({ space, asked, owned: true }, look, { predicate: allOf([]), includeDeleted })
}

/** Earlier heads, each from the present one: null where there was none. No index knows them. */
export function pastSource(
  space: Space,
  headAt: (no: number, present: Head) => Head | null | Promise<Head | null>,
  includeDeleted: boolean,
  asked: readonly string[] = [],
): QuerySource {
  assertOpen(space, asked)
  const look: Look = async (row) => {
    const head = row.state === null ? null : decodeHead(row.state)
    if (head === null || head.recorded === 0) return null
    return shown(await headAt(row.no, head), includeDeleted)
  }
  return new StoreSource({ space, asked, owned: false }, look, null)
}

/** The head when a query sees it. */
export function shown(head: Head | null, includeDeleted: boolean): Head | null {
  if (head === null || headOv(head) < 0) return null
  return head.state.status === 'live' || (includeDeleted && head.state.status === 'deleted') ? head : null
}

/** Which documents a query reads, and the dotted paths it asks for. */
interface Reading {
  readonly space: Space
  readonly asked: readonly string[]
  /** Whether heads are decoded for the reader alone. */
  readonly owned: boolean
}

function candidateOf({ space, asked, owned }: Reading, no: number, head: Head): Candidate {
  const seen = askedHead(space, head, asked)
  return { id: head.state.id, doc: owned ? ownDocument(seen) : documentOf(seen), place: no }
}

class StoreSource implements QuerySource {
  readonly #reading: Reading
  readonly #space: Space
  readonly #look: Look
  readonly #filter: Filter | null

  /** `filter` is what the store may apply to heads while it scans; null when what is seen is not in them. */
  constructor(reading: Reading, look: Look, filter: Filter | null) {
    this.#reading = reading
    this.#space = reading.space
    this.#look = look
    this.#filter = filter
  }

  narrowed(predicate: Predicate): QuerySource {
    const filter = this.#filter
    return filter === null ? this : new StoreSource(this.#reading, this.#look, { ...filter, predicate })
  }

  sketches(predicate: Predicate, order: SortOrder): Sketches | null {
    if (this.#filter === null) return null
    const whole = (nos: readonly number[]): Promise<readonly (Candidate | null)[]> => this.#byNumbers(nos)
    return sketchesOf(this.#space, { filter: { ...this.#filter, predicate }, order, whole })
  }

  async *scan(range: ScanRange): AsyncGenerator<readonly Candidate[]> {
    const { store } = this.#space.replica
    const collection = this.#space.replica.collection(this.#space.tag)
    if (collection === undefined) return
    let after = firstDocument(collection.no)
    if (range.after !== undefined) {
      const [row] = await this.#rows([range.after])
      after = row?.no ?? after
    }
    if (this.#filter !== null) {
      for await (const rows of filteredRows(this.#space, collection, after, this.#filter)) {
        yield await this.#candidates(rows)
      }
      return
    }
    const turn = takingTurns(this.#space.replica.context.env)
    for (;;) {
      const rows = await store.scan(collection.no, after, pageDocuments)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.no
      yield await this.#candidates(rows)
      await turn()
    }
  }

  async *byIds(ids: readonly string[]): AsyncGenerator<readonly Candidate[]> {
    for (let i = 0; i < ids.length; i += pageDocuments) {
      const rows = await this.#rows(ids.slice(i, i + pageDocuments))
      yield await this.#candidates(rows.filter((row) => row !== null))
    }
  }

  async *index(
    no: number,
    range: KeyRange,
    reverse: boolean,
    expected = pageDocuments,
  ): AsyncGenerator<readonly Candidate[]> {
    const { store, context } = this.#space.replica
    let turn: (() => Promise<void>) | null = null
    let after: IndexPosition | null =
      range.afterId === undefined || reverse ? null : { key: range.from, id: range.afterId }
    for (let size = Math.max(1, Math.min(expected, pageDocuments)); ; size = Math.min(size * 2, pageDocuments)) {
      const hits = await store.scanIndex({
        index: no,
        range: { from: range.from, to: range.to },
        reverse,
        after,
        limit: size,
      })
      const last = hits.at(-1)
      if (last === undefined) return
      after = { key: last.key, id: last.id }
      const found: Candidate[] = []
      for (const { state, document } of hits) {
        const head = shown(state === null ? null : decodeHead(state), false)
        if (head !== null) found.push(candidateOf(this.#reading, document, head))
      }
      yield found
      turn ??= takingTurns(context.env)
      await turn()
    }
  }

  #rows(ids: readonly string[]): Promise<readonly (DocumentRow | null)[]> {
    const { tagKey } = this.#space.replica.context
    return this.#space.replica.store.documents(
      ids.map((id) => rowTag(this.#space.tag, documentTag(tagKey, this.#space.tag, id))),
    )
  }

  async #candidates(rows: readonly DocumentRow[]): Promise<readonly Candidate[]> {
    const found: Candidate[] = []
    for (const row of rows) {
      const looked = this.#look(row)
      const head = looked instanceof Promise ? await looked : looked
      if (head !== null) found.push(candidateOf(this.#reading, row.no, head))
    }
    return found
  }

  async #byNumbers(nos: readonly number[]): Promise<readonly (Candidate | null)[]> {
    const rows = await this.#space.replica.store.documentsByNo(nos)
    return Promise.all(
      rows.map(async (row) => {
        const head = row === null ? null : await this.#look(row)
        return row === null || head === null ? null : candidateOf(this.#reading, row.no, head)
      }),
    )
  }
}

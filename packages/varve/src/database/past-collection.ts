/** A collection of the past held in memory: its documents in order, and the indexes that are declared now. */

import { documentOf, type Head } from '../document/head.ts'
import { compareBytes } from '../encoding/bytes.ts'
import type { JsonObject } from '../encoding/json.ts'
import { compareText } from '../query/compare.ts'
import { keysOf } from '../query/index-keys.ts'
import type { KeyRange } from '../query/order-key.ts'
import type { IndexInfo } from '../query/plan.ts'
import type { Candidate } from '../query/source.ts'
import type { PastDocuments } from './past-documents.ts'
import { askedHead } from './seal-query.ts'
import { shown } from './source.ts'
import type { Space } from './space.ts'

interface Row {
  readonly no: number
  readonly head: Head
  /** Null when what it shows depends on what is asked for, because values are sealed in it. */
  readonly doc: JsonObject | null
}

interface Entry {
  readonly key: Uint8Array
  readonly row: Row
}

interface PastIndex {
  readonly info: IndexInfo
  /** By key, then by id. */
  readonly entries: readonly Entry[]
}

const pageRows = 256
/** What a collection takes without its documents, and an entry of an index without its key: bytes of memory, about. */
const emptyBytes = 1024
const entryBytes = 96

export class PastCollection {
  readonly documents: PastDocuments
  readonly #space: Space
  /** In the order in which they are stored. */
  readonly #rows: readonly Row[]
  readonly #places: ReadonlyMap<string, number>
  readonly #indexes = new Map<number, PastIndex>()
  #bytes: number

  constructor(space: Space, documents: PastDocuments) {
    this.#space = space
    this.documents = documents
    this.#bytes = emptyBytes + documents.bytes
    this.#rows = [...documents.documents.values()]
      .filter(({ head }) => shown(head, true) !== null)
      .toSorted((a, b) => a.no - b.no)
      .map(({ no, head }) => ({ no, head, doc: head.state.sealed === true ? null : documentOf(head) }))
    this.#places = new Map(this.#rows.map(({ head }, i) => [head.state.id, i]))
  }

  get size(): number {
    return this.#rows.length
  }

  /** Bytes of memory, about, with the indexes made so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Where the document stands; −1 when there is none. */
  placeOf(id: string): number {
    return this.#places.get(id) ?? -1
  }

  /** The documents from place `from` to before `to` that a query sees. Throws `KEY_MISSING`. */
  page(from: number, to: number, includeDeleted: boolean, asked: readonly string[]): readonly Candidate[] {
    return this.#rows.slice(from, to).flatMap((row) => this.#seen(row, includeDeleted, asked))
  }

  /** The indexes as a planner wants them, made over these documents when they are not yet. */
  infos(usable: readonly IndexInfo[]): readonly IndexInfo[] {
    return usable.map((info) => {
      const known = this.#indexes.get(info.no) ?? this.#build(info)
      this.#indexes.set(info.no, known)
      return known.info
    })
  }

  /** The documents of an index in this range by (key, id), page by page: a document once per key. */
  *range(
    no: number,
    { from, to, afterId }: KeyRange,
    reverse: boolean,
    asked: readonly string[],
  ): Generator<readonly Candidate[]> {
    const entries = this.#indexes.get(no)?.entries ?? []
    let start = firstAt(entries, from, afterId ?? null)
    let end = firstAt(entries, to, null)
    while (start < end) {
      const page = reverse
        ? entries.slice(Math.max(start, end - pageRows), end).toReversed()
        : entries.slice(start, Math.min(end, start + pageRows))
      if (reverse) end -= page.length
      else start += page.length
      yield page.flatMap(({ row }) => this.#seen(row, false, asked))
    }
  }

  #seen({ no, head, doc }: Row, includeDeleted: boolean, asked: readonly string[]): readonly Candidate[] {
    if (shown(head, includeDeleted) === null) return []
    return [{ id: head.state.id, doc: doc ?? documentOf(askedHead(this.#space, head, asked)), place: no }]
  }

  #build(info: IndexInfo): PastIndex {
    const multikey = info.paths.map(() => false)
    const entries: Entry[] = []
    for (const row of this.#rows) {
      if (shown(row.head, false) === null) continue
      const { keys, several } = keysOf(info.paths, row.doc ?? documentOf(row.head))
      for (const [i, more] of several.entries()) if (more) multikey[i] = true
      for (const key of keys) {
        entries.push({ key, row })
        this.#bytes += entryBytes + key.length
      }
    }
    entries.sort((a, b) => compareBytes(a.key, b.key) || compareText(a.row.head.state.id, b.row.head.state.id))
    return { info: { no: info.no, paths: info.paths, multikey }, entries }
  }
}

/** The first entry at or above the key; with an id, above that id where the key is the same. */
function firstAt(entries: readonly Entry[], key: Uint8Array, afterId: string | null): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    const order = entry === undefined ? 1 : compareBytes(entry.key, key)
    const before = order < 0 || (order === 0 && afterId !== null && isUpTo(entry, afterId))
    if (before) low = middle + 1
    else high = middle
  }
  return low
}

function isUpTo(entry: Entry | undefined, id: string): boolean {
  return entry !== undefined && compareText(entry.row.head.state.id, id) <= 0
}

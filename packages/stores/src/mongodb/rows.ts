/** The rows of one store: reads by key and by range, with the layers in memory on top of the collection. */

import type { Collection, Document, Filter } from 'mongodb'
import type { Row, StoredRow } from './cells.ts'
import type { Range } from './effects.ts'
import { repeated } from './errors.ts'
import type { View } from './layers.ts'

export type Found = readonly [name: string, row: Row]

/** Rows that one request asks for at most: what a range still lacks is asked for again. */
const pageRows = 5_000

/** Ranges of one request. */
const pageRanges = 500

/** The field of an index row that holds the `_id` of its document's row, so that one request gives both. */
export const documentField = 'row'

/** An index row as it comes with the row of its document, if that one is there. */
interface JoinedRow {
  readonly _id: string
  readonly document: number
  readonly joined: readonly StoredRow[]
}

type PageOf = (range: Range, size: number) => Promise<readonly Found[]>

export class Rows {
  readonly collection: Collection<StoredRow>
  readonly #prefix: string

  constructor(collection: Collection<StoredRow>, prefix: string) {
    this.collection = collection
    this.#prefix = prefix
  }

  id(name: string): string {
    return this.#prefix + name
  }

  filter(range: Range): Filter<StoredRow> {
    return { _id: { $gte: this.id(range.from), $lt: this.id(range.to) } }
  }

  /** Every row of the store, in all its tables. */
  all(): Filter<StoredRow> {
    return this.filter({ from: '', to: '~' })
  }

  /** Where in `_id` the letter of the table stands. */
  get tableAt(): number {
    return this.#prefix.length
  }

  aggregate(pipeline: Document[]): Promise<Document[]> {
    return repeated(() => this.collection.aggregate(pipeline).toArray())
  }

  /** The rows with these keys; those that are not there are left out. `known` are some that the collection has. */
  async get(view: View, names: Iterable<string>, known?: ReadonlyMap<string, Row>): Promise<ReadonlyMap<string, Row>> {
    const found = new Map<string, Row>()
    const asked: string[] = []
    for (const name of new Set(names)) {
      const above = view.get(name)
      const row = above === undefined ? known?.get(name) : above
      if (row === undefined) asked.push(this.id(name))
      else if (row !== null) found.set(name, row)
    }
    for (let at = 0; at < asked.length; at += pageRows) {
      const ids = asked.slice(at, at + pageRows)
      const [id] = ids
      const filter = ids.length === 1 && id !== undefined ? { _id: id } : { _id: { $in: ids } }
      const rows = await repeated(() => this.collection.find(filter, { batchSize: ids.length + 1 }).toArray())
      for (const row of rows) found.set(...this.#found(row))
    }
    return found
  }

  async one(view: View, name: string): Promise<Row | null> {
    return (await this.get(view, [name])).get(name) ?? null
  }

  /** At most `limit` rows of a range, by key, reversed on request. */
  range(view: View, range: Range, limit: number, reverse = false): Promise<readonly Found[]> {
    return this.#range(view, range, limit, reverse, (rest, size) => this.#page(rest, size, reverse))
  }

  /** Index rows like `range`, and the rows of their documents that the collection has, by key. */
  async indexRange(
    view: View,
    range: Range,
    limit: number,
    reverse: boolean,
  ): Promise<{ readonly found: readonly Found[]; readonly documents: ReadonlyMap<string, Row> }> {
    const documents = new Map<string, Row>()
    const page: PageOf = async (rest, size) => {
      const rows = await this.#joinedPage(rest, size, reverse)
      for (const { joined } of rows) for (const row of joined) documents.set(...this.#found(row))
      return rows.map(({ _id, document }) => this.#found({ _id, document }))
    }
    return { found: await this.#range(view, range, limit, reverse, page), documents }
  }

  async #range(view: View, range: Range, limit: number, reverse: boolean, pageOf: PageOf): Promise<readonly Found[]> {
    const wanted = Math.max(0, limit)
    if (wanted === 0 || range.from >= range.to) return []
    const { rows, isCleared } = view.slice(range)
    const above = [...rows].toSorted(([one], [other]) => (one < other === reverse ? 1 : -1))
    const removed = above.filter(([, row]) => row === null).length
    const found: Found[] = []
    let next = 0
    /** Takes what memory holds before `name`; true when that is enough. */
    const upTo = (name: string | null): boolean => {
      for (let entry = above[next]; entry !== undefined && found.length < wanted; entry = above[++next]) {
        const [known, row] = entry
        if (name !== null && (reverse ? known <= name : known >= name)) break
        if (row !== null) found.push([known, row])
      }
      return found.length >= wanted
    }
    let rest: Range | null = range
    while (rest !== null) {
      const size = Math.min(pageRows, wanted - found.length + removed)
      const page = await pageOf(rest, size)
      for (const [name, row] of page) {
        if (upTo(name)) return found
        if (!rows.has(name) && !isCleared(name)) found.push([name, row])
        if (found.length >= wanted) return found
      }
      const last = page.at(-1)?.[0]
      if (last === undefined || page.length < size) rest = null
      else rest = reverse ? { from: range.from, to: last } : { from: `${last}\0`, to: range.to }
    }
    upTo(null)
    return found
  }

  /** Keys of all rows in these ranges. */
  async names(view: View, ranges: readonly Range[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for (let at = 0; at < ranges.length; at += pageRanges) {
      const some = ranges.slice(at, at + pageRanges)
      const filter = { $or: some.map((range) => this.filter(range)) }
      const keys = await repeated(() => this.collection.find(filter, { projection: { _id: 1 } }).toArray())
      for (const { _id } of keys) {
        const name = _id.slice(this.#prefix.length)
        if (view.get(name) !== null) found.add(name)
      }
      for (const range of some) for (const [name, row] of view.slice(range).rows) if (row !== null) found.add(name)
    }
    return found
  }

  /** Of the rows that a range has in the collection, the key of number `count`; null when there are fewer. */
  async last(range: Range, count: number): Promise<string | null> {
    const options = { sort: { _id: 1 as const }, skip: count - 1, limit: 1, projection: { _id: 1 } }
    const [row] = await repeated(() => this.collection.find(this.filter(range), options).toArray())
    return row === undefined ? null : row._id.slice(this.#prefix.length)
  }

  async #page(range: Range, size: number, reverse: boolean): Promise<readonly Found[]> {
    const options = { sort: { _id: reverse ? (-1 as const) : (1 as const) }, limit: size, batchSize: size + 1 }
    const rows = await repeated(() => this.collection.find(this.filter(range), options).toArray())
    return rows.map((row) => this.#found(row))
  }

  /** One request for both: asking for the documents afterwards takes twice as long. */
  #joinedPage(range: Range, size: number, reverse: boolean): Promise<readonly JoinedRow[]> {
    const from = this.collection.collectionName
    const pipeline = [
      { $match: this.filter(range) },
      { $sort: { _id: reverse ? -1 : 1 } },
      { $limit: size },
      { $lookup: { from, localField: documentField, foreignField: '_id', as: 'joined' } },
    ]
    return repeated(() => this.collection.aggregate<JoinedRow>(pipeline, { batchSize: size + 1 }).toArray())
  }

  #found({ _id, ...row }: StoredRow): Found {
    return [_id.slice(this.#prefix.length), row]
  }
}

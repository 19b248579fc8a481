/** Open databases as ordinary MongoDB tools read them: a collection of documents beside the rows, kept in step. */

import type { AnyBulkWriteOperation, ClientSession, Db, Document } from 'mongodb'
import { collectionOf, decodeHead, decodeState, modeOf, utf8, type CollectionState } from 'varve/engine'
import { bytesIn, textIn, textOrNullIn, type Row } from './cells.ts'
import { codeOf, errorCode } from './errors.ts'
import { key } from './keys.ts'
import type { View } from './layers.ts'
import { wholeRow } from './pieces.ts'
import { namedFor, readable } from './readable.ts'
import { numberOf } from './decode-rows.ts'
import { documentRange } from './reads.ts'
import type { Rows } from './rows.ts'

/** The collection in which the documents of a collection are readable; null for none. */
export type HeadsName = (store: string, collection: string) => string | null

/** One step of a transaction. */
export type Work = (session: ClientSession) => Promise<unknown>

interface Target {
  readonly no: number
  readonly name: string
  /** Declared index paths. */
  readonly paths: readonly string[]
  /** Changes when every document must be written again. */
  readonly shape: string
}

/** Documents of one page, when all are written again. */
const pageDocuments = 500

/** MongoDB has 64 indexes for a collection, of which one is that of `_id`. */
const mostIndexes = 63

export class Heads {
  readonly #db: Db
  readonly #rows: Rows
  readonly #store: string
  readonly #name: HeadsName
  readonly #filled: Map<string, string>

  /** `filled` holds the shapes by collection number of what is complete. */
  constructor(db: Db, rows: Rows, store: string, name: HeadsName, filled: Readonly<Record<string, string>>) {
    this.#db = db
    this.#rows = rows
    this.#store = store
    this.#name = name
    this.#filled = new Map(Object.entries(filled))
  }

  /**
   * What puts the changed documents into their collections. `fill` is called with the work of each page of collections
   * that have to be written as a whole first, and at last with their shape.
   */
  async changes(
    changed: Iterable<readonly [name: string, row: Row | null]>,
    view: View,
    fill: (work: Work | null, done: Readonly<Record<string, string>>) => Promise<void>,
  ): Promise<readonly Work[]> {
    const documents = [...changed].filter(([name]) => name.startsWith('d') || name === key.value('state'))
    if (documents.length === 0) return []
    const targets = await this.#targets(view)
    const fresh = new Set<number>()
    for (const target of targets.values()) {
      if (this.#filled.get(String(target.no)) === target.shape) continue
      await this.#fill(target, view, fill)
      fresh.add(target.no)
    }
    const byTarget = new Map<Target, AnyBulkWriteOperation<Named>[]>()
    for (const [name, row] of documents) {
      if (row === null || !name.startsWith('d')) continue
      const target = targets.get(collectionOf(numberOf(name)))
      if (target === undefined || fresh.has(target.no)) continue
      const operations = byTarget.get(target) ?? []
      byTarget.set(target, operations)
      operations.push(...(await this.#operation(target, view, name, row)))
    }
    return [...byTarget].map(([target, operations]) => this.#work(target, operations))
  }

  /** By the number of the collection; none when the database is sealed. */
  async #targets(view: View): Promise<ReadonlyMap<number, Target>> {
    const values = await this.#rows.get(view, [key.value('database'), key.value('state')])
    const database = values.get(key.value('database'))
    const state = values.get(key.value('state'))
    if (database === undefined || state === undefined || modeOf(bytesIn(database, 'value')) !== 'open') return new Map()
    const whole = await wholeRow(this.#rows, view, key.value('state'), state, 'value')
    const targets = new Map<number, Target>()
    for (const collection of decodeState(bytesIn(whole, 'value')).collections) {
      const target = this.#targetOf(collection)
      if (target !== null) targets.set(target.no, target)
    }
    return targets
  }

  #targetOf({ no, name, indexes }: CollectionState): Target | null {
    const collection = name === null ? null : this.#name(this.#store, name)
    if (collection === null || isUnfit(collection)) return null
    const paths = [...new Set(indexes.flatMap((index) => index.paths))].toSorted()
    return { no, name: collection, paths, shape: JSON.stringify([collection, ...paths]) }
  }

  async #fill(target: Target, view: View, fill: Parameters<Heads['changes']>[2]): Promise<void> {
    await this.#make(target)
    const operations: AnyBulkWriteOperation<Named>[] = []
    for (let after = -1; ;) {
      const page = await this.#rows.range(view, documentRange(target.no, after), pageDocuments)
      for (const [name, row] of page) operations.push(...(await this.#operation(target, view, name, row)))
      if (operations.length > 0) await fill(this.#work(target, operations.splice(0)), {})
      const last = page.at(-1)
      if (last === undefined || page.length < pageDocuments) break
      after = numberOf(last[0])
    }
    await fill(null, { [`heads.${target.no}`]: target.shape })
    this.#filled.set(String(target.no), target.shape)
  }

  async #make({ name, paths }: Target): Promise<void> {
    try {
      await this.#db.createCollection(name)
    } catch (error) {
      if (codeOf(error) !== errorCode.namespaceExists) throw error
    }
    const collection = this.#db.collection(name)
    for (const path of paths.filter(isIndexable).slice(0, mostIndexes))
      await collection.createIndex({ [`metaIndexed.${namedFor(path)}`]: 1 })
  }

  async #operation(
    { paths }: Target,
    view: View,
    name: string,
    row: Row,
  ): Promise<readonly AnyBulkWriteOperation<Named>[]> {
    const state = textOrNullIn(await wholeRow(this.#rows, view, name, row, 'state'), 'state')
    if (state === null) return []
    const head = decodeHead(state)
    const filter = { _id: head.state.id }
    if (head.state.status === 'absent') return [{ deleteOne: { filter } }]
    return [{ replaceOne: { filter, replacement: readable(head, paths), upsert: true } }]
  }

  #work({ name }: Target, operations: AnyBulkWriteOperation<Named>[]): Work {
    return (session) => this.#db.collection<Named>(name).bulkWrite(operations, { session, ordered: true })
  }
}

/** Bytes of a collection's name; MongoDB counts that of its database, at most 63, into 255. */
const nameBytes = 190

/** Names of the store's own collections and of MongoDB's, where a document could pass for one of theirs, and what is none. */
function isUnfit(name: string): boolean {
  const isOwn = name.startsWith('varve_') || name.startsWith('system.')
  return isOwn || !name.isWellFormed() || !/^[^$\0.](?:[^$\0]*[^$\0.])?$/su.test(name) || utf8(name).length > nameBytes
}

/** MongoDB has no index of names that begin with `$`. */
function isIndexable(path: string): boolean {
  return path.split('.').every((name) => name !== '' && !name.startsWith('$'))
}

/** The name in a shape. */
export function nameIn(shape: string): string {
  const parts: unknown = JSON.parse(shape)
  const name: unknown = Array.isArray(parts) ? parts[0] : null
  return textIn({ name: typeof name === 'string' ? name : null }, 'name')
}

interface Named extends Document {
  _id: string
}

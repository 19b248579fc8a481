/** One hash over everything replicas of a database must agree on, with local numbers replaced by what they stand for. */

import { createHash } from 'node:crypto'
import {
  decodeHead,
  decodeState,
  firstDocument,
  markTexts,
  pendingPlace,
  stateName,
  toHex,
  VarveError,
  type CollectionState,
  type DocumentRow,
  type EntryRow,
  type ReplicaState,
  type Store,
} from 'varve/engine'

export interface StateHashOptions {
  /**
   * Leaves out what only the recorder decides: version numbers and places of entries it has not seen,
   * and the collection version of documents with such entries.
   */
  readonly provisional?: boolean
}

const all = Number.MAX_SAFE_INTEGER

/** SHA-256 in hex of `stateText`. Equal for replicas with the same commits, receipts, keys and declared indexes. */
export async function stateHash(store: Store, options: StateHashOptions = {}): Promise<string> {
  return createHash('sha256')
    .update(await stateText(store, options))
    .digest('hex')
}

/** What `stateHash` hashes, one line per feed, collection, document and index row: for finding what differs. */
export async function stateText(store: Store, options: StateHashOptions = {}): Promise<string> {
  const bytes = await store.value(stateName)
  if (bytes === null) throw new VarveError('INVALID', 'The store holds no replica')
  return new StateText(store, decodeState(bytes), options.provisional === true).text()
}

class StateText {
  readonly #store: Store
  readonly #state: ReplicaState
  readonly #provisional: boolean
  readonly #feeds = new Map<number, string>()

  constructor(store: Store, state: ReplicaState, provisional: boolean) {
    this.#store = store
    this.#state = state
    this.#provisional = provisional
  }

  async text(): Promise<string> {
    const lines: string[] = []
    for (const feed of await this.#store.feeds()) {
      this.#feeds.set(feed.no, toHex(feed.id))
      if (feed.length > 0) lines.push(JSON.stringify(['feed', toHex(feed.id), feed.length, toHex(feed.head)]))
    }
    const { record } = this.#state
    lines.push(JSON.stringify(['record', record.length, toHex(record.head), record.at]))
    for (const collection of this.#state.collections) lines.push(...(await this.#collection(collection)))
    return lines.toSorted().join('\n')
  }

  async #collection(collection: CollectionState): Promise<readonly string[]> {
    const documents = await this.#store.scan(collection.no, firstDocument(collection.no) - 1, all)
    const lines: string[] = []
    for (const row of documents) lines.push(...(await this.#document(row)))
    // A collection of which only refused commits told leaves no trace.
    if (lines.length === 0) return []
    const { tag, name, recorded, pending } = collection
    lines.push(JSON.stringify(['collection', toHex(tag), name, recorded, pending]))
    const tags = new Map(documents.map((row) => [row.no, toHex(row.tag)]))
    for (const { no, paths } of collection.indexes) {
      const range = { from: null, to: null }
      for (const hit of await this.#store.scanIndex({ index: no, range, reverse: false, after: null, limit: all })) {
        lines.push(
          JSON.stringify(['index', toHex(tag), paths.join(' '), toHex(hit.key), hit.id, tags.get(hit.document)]),
        )
      }
    }
    return [...lines, ...(await this.#words(collection, tags))]
  }

  async #words({ tag, search }: CollectionState, tags: ReadonlyMap<number, string>): Promise<readonly string[]> {
    if (search === undefined) return []
    const postings = await this.#store.searchPostings(search.no, null, all)
    return postings.map(({ term, document, field, position }) =>
      JSON.stringify(['search', toHex(tag), search.fields[field]?.[0], term, tags.get(document), position]),
    )
  }

  async #document(row: DocumentRow): Promise<readonly string[]> {
    const entries = await this.#store.entries(row.no, { from: 0, to: all, limit: all })
    if (entries.length === 0) return []
    const tag = toHex(row.tag)
    const lines = await Promise.all(entries.map((entry) => this.#entry(tag, entry)))
    return [...lines, this.#head(tag, row.state)]
  }

  #head(tag: string, text: string | null): string {
    if (text === null) return JSON.stringify(['head', tag, null])
    const head = decodeHead(text)
    const order = [head.order.stamp, this.#feeds.get(head.order.feed) ?? null]
    const cv = this.#provisional && head.pending > 0 ? null : head.cv
    // Which id a document had that cannot be read (any more) is known only where it once could.
    const { texts, ...rest } = head.state
    const marks = texts === undefined ? {} : { texts: markTexts(texts) }
    const state = { ...rest, ...marks, ...(rest.status === 'absent' ? { id: '' } : {}) }
    return JSON.stringify(['head', tag, { ...head, state, cv, order }])
  }

  async #entry(tag: string, { place, index, commit, ov, cv }: EntryRow): Promise<string> {
    const [head] = await this.#store.commitHeads([commit])
    const name = `${this.#feeds.get(head?.feed ?? 0) ?? ''}/${head?.seq ?? ''}/${index}`
    if (place < pendingPlace) return JSON.stringify(['entry', tag, place, name, ov, cv, head?.at])
    return JSON.stringify(['pending', tag, name, ...(this.#provisional ? [] : [ov, cv])])
  }
}

/** Where queries read from: the heads of a replica, or a collection as the record was at some time. */

import { decodeHead, documentOf, headOv, type Head } from '../document/head.ts'
import { documentTag, rowTag } from '../log/tag.ts'
import type { KeyRange } from '../query/order-key.ts'
import type { Candidate, QuerySource, ScanRange } from '../query/source.ts'
import { firstDocument, type DocumentRow } from '../store/rows.ts'
import type { IndexPosition } from '../store/store.ts'
import { headAtRecord } from './reads.ts'
import type { Space } from './space.ts'

const pageDocuments = 256

/** Turns a stored document into what a query sees of it; null leaves it out. */
type Look = (row: DocumentRow) => Promise<Head | null> | Head | null

/** The present heads; deleted documents only on request. */
export function presentSource(space: Space, includeDeleted: boolean): QuerySource {
  return new StoreSource(space, (row) => shown(row.state === null ? null : decodeHead(row.state), includeDeleted))
}

/** The heads right after record number `record`; reads histories, so it cannot use indexes. */
export function pastSource(space: Space, record: number, includeDeleted: boolean): QuerySource {
  return new StoreSource(space, async (row) => {
    const head = row.state === null ? null : decodeHead(row.state)
    if (head === null || head.recorded === 0) return null
    return shown(await headAtRecord(space.replica, row.no, record), includeDeleted)
  })
}

function shown(head: Head | null, includeDeleted: boolean): Head | null {
  if (head === null || headOv(head) < 0) return null
  return head.state.status === 'live' || (includeDeleted && head.state.status === 'deleted') ? head : null
}

class StoreSource implements QuerySource {
  readonly #space: Space
  readonly #look: Look

  constructor(space: Space, look: Look) {
    this.#space = space
    this.#look = look
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
    for (;;) {
      const rows = await store.scan(collection.no, after, pageDocuments)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.no
      yield await this.#candidates(rows)
    }
  }

  async *byIds(ids: readonly string[]): AsyncGenerator<readonly Candidate[]> {
    for (let i = 0; i < ids.length; i += pageDocuments) {
      const rows = await this.#rows(ids.slice(i, i + pageDocuments))
      yield await this.#candidates(rows.filter((row) => row !== null))
    }
  }

  async *index(no: number, range: KeyRange, reverse: boolean): AsyncGenerator<readonly Candidate[]> {
    const { store } = this.#space.replica
    let after: IndexPosition | null =
      range.afterId === undefined || reverse ? null : { key: range.from, id: range.afterId }
    for (;;) {
      const hits = await store.scanIndex({
        index: no,
        range: { from: range.from, to: range.to },
        reverse,
        after,
        limit: pageDocuments,
      })
      const last = hits.at(-1)
      if (last === undefined) return
      after = { key: last.key, id: last.id }
      yield hits.flatMap((hit) => {
        const head = shown(hit.state === null ? null : decodeHead(hit.state), false)
        return head === null ? [] : [{ id: head.state.id, doc: documentOf(head) }]
      })
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
      if (head !== null) found.push({ id: head.state.id, doc: documentOf(head) })
    }
    return found
  }
}

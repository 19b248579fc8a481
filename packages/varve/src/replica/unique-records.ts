/** The recorder against unique indexes: what it can read, it refuses when the values are taken. */

import { absentHead, type Head } from '../document/head.ts'
import { toHex } from '../encoding/bytes.ts'
import type { Receipt } from '../log/receipt.ts'
import { pendingPlace, type FeedRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { CheckedCommit } from './check.ts'
import type { ReplicaContext } from './context.ts'
import { foldEntries, foldInto, type CompareOrder } from './count.ts'
import type { HistorySource, Kept } from './history.ts'
import type { EntryReader, ReadCommit, ReadEntry } from './reader.ts'
import { readAhead } from './refold.ts'
import type { IndexState } from './state.ts'
import { presentOf, uniqueOf, UniqueValues, type CollectionChanges, type UniqueChange } from './unique.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** What is needed of the recorder's replica. */
interface Recording {
  readonly store: Store
  readonly reader: EntryReader
  readonly context: ReplicaContext
}

/** One for each write of a recorder: commits it judges later see what earlier ones take. */
export class UniqueRecords {
  readonly #source: HistorySource
  readonly #context: ReplicaContext
  readonly #set: WorkingSet
  readonly #values: UniqueValues

  constructor(replica: Recording, compare: CompareOrder, set: WorkingSet) {
    const { store, reader, context } = replica
    this.#source = { store, reader, compare }
    this.#context = context
    this.#set = set
    const judge = async (document: number, head: Head): Promise<Head> =>
      head.pending === 0 ? head : foldKept(await this.#kept(document), [], compare)
    this.#values = new UniqueValues(store, judge)
  }

  /**
   * Why the commit must be refused, as far as this recorder can read; else its values are taken. Receipts can be read by
   * everyone who passes them on, so of a sealed database they name neither paths nor documents.
   */
  async refusal(commit: CheckedCommit, no: number, feed: FeedRow | undefined): Promise<Receipt['refused']> {
    if (this.#context.blind === true) return null
    const indexes = commit.header.collections.map((tag) => this.#indexesOf(tag))
    if (indexes.every((list) => list.length === 0)) return null
    const read = this.#read(commit, no, feed)
    const parts: CollectionChanges[] = []
    for (const [i, list] of indexes.entries()) {
      if (list.length > 0) parts.push({ indexes: list, changes: await this.#changesOf(commit, read, i) })
    }
    const taken = await this.#values.take(parts)
    if (taken === null) return null
    const { paths, id } = taken
    const named = this.#context.mode === 'open'
    const index = named ? `The unique index on "${paths.join('", "')}"` : 'A unique index'
    const reason = `${index} has these values already, in ${named ? `document "${id}"` : 'another document'}`
    return { code: 'EXISTS', reason }
  }

  #read(commit: CheckedCommit, no: number, feed: FeedRow | undefined): ReadCommit {
    const { id, seq, header, headerBytes, bodies, signature } = commit
    const row = { no, feed: feed?.no ?? 0, seq, stamp: header.stamp, id, header: headerBytes, signature }
    const unjudged = { record: null, at: null, refused: null, size: bodies.length }
    return this.#source.reader.decode({ ...row, ...unjudged }, header, feed)
  }

  #indexesOf(tag: Uint8Array): readonly IndexState[] {
    const name = toHex(tag)
    return uniqueOf(this.#set.state.collections.find((collection) => toHex(collection.tag) === name))
  }

  async #changesOf(commit: CheckedCommit, read: ReadCommit, collection: number): Promise<readonly UniqueChange[]> {
    const changes: UniqueChange[] = []
    for (const [index, header] of commit.header.entries.entries()) {
      const tag = commit.documents[index]
      const body = commit.parts[index]
      if (header.collection !== collection || tag === undefined || body === undefined) continue
      const document = this.#set.find(tag)
      const row = { document: document?.no ?? 0, place: pendingPlace - 1, index, commit: read.head.no, ov: 0, cv: 0 }
      const entry = this.#source.reader.open(read, row, body)
      if (entry.entry === null) continue
      const { before, after } = await this.#folded(document, entry)
      const id = after.state.id
      changes.push({ id, before: presentOf(before), after: presentOf(after) })
    }
    return changes
  }

  /** The recorded state of a document without the entry and with it. */
  async #folded(document: WorkingDocument | undefined, entry: ReadEntry): Promise<{ before: Head; after: Head }> {
    const { compare } = this.#source
    const head = document?.head ?? absentHead
    const isLast = head.pending === 0 && document?.refold !== true && compare(entry.order, head.order) > 0
    if (entry.entry !== null && (document === undefined || isLast))
      return { before: head, after: foldInto(head, entry.entry, entry.at, entry.order, entry.key) }
    const kept = document === undefined ? { base: absentHead, recorded: [] } : await this.#kept(document.no)
    return { before: foldKept(kept, [], compare), after: foldKept(kept, [entry], compare) }
  }

  /** What is recorded of a document, with what this write records. */
  #kept(document: number): Promise<Kept> {
    return readAhead(this.#source, this.#set)(document).kept()
  }
}

function foldKept({ base, recorded }: Kept, more: readonly ReadEntry[], compare: CompareOrder): Head {
  return foldEntries(base, [...recorded, ...more], compare)
}

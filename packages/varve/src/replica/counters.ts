/** The counters of one replica: every write that records versions counts them in its own batch. */

import {
  bookAfter,
  bookName,
  countedAnew,
  decodeBook,
  emptyBook,
  encodeBook,
  withWaste,
  type Book,
  type BookedRule,
} from '../counters/book.ts'
import { countVersion, needsDocuments, type CountedVersion } from '../counters/count.ts'
import { nextErasure } from '../counters/erase.ts'
import { counterRows, rulesOfRows } from '../counters/names.ts'
import { Sheet, type NamedValues } from '../counters/sheet.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { collectionTag } from '../log/tag.ts'
import { collectionOf } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { ReplicaContext } from './context.ts'
import { isHidden } from './declarations.ts'
import { newVersions, plainOperation } from './recorded.ts'
import type { Replica } from './replica.ts'
import type { CollectionTotals, ReplicaState, TotalsState } from './state.ts'
import type { RecordedEntry, WorkingSet } from './working.ts'

/** Values kept at hand: the figures that writes change are few. */
const cachedValues = 4096

export class ReplicaCounters implements NamedValues {
  readonly #store: Store
  #book: Book
  readonly #cache = new Map<string, Uint8Array | null>()

  private constructor(store: Store, book: Book) {
    this.#store = store
    this.#book = book
  }

  /** Throws `UNSUPPORTED_VERSION` for the book of a newer Varve. One that cannot be read is begun anew, without rules. */
  static async load({ store, env }: Pick<ReplicaContext, 'store' | 'env'>): Promise<ReplicaCounters> {
    const bytes = await store.value(bookName)
    try {
      return new ReplicaCounters(store, bytes === null ? emptyBook : decodeBook(bytes))
    } catch (error) {
      if (!isVarveError(error) || error.code === 'UNSUPPORTED_VERSION') throw error
      env.log('warn', 'counter rules cannot be read: define them again', { reason: error.message })
      return new ReplicaCounters(store, bookAfter(rulesOfRows((await store.values(counterRows)).keys())))
    }
  }

  get book(): Book {
    return this.#book
  }

  async value(name: string): Promise<Uint8Array | null> {
    const known = this.#cache.get(name)
    if (known !== undefined) return known
    const value = await this.#store.value(name)
    this.#remember(name, value)
    return value
  }

  values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#store.values(prefix)
  }

  /** The last step before a write is stored: what it records is counted, and becomes part of its batch. */
  async count(replica: Replica, set: WorkingSet): Promise<void> {
    const { length } = set.state.record
    if (set.keysChanged && [...set.documents].length > 0)
      this.write(set, countedAnew(this.bookOf(set), needsDocuments, length, replica.reader.pruned.state.reach))
    if (length > replica.state.record.length) {
      const ready = this.bookOf(set).rules.some((booked) => booked.ready)
      const twice = set.recorded.some(({ kind, row }) => kind === 'put' && row.ov > 0)
      if (ready || twice) await this.#countVersions(replica, set)
      else addTotals(set, replica.state.record.length, set.recorded.map(seenOf))
    }
    for (const [name, value] of set.sheet?.changes() ?? []) set.values.set(name, value)
  }

  async #countVersions(replica: Replica, set: WorkingSet): Promise<void> {
    try {
      const ready = this.bookOf(set).rules.filter((booked) => booked.ready)
      const needs = ready.some(({ rule }) => needsDocuments(rule))
      const versions = await newVersions(replica, set, needs)
      addTotals(set, replica.state.record.length, versions)
      if (ready.length === 0) return
      await countInto(this.sheetOf(set), replica, set.state, ready, versions)
      this.#writeWaste(set)
      await this.eraseSome(set)
    } catch (error) {
      if (!(error instanceof VarveError) || error.code === 'STORE_FAILED' || error.code === 'CLOSED') throw error
      // Figures that cannot be read must not keep anybody from writing: they are counted from the log again.
      replica.context.env.log('warn', 'counters are counted anew', { reason: error.message })
      set.sheet = null
      this.write(
        set,
        countedAnew(this.bookOf(set), () => true, set.state.record.length, replica.reader.pruned.state.reach),
      )
    }
  }

  /** What the counters of a write have dropped waits to be erased. */
  #writeWaste(set: WorkingSet): void {
    const { waste } = this.sheetOf(set)
    if (waste.length > 0) this.write(set, withWaste(this.bookOf(set), waste))
  }

  /** Erases a page of what is not counted any more; false when there is nothing left. */
  async eraseSome(set: WorkingSet): Promise<boolean> {
    const sheet = this.sheetOf(set)
    const erased = await nextErasure(sheet, this.bookOf(set))
    if (erased === null) return false
    for (const name of erased.names) sheet.set(name, null)
    this.write(set, erased.book)
    return true
  }

  bookOf(set: WorkingSet): Book {
    return set.book ?? this.#book
  }

  /** The counters of a write, made on top of what is stored. */
  sheetOf(set: WorkingSet): Sheet {
    set.sheet ??= new Sheet(this)
    return set.sheet
  }

  /** Makes a book part of a write. */
  write(set: WorkingSet, book: Book): void {
    set.book = book
    set.values.set(bookName, encodeBook(book))
  }

  /** A write was stored: from now on its counters are the ones. */
  taken(set: WorkingSet): void {
    if (set.book !== null) this.#book = set.book
    for (const [name, value] of set.sheet?.changes() ?? []) this.#remember(name, value)
  }

  #remember(name: string, value: Uint8Array | null): void {
    this.#cache.delete(name)
    this.#cache.set(name, value)
    if (this.#cache.size <= cachedValues) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      break
    }
  }
}

/** Counts versions, in the order of the record, under rules, each from where it begins; `state` names the collections. */
export async function countInto(
  sheet: Sheet,
  { context }: Replica,
  state: ReplicaState,
  rules: readonly BookedRule[],
  versions: readonly CountedVersion[],
): Promise<void> {
  for (const version of versions) {
    for (const { no, rule, since } of rules) {
      const counts = version.record >= since && isNamed(context, state, rule.collections, version.collection)
      if (counts) await countVersion(sheet, no, rule, version)
    }
  }
}

/** Whether a collection is one of these names, null for all that applications see. By tag, when it has no name yet that can be read. */
export function isNamed(
  context: ReplicaContext,
  state: ReplicaState,
  names: readonly string[] | null,
  no: number,
): boolean {
  const found = state.collections[no - 1]
  if (names === null) return found === undefined || !isHidden(context, found.tag)
  return names.some((name) =>
    found === undefined || found.name !== null
      ? found?.name === name
      : equalBytes(collectionTag(context.tagKey, name), found.tag),
  )
}

type Seen = Pick<CountedVersion, 'operation' | 'collection' | 'at'>

function seenOf({ row, kind, at }: RecordedEntry): Seen {
  return { operation: plainOperation(kind), collection: collectionOf(row.document), at }
}

/** Counts versions in the totals, which must go as far as the record did before them. */
function addTotals(set: WorkingSet, before: number, versions: readonly Seen[]): void {
  const { totals, record } = set.state
  if (totals.counted !== before) return
  set.state = { ...set.state, totals: withVersions(totals, versions, record.length) }
}

export const noVersions: CollectionTotals = { created: 0, updated: 0, deleted: 0, at: 0 }

/** The totals with versions of the record up to `counted`. */
export function withVersions(totals: TotalsState, versions: readonly Seen[], counted: number): TotalsState {
  const collections = [...totals.collections]
  for (const { operation, collection, at } of versions) {
    while (collections.length < collection) collections.push(noVersions)
    const { created, updated, deleted } = collections[collection - 1] ?? noVersions
    collections[collection - 1] = {
      created: created + (operation === 'CREATE' ? 1 : 0),
      updated: updated + (operation === 'UPDATE' ? 1 : 0),
      deleted: deleted + (operation === 'DELETE' ? 1 : 0),
      at,
    }
  }
  return { counted, collections }
}

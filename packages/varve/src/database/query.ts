/** The query object of `find`: immutable, run when it is awaited or iterated. */

import type { Doc } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { cursorAfter } from '../query/cursor.ts'
import { parseFilter } from '../query/filter.ts'
import { namesIds, planQuery, readsAsStored, type IndexInfo } from '../query/plan.ts'
import type { Predicate } from '../query/predicate.ts'
import { select } from '../query/project.ts'
import { fieldsOf, Groups, parseGrouping, type Group, type Total } from '../query/group.ts'
import { countQuery, matchingPages, queryPages } from '../query/run.ts'
import { parseSort, type SortOrder } from '../query/sort.ts'
import type { Candidate, QuerySource } from '../query/source.ts'
import type { QueryPlan, Sort } from '../query/types.ts'
import { highlightsOf, type Highlight } from '../search/highlight.ts'
import {
  rankedCursor,
  searchOf,
  searchPages,
  searchPlan,
  searchSource,
  type Found,
  type Search,
  type SearchHome,
} from './search.ts'
import { askedPaths } from './seal-query.ts'
import { typedJson } from './typed.ts'
import type { Cancellable } from './types.ts'
import { watchLive, type Live } from './watch.ts'
import type { WatchHome } from './watch-hub.ts'
import { liveOf } from './watch-query.ts'

/** What a query needs of its collection. */
export interface QueryHome {
  /** `asked` are the dotted paths whose values decide the answer: it throws `KEY_MISSING` when one cannot be read. */
  source(includeDeleted: boolean, asked: readonly string[]): Promise<QuerySource>
  /** Ready indexes; none for views of the past. */
  indexes(): Promise<readonly IndexInfo[]>
  /** What searches need; `indexed` is false when no index has what is asked for. */
  search(indexed: boolean, asked: readonly string[]): Promise<SearchHome>
  /** Where live queries hear of changes; absent where results cannot be watched. */
  readonly watch?: WatchHome
}

interface QueryState {
  readonly predicate: Predicate
  readonly order: SortOrder
  readonly limit: number | null
  readonly after: string | null
  readonly paths: readonly string[] | null
  readonly includeDeleted: boolean
  readonly search: Search | null
}

/** A document that a search found. */
export interface Hit<T> {
  readonly doc: Doc<T>
  /** Higher is better; to be compared within one answer only. */
  readonly score: number
  readonly highlights: readonly Highlight[]
}

/** A page of hits and the cursor of the next one; `next` is null on the last page. */
export interface HitPage<T> {
  readonly items: readonly Hit<T>[]
  readonly next: string | null
}

/** A page of results and the cursor of the next one; `next` is null on the last page. */
export interface Page<T> {
  readonly items: readonly Doc<T>[]
  readonly next: string | null
}

const pageSize = 50

/**
 * Documents that match a filter. Every method returns a new query. Without `sort` documents come in the
 * order this replica stored them; with it, ties are broken by id.
 */
export class Query<T> implements AsyncIterable<Doc<T>> {
  readonly #home: QueryHome
  readonly #state: QueryState

  private constructor(home: QueryHome, state: QueryState) {
    this.#home = home
    this.#state = state
  }

  /** Throws `INVALID` naming the place in the filter. */
  static of<T>(home: QueryHome, filter: unknown): Query<T> {
    const predicate = parseFilter(filter ?? {})
    return new Query(home, {
      predicate,
      order: [],
      limit: null,
      after: null,
      paths: null,
      includeDeleted: false,
      search: null,
    })
  }

  /** Paths with 1 (ascending) or -1; MongoDB's order across types. */
  sort(by: Sort): Query<T> {
    return this.#with({ order: parseSort(by) })
  }

  limit(n: number): Query<T> {
    if (!Number.isSafeInteger(n) || n < 0)
      throw new VarveError('INVALID', `The limit is ${n}: it must be a whole number, zero or above`)
    return this.#with({ limit: n })
  }

  /** Continues after the last document of an earlier page of the same query. */
  after(cursor: string): Query<T> {
    return this.#with({ after: cursor })
  }

  /** Only these paths, with `id` and `_system`. */
  select(paths: readonly string[]): Query<T> {
    select(paths)
    return this.#with({ paths })
  }

  includeDeleted(): Query<T> {
    return this.#with({ includeDeleted: true })
  }

  /**
   * Only what this text finds in the declared search index: words that must all be there, "phrases", prefixes* and
   * -exclusions (`docs/search.md`). Best first unless `sort` says otherwise, ties by id. Throws `INVALID`, `TOO_LARGE`.
   */
  search(text: string): Query<T> {
    return this.#with({ search: searchOf(text) })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Doc<T>> {
    const show = this.#projection()
    for await (const page of this.#pages(this.#state.limit)) for (const candidate of page) yield show(candidate)
  }

  async toArray(options: Cancellable = {}): Promise<Doc<T>[]> {
    const show = this.#projection()
    const found: Doc<T>[] = []
    for await (const page of this.#pages(this.#state.limit, options.signal))
      for (const candidate of page) found.push(show(candidate))
    return found
  }

  async first(options: Cancellable = {}): Promise<Doc<T> | null> {
    const [doc] = await this.limit(1).toArray(options)
    return doc ?? null
  }

  /** How many match; `limit` and `after` do not count. */
  async count(options: Cancellable = {}): Promise<number> {
    options.signal?.throwIfAborted()
    return countQuery(await this.#source(), { predicate: this.#state.predicate, indexes: await this.#indexes() })
  }

  /**
   * The matching documents in groups of equal values under the paths `by`, ascending; `limit` and `after` do not count.
   * Missing is null, an array is one value. Without paths there is one group, or none where nothing matches. Throws
   * `INVALID` naming the place, `TOO_LARGE` for more than `limits.groups` groups.
   */
  async group(
    by: readonly string[],
    totals: Readonly<Record<string, Total>>,
    options: Cancellable = {},
  ): Promise<readonly Group[]> {
    const grouping = parseGrouping(by, totals)
    const groups = new Groups(grouping)
    const spec = { predicate: this.#state.predicate, indexes: await this.#indexes() }
    const fields = fieldsOf(grouping)
    for await (const page of matchingPages(await this.#source(fields), spec, fields)) {
      options.signal?.throwIfAborted()
      for (const { doc } of page) groups.add(doc)
    }
    return groups.finish()
  }

  /** One page of `limit` documents (50 by default) and where the next begins. */
  async page(options: Cancellable = {}): Promise<Page<T>> {
    const show = this.#projection()
    const { items, next } = await this.#page((size, indexes) => this.#pages(size, options.signal, indexes), options)
    return { items: items.map(show), next }
  }

  /** A page of a search like `page`, each document with its score and where in its text the words stand. Throws `INVALID`. */
  async hits(options: Cancellable = {}): Promise<HitPage<T>> {
    const { search } = this.#state
    if (search === null) throw new VarveError('INVALID', 'Only a search has hits: call search(text) first')
    const show = this.#projection()
    const { fields, extractors } = await this.#searchHome()
    const { items, next } = await this.#page((size) => this.#found(search, size, options.signal), options)
    const hits = items.map((found) => {
      const highlights = highlightsOf(found.doc, search.terms, fields, extractors)
      return { doc: show(found), score: found.score, highlights }
    })
    return { items: hits, next }
  }

  async #page<Item extends Candidate>(
    pages: (size: number, indexes: readonly IndexInfo[]) => AsyncIterable<readonly Item[]>,
    options: Cancellable,
  ): Promise<{ readonly items: readonly Item[]; readonly next: string | null }> {
    options.signal?.throwIfAborted()
    const size = this.#state.limit ?? pageSize
    const indexes = await this.#indexes()
    const found: Item[] = []
    for await (const page of pages(size + 1, indexes)) found.push(...page)
    const items = found.slice(0, size)
    const last = items.at(-1)
    return { items, next: found.length > size && last !== undefined ? this.#cursor(last, indexes) : null }
  }

  /** `indexes` are those the page was read with. */
  #cursor(last: Candidate & { readonly score?: number }, indexes: readonly IndexInfo[]): string {
    const { search, order, predicate } = this.#state
    if (order.length > 0) return cursorAfter(order, last.doc, last.id)
    if (search !== null) return rankedCursor(search, { ...last, score: last.score ?? 0 })
    return cursorAfter(order, last.doc, last.id, readsAsStored(planQuery(predicate, order, indexes), order))
  }

  /**
   * Calls `fn` with the result, and again after every write or batch that changes it: see `live`. `onError` hears why the
   * result may be behind, `CLOSED` for good; without it, that is logged. Returns a function that ends it.
   */
  watch(fn: (docs: Doc<T>[]) => void, options: { readonly onError?: (error: VarveError) => void } = {}): () => void {
    const log = this.#home.watch?.log
    const onError = options.onError ?? ((error) => log?.('warn', 'a watched query is behind', { code: error.code }))
    return watchLive(this.live(), fn, onError)
  }

  /** The result as it changes, for whoever wants to look at it at any time. Throws `INVALID`, `STALE_CURSOR`, `UNSUPPORTED`. */
  live(): Live<Doc<T>> {
    if (this.#state.search !== null)
      throw new VarveError(
        'UNSUPPORTED',
        'Searches cannot be watched: watch the filter, and search again when it changes',
      )
    const show = this.#projection()
    return liveOf(this.#home.watch, this.#state, {
      show: (doc) => show({ id: '', doc }),
      plan: () => this.explain(),
      read: (limit, signal) => this.#pages(limit, signal),
    })
  }

  /** Which index would be used, and why. */
  async explain(): Promise<QueryPlan> {
    const { search, predicate, order } = this.#state
    if (search !== null) return searchPlan(await this.#searchHome(), order)
    return planQuery(predicate, order, await this.#indexes())
  }

  #with(change: Partial<QueryState>): Query<T> {
    return new Query(this.#home, { ...this.#state, ...change })
  }

  #projection(): (candidate: Candidate) => Doc<T> {
    const { paths } = this.#state
    const project = paths === null ? null : select(paths)
    return ({ doc }) => typedJson<T>(project === null ? doc : project(doc))
  }

  /** Deleted documents have no index rows, what a search finds is read from its own index, and what has an id by it. */
  #indexes(): Promise<readonly IndexInfo[]> {
    const { includeDeleted, search, predicate } = this.#state
    const none = includeDeleted || search !== null || namesIds(predicate)
    return none ? Promise.resolve([]) : this.#home.indexes()
  }

  /** Dotted paths whose values decide what the query gives. */
  #asked(more: SortOrder = []): readonly string[] {
    return askedPaths(this.#state.predicate, [...this.#state.order, ...more])
  }

  /** The documents among which the filter chooses. */
  async #source(fields: SortOrder = []): Promise<QuerySource> {
    const { search, includeDeleted } = this.#state
    const source = await this.#home.source(includeDeleted, this.#asked(fields))
    return search === null ? source : searchSource(source, await this.#searchHome(), search)
  }

  #searchHome(): Promise<SearchHome> {
    return this.#home.search(!this.#state.includeDeleted, this.#asked())
  }

  async *#found(search: Search, limit: number | null, signal?: AbortSignal): AsyncGenerator<readonly Found[]> {
    const source = await this.#home.source(this.#state.includeDeleted, this.#asked())
    for await (const page of searchPages(source, await this.#searchHome(), { ...this.#state, search }, limit)) {
      signal?.throwIfAborted()
      yield page
    }
  }

  async *#pages(
    limit: number | null,
    signal?: AbortSignal,
    indexes?: readonly IndexInfo[],
  ): AsyncGenerator<readonly Candidate[]> {
    signal?.throwIfAborted()
    const { predicate, order, after, includeDeleted, search } = this.#state
    if (search !== null) {
      yield* this.#found(search, limit, signal)
      return
    }
    const source = await this.#home.source(includeDeleted, this.#asked())
    const pages = queryPages(source, {
      predicate,
      order,
      indexes: indexes ?? (await this.#indexes()),
      ...(limit === null ? {} : { limit }),
      ...(after === null ? {} : { after }),
    })
    for await (const page of pages) {
      signal?.throwIfAborted()
      yield page
    }
  }
}

/** The query object of `find`: immutable, run when it is awaited or iterated. */

import type { Doc } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { cursorAfter } from '../query/cursor.ts'
import { parseFilter } from '../query/filter.ts'
import { planQuery, type IndexInfo } from '../query/plan.ts'
import type { Predicate } from '../query/predicate.ts'
import { select } from '../query/project.ts'
import { countQuery, queryPages } from '../query/run.ts'
import { parseSort, type SortOrder } from '../query/sort.ts'
import type { Candidate, QuerySource } from '../query/source.ts'
import type { QueryPlan, Sort } from '../query/types.ts'
import { typedJson } from './typed.ts'
import type { Cancellable } from './types.ts'

/** What a query needs of its collection. */
export interface QueryHome {
  source(includeDeleted: boolean): Promise<QuerySource>
  /** Ready indexes; none for views of the past. */
  indexes(): Promise<readonly IndexInfo[]>
}

interface QueryState {
  readonly predicate: Predicate
  readonly order: SortOrder
  readonly limit: number | null
  readonly after: string | null
  readonly paths: readonly string[] | null
  readonly includeDeleted: boolean
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
    return new Query(home, { predicate, order: [], limit: null, after: null, paths: null, includeDeleted: false })
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
    const source = await this.#home.source(this.#state.includeDeleted)
    return countQuery(source, { predicate: this.#state.predicate, indexes: await this.#indexes() })
  }

  /** One page of `limit` documents (50 by default) and where the next begins. */
  async page(options: Cancellable = {}): Promise<Page<T>> {
    const size = this.#state.limit ?? pageSize
    const show = this.#projection()
    const found: Candidate[] = []
    for await (const page of this.#pages(size + 1, options.signal)) found.push(...page)
    const items = found.slice(0, size)
    const last = items.at(-1)
    const next = found.length > size && last !== undefined ? cursorAfter(this.#state.order, last.doc, last.id) : null
    return { items: items.map(show), next }
  }

  /** Which index would be used, and why. */
  async explain(): Promise<QueryPlan> {
    return planQuery(this.#state.predicate, this.#state.order, await this.#indexes())
  }

  #with(change: Partial<QueryState>): Query<T> {
    return new Query(this.#home, { ...this.#state, ...change })
  }

  #projection(): (candidate: Candidate) => Doc<T> {
    const { paths } = this.#state
    const project = paths === null ? null : select(paths)
    return ({ doc }) => typedJson<T>(project === null ? doc : project(doc))
  }

  /** Deleted documents have no index rows. */
  #indexes(): Promise<readonly IndexInfo[]> {
    return this.#state.includeDeleted ? Promise.resolve([]) : this.#home.indexes()
  }

  async *#pages(limit: number | null, signal?: AbortSignal): AsyncGenerator<readonly Candidate[]> {
    signal?.throwIfAborted()
    const { predicate, order, after, includeDeleted } = this.#state
    const source = await this.#home.source(includeDeleted)
    const pages = queryPages(source, {
      predicate,
      order,
      indexes: await this.#indexes(),
      ...(limit === null ? {} : { limit }),
      ...(after === null ? {} : { after }),
    })
    for await (const page of pages) {
      signal?.throwIfAborted()
      yield page
    }
  }
}

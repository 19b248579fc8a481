/** A query of a hub's collection: built at once, run on the placement when it is awaited. */

import type { Cancellable, Collection, Doc, Filter, Group, HitPage, Page, Query, QueryPlan, Sort, Total } from 'varve'
import type { Env, VarveError } from 'varve/engine'
import type { LinkOptions } from './base64/read.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import type { Step } from '../peers/call.ts'
import type { Observing } from './handle-calls.ts'
import { nextResult, watchShared, type MarkedResult } from './watch-shared.ts'
import type { Placement } from '../placement/placement.ts'

/** Where a query runs. */
export interface QueryPlace<T> {
  placement(): Placement
  /** Other processes may hold it. */
  readonly isShared: boolean
  bind(open: OpenPlacement): Collection<T>
  /** Runs a query where the placement is held: here by `work`, elsewhere by its steps. */
  run<R>(steps: readonly Step[], work: (open: OpenPlacement) => Promise<R>): Promise<R>
  /** Observes the placement where it is held. */
  observe<R>(steps: readonly Step[], observing: Observing<R>): Promise<R | null>
  readonly env: Env
  /** The documents with links, when the query asks for them. */
  linked(open: OpenPlacement, docs: readonly Doc<T>[]): Promise<Doc<T>[]>
}

/** Milliseconds for which the holder of a placement is asked to wait for a change; below what any call may take. */
const watchMs = 8_000

/** Documents that are asked for at once when a query is iterated over. */
const pageDocuments = 100

type Build<T> = (collection: Collection<T>) => Query<T>

export class HubQuery<T> implements AsyncIterable<Doc<T>> {
  readonly #place: QueryPlace<T>
  readonly #build: Build<T>
  /** The same as calls of another process. */
  readonly #steps: readonly Step[]

  private constructor(place: QueryPlace<T>, build: Build<T>, steps: readonly Step[]) {
    this.#place = place
    this.#build = build
    this.#steps = steps
  }

  static of<T>(place: QueryPlace<T>, filter: Filter<T> | undefined, options: LinkOptions): HubQuery<T> {
    const find = { method: 'find', args: [filter, options] }
    return new HubQuery(place, (collection) => collection.find(filter), [find])
  }

  /** Paths with 1 (ascending) or -1; MongoDB's order across types. */
  sort(by: Sort): HubQuery<T> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a query is no array; its `sort` gives a new query
    return this.#with('sort', [by], (query) => query.sort(by))
  }

  limit(n: number): HubQuery<T> {
    return this.#with('limit', [n], (query) => query.limit(n))
  }

  /** Continues after the last document of an earlier page of the same query. */
  after(cursor: string): HubQuery<T> {
    return this.#with('after', [cursor], (query) => query.after(cursor))
  }

  select(paths: readonly string[]): HubQuery<T> {
    return this.#with('select', [paths], (query) => query.select(paths))
  }

  includeDeleted(): HubQuery<T> {
    return this.#with('includeDeleted', [], (query) => query.includeDeleted())
  }

  search(text: string): HubQuery<T> {
    return this.#with('search', [text], (query) => query.search(text))
  }

  toArray(options: Cancellable = {}): Promise<Doc<T>[]> {
    return this.#run('toArray', [options], async (query, linked) => linked(await query.toArray(options)))
  }

  first(options: Cancellable = {}): Promise<Doc<T> | null> {
    return this.#run('first', [options], async (query, linked) => {
      const doc = await query.first(options)
      return doc === null ? null : ((await linked([doc]))[0] ?? null)
    })
  }

  count(options: Cancellable = {}): Promise<number> {
    return this.#run('count', [options], (query) => query.count(options))
  }

  group(
    by: readonly string[],
    totals: Readonly<Record<string, Total>>,
    options: Cancellable = {},
  ): Promise<readonly Group[]> {
    return this.#run('group', [by, totals, options], (query) => query.group(by, totals, options))
  }

  /** One page of `limit` documents (50 by default) and where the next begins. */
  page(options: Cancellable = {}): Promise<Page<T>> {
    return this.#run('page', [options], async (query, linked) => {
      const page = await query.page(options)
      return { ...page, items: await linked(page.items) }
    })
  }

  hits(options: Cancellable = {}): Promise<HitPage<T>> {
    return this.#run('hits', [options], (query) => query.hits(options))
  }

  explain(): Promise<QueryPlan> {
    return this.#run('explain', [], (query) => query.explain())
  }

  /** Keeps the placement open while it is read; of several processes, the one that holds it is asked for page after page. */
  [Symbol.asyncIterator](): AsyncGenerator<Doc<T>> {
    return this.#place.isShared ? this.#pages() : this.#here()
  }

  async *#pages(): AsyncGenerator<Doc<T>> {
    const limit: unknown = this.#steps.findLast(({ method }) => method === 'limit')?.args[0]
    let left = typeof limit === 'number' ? limit : Infinity
    let cursor: string | null = null
    while (left !== 0) {
      const size = Math.min(left, pageDocuments)
      const page: Page<T> = await (cursor === null ? this : this.after(cursor)).limit(size).page()
      yield* page.items
      left -= page.items.length
      cursor = page.next
      if (cursor === null) return
    }
  }

  async *#here(): AsyncGenerator<Doc<T>> {
    const placement = this.#place.placement()
    const end = await placement.enter()
    try {
      const open = await placement.borrow()
      try {
        for await (const doc of this.#build(this.#place.bind(open))) yield* await this.#place.linked(open, [doc])
      } catch (error) {
        throw await placement.told(error)
      } finally {
        placement.giveBack()
      }
    } finally {
      end()
    }
  }

  /**
   * Calls `fn` with the result, and again after every write that changes it, also when the placement has moved, or another
   * process holds it. `onError` hears why the result may be behind. Returns a function that ends it.
   */
  watch(fn: (docs: Doc<T>[]) => void, options: { readonly onError?: (error: VarveError) => void } = {}): () => void {
    const onError = options.onError ?? (() => undefined)
    if (this.#place.isShared)
      return watchShared((mark, signal) => this.#changed(mark, watchMs, signal), fn, onError, this.#place.env)
    return this.#place.placement().follow((open) => this.#build(this.#place.bind(open)).watch(fn, { onError }), onError)
  }

  /** The next result with another mark; null when there is none for so many milliseconds. */
  changed(mark: string, waitMs: number): Promise<MarkedResult<T> | null> {
    return this.#changed(mark, waitMs)
  }

  #changed(mark: string | null, waitMs: number, signal?: AbortSignal): Promise<MarkedResult<T> | null> {
    const begin: Observing<MarkedResult<T>>['begin'] = (open, end) =>
      nextResult(this.#build(this.#place.bind(open)), mark, end)
    // No mark is empty, and no argument of a call is null.
    const steps = [...this.#steps, { method: 'changed', args: [mark ?? '', waitMs] }]
    return this.#place.observe(steps, { begin, waitMs, ...(signal === undefined ? {} : { signal }) })
  }

  #with(method: string, args: readonly unknown[], change: (query: Query<T>) => Query<T>): HubQuery<T> {
    const steps = [...this.#steps, { method, args }]
    return new HubQuery(this.#place, (collection) => change(this.#build(collection)), steps)
  }

  #run<R>(
    method: string,
    args: readonly unknown[],
    work: (query: Query<T>, linked: (docs: readonly Doc<T>[]) => Promise<Doc<T>[]>) => Promise<R>,
  ): Promise<R> {
    return this.#place.run([...this.#steps, { method, args }], (open) =>
      work(this.#build(this.#place.bind(open)), (docs) => this.#place.linked(open, docs)),
    )
  }
}

/** A query as a page has it: shaped here, answered by the engine, live by events. */

import {
  VarveError,
  type Cancellable,
  type Doc,
  type Group,
  type HitPage,
  type Live,
  type Page,
  type Query,
  type QueryPlan,
  type Sort,
  type Total,
} from 'varve'
import { decodeError, type WireError } from '../wire.ts'
import { answered, type At } from './at.ts'
import { SharedLive } from './live.ts'

type Told<T> = { readonly docs: Doc<T>[] } | { readonly error: WireError }

export class SharedQuery<T> implements Record<keyof Query<T>, unknown>, AsyncIterable<Doc<T>> {
  readonly #at: At

  constructor(at: At) {
    this.#at = at
  }

  sort(by: Sort): SharedQuery<T> {
    return new SharedQuery(this.#at.to('sort', by))
  }

  limit(n: number): SharedQuery<T> {
    return new SharedQuery(this.#at.to('limit', n))
  }

  after(cursor: string): SharedQuery<T> {
    return new SharedQuery(this.#at.to('after', cursor))
  }

  select(paths: readonly string[]): SharedQuery<T> {
    return new SharedQuery(this.#at.to('select', paths))
  }

  includeDeleted(): SharedQuery<T> {
    return new SharedQuery(this.#at.to('includeDeleted'))
  }

  search(text: string): SharedQuery<T> {
    return new SharedQuery(this.#at.to('search', text))
  }

  [Symbol.asyncIterator](): AsyncGenerator<Doc<T>> {
    return this.#at.each()
  }

  toArray(options: Cancellable = {}): Promise<Doc<T>[]> {
    return this.#at.read('toArray', options)
  }

  first(options: Cancellable = {}): Promise<Doc<T> | null> {
    return this.#at.read('first', options)
  }

  count(options: Cancellable = {}): Promise<number> {
    return this.#at.read('count', options)
  }

  group(
    by: readonly string[],
    totals: Readonly<Record<string, Total>>,
    options: Cancellable = {},
  ): Promise<readonly Group[]> {
    return this.#at.read('group', by, totals, options)
  }

  page(options: Cancellable = {}): Promise<Page<T>> {
    return this.#at.read('page', options)
  }

  hits(options: Cancellable = {}): Promise<HitPage<T>> {
    return this.#at.read('hits', options)
  }

  explain(): Promise<QueryPlan> {
    return this.#at.read('explain')
  }

  watch(fn: (docs: Doc<T>[]) => void, options: { readonly onError?: (error: VarveError) => void } = {}): () => void {
    const failed = (error: Error): void => {
      const told =
        error instanceof VarveError ? error : new VarveError('STORE_FAILED', 'The engine failed', { cause: error })
      options.onError?.(told)
    }
    return this.#at.follow(
      'watch',
      [],
      (event) => {
        const { value: told } = answered<Told<T>>(event)
        if ('docs' in told) fn(told.docs)
        else failed(decodeError(told.error))
      },
      failed,
    )
  }

  live(): Live<Doc<T>> {
    return new SharedLive<Doc<T>>((docs, failed) => this.watch(docs, { onError: failed }))
  }
}

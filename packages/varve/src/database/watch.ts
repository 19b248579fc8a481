/** Live results: the array a query gives, kept up to date while somebody is subscribed. */

import { isVarveError, VarveError } from '../errors.ts'
import { LiveWindow, marginOf, type WindowChange, type WindowRules } from '../query/live-window.ts'
import type { Candidate } from '../query/source.ts'
import type { WatchedChange, Watcher, WatchHome } from './watch-hub.ts'

/** The result of a query as it changes; what `useSyncExternalStore` of React wants. */
export interface Live<Doc> {
  /**
   * The documents in order; undefined before the first result is there. The same array until the result changes, and
   * unchanged documents stay the same objects. Kept up to date while there are subscribers.
   */
  current(): Doc[] | undefined
  /** Calls `fn` when `current()` or `error` is another: at most once per write or batch. Returns a function that ends it. */
  subscribe(fn: () => void): () => void
  /** Why `current()` may be behind: `CLOSED` for good, `STORE_FAILED` until the next change; null while it is not. */
  readonly error: VarveError | null
  /** Resolves when `current()` has everything stored when it was called; rejects with `error`. At once without subscribers. */
  settled(): Promise<void>
}

/** What a live query asks of its query. */
export interface LiveSource<Doc> {
  readonly home: WatchHome
  readonly limit: number
  /** True when the order of the documents depends on what is read. */
  readonly unsorted: boolean
  readonly includeDeleted: boolean
  /** Dotted paths whose values decide the answer. */
  readonly asked: readonly string[]
  /** How the window is kept now; others when indexes are added. */
  rules(): Promise<WindowRules<Doc>>
  /** The first `limit` documents of the query, in order. */
  read(limit: number, signal: AbortSignal): AsyncIterable<readonly Candidate[]>
}

export class LiveQuery<Doc> implements Live<Doc>, Watcher {
  readonly #source: LiveSource<Doc>
  readonly #subscribers = new Set<{ readonly fn: () => void }>()
  #window: LiveWindow<Doc> | null = null
  #docs: Doc[] | undefined = undefined
  #error: VarveError | null = null
  #unwatch: (() => void) | null = null
  /** The reading under way, if any, and what changed meanwhile: the last change of each document. */
  #reading: { readonly done: Promise<void>; readonly abort: AbortController } | null = null
  readonly #missed = new Map<number, WatchedChange>()

  constructor(source: LiveSource<Doc>) {
    this.#source = source
  }

  current(): Doc[] | undefined {
    return this.#docs
  }

  get error(): VarveError | null {
    return this.#error
  }

  subscribe(fn: () => void): () => void {
    const subscriber = { fn }
    this.#subscribers.add(subscriber)
    if (this.#subscribers.size === 1) this.#start()
    return () => {
      if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#stop()
    }
  }

  async settled(): Promise<void> {
    while (this.#reading !== null) await this.#reading.done
    if (this.#error !== null) throw this.#error
  }

  changed(changes: readonly WatchedChange[]): boolean {
    if (this.#reading !== null) {
      for (const change of changes) this.#missed.set(change.place, change)
      return false
    }
    if (this.#error !== null || this.#window === null) {
      this.#read()
      return false
    }
    try {
      if (this.#apply(this.#window, changes) !== 'changed') return false
      this.#docs = this.#window.result()
    } catch (error) {
      // The write is stored: what goes wrong here must not reach its caller.
      this.#error = asVarveError(error)
    }
    return true
  }

  tell(): void {
    // Listeners may come and go while they are told: only those who are there now are.
    const present = new Set(this.#subscribers)
    for (const subscriber of present) {
      if (!this.#subscribers.has(subscriber)) continue
      try {
        subscriber.fn()
      } catch (error) {
        this.#source.home.log('error', 'a listener of a live query failed', { error: String(error) })
      }
    }
  }

  replanned(): void {
    if (this.#source.unsorted) this.#read()
  }

  ended(error: VarveError): void {
    this.#stop()
    this.#fail(error)
  }

  #start(): void {
    try {
      this.#unwatch = this.#source.home.watch(this)
      this.#read()
    } catch (error) {
      this.#error = asVarveError(error)
      // Not before the subscriber holds what ends its subscription.
      queueMicrotask(() => this.tell())
    }
  }

  #stop(): void {
    this.#unwatch?.()
    this.#unwatch = null
    this.#reading?.abort.abort()
    this.#reading = null
    this.#missed.clear()
  }

  #fail(error: VarveError): void {
    this.#error = error
    this.tell()
  }

  #apply(window: LiveWindow<Doc>, changes: readonly WatchedChange[]): WindowChange {
    const { includeDeleted, asked } = this.#source
    const outcome = window.apply(
      changes.map((change) => ({ id: change.id, place: change.place, doc: change.seen(includeDeleted, asked) })),
    )
    if (outcome === 'short') this.#read()
    return outcome
  }

  /** Runs the query again, once at a time; a reading under way begins anew. */
  #read(): void {
    this.#reading?.abort.abort()
    this.#missed.clear()
    const abort = new AbortController()
    const done = this.#readWith(abort.signal).catch((error: unknown) => {
      if (abort.signal.aborted) return
      this.#reading = null
      this.#missed.clear()
      this.#fail(asVarveError(error))
    })
    this.#reading = { done, abort }
  }

  async #readWith(signal: AbortSignal): Promise<void> {
    const { home, limit } = this.#source
    const asked = limit + marginOf(limit)
    const rules = await this.#source.rules()
    const found: Candidate[] = []
    for await (const page of this.#source.read(asked, signal)) found.push(...page)
    await home.settled(() => {
      if (!signal.aborted) this.#take(rules, found, found.length < asked)
    })
  }

  #take(rules: WindowRules<Doc>, found: readonly Candidate[], complete: boolean): void {
    const window = this.#window ?? new LiveWindow(rules)
    this.#window = window
    window.load(rules, found, complete)
    const missed = [...this.#missed.values()]
    this.#reading = null
    this.#missed.clear()
    if (this.#apply(window, missed) === 'short') return
    const docs = window.result()
    const same = this.#docs !== undefined && sameItems(this.#docs, docs)
    if (same && this.#error === null) return
    this.#error = null
    if (!same) this.#docs = docs
    this.tell()
  }
}

/** Calls `fn` with every new result of a live query, and `onError` with what keeps it from being up to date. */
export function watchLive<Doc>(
  live: Live<Doc>,
  fn: (docs: Doc[]) => void,
  onError: (error: VarveError) => void,
): () => void {
  let seen: Doc[] | undefined
  let failed: VarveError | null = null
  return live.subscribe(() => {
    const { error } = live
    const docs = live.current()
    if (error !== null && error !== failed) onError(error)
    failed = error
    if (docs === undefined || docs === seen) return
    seen = docs
    fn(docs)
  })
}

function sameItems<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

function asVarveError(error: unknown): VarveError {
  return isVarveError(error)
    ? error
    : new VarveError('STORE_FAILED', `A live query could not be read: ${String(error)}`, { cause: error })
}

/** The array a query gives in a page, kept up to date while somebody is subscribed: what `useSyncExternalStore` wants. */

import type { Live, VarveError } from 'varve'

type Watch<Doc> = (docs: (docs: Doc[]) => void, failed: (error: VarveError) => void) => () => void

export class SharedLive<Doc> implements Live<Doc> {
  readonly #watch: Watch<Doc>
  readonly #subscribers = new Set<{ readonly fn: () => void }>()
  #stop: (() => void) | null = null
  #docs: Doc[] | undefined = undefined
  #error: VarveError | null = null
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []

  constructor(watch: Watch<Doc>) {
    this.#watch = watch
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
    this.#stop ??= this.#watch(
      (docs) => {
        this.#tell(docs, null)
      },
      (error) => {
        this.#tell(this.#docs, error)
      },
    )
    return () => {
      this.#subscribers.delete(subscriber)
      if (this.#subscribers.size > 0) return
      this.#stop?.()
      this.#stop = null
    }
  }

  /** Resolves with the first result; what was written after that comes by itself. Rejects with `error`. */
  settled(): Promise<void> {
    if (this.#error !== null) return Promise.reject(this.#error)
    if (this.#docs !== undefined || this.#stop === null) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #tell(docs: Doc[] | undefined, error: VarveError | null): void {
    this.#docs = docs
    this.#error = error
    const waiting = this.#waiting
    this.#waiting = []
    for (const { resolve, reject } of waiting) {
      if (error === null) resolve()
      else reject(error)
    }
    for (const { fn } of this.#subscribers) fn()
  }
}

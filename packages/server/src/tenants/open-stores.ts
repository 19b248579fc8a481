/** The stores a node has open: when there are too many, those that nobody uses are closed, the one longest unused first. */

import type { Env } from 'varve/engine'

/** Something that keeps a store open. */
export interface Opened {
  /** Nobody uses it. */
  readonly idle: boolean
  /** Closes it; it may be opened again afterwards. */
  end(): Promise<void>
}

export class OpenStores {
  readonly #maximum: number
  readonly #env: Pick<Env, 'log'>
  /** What nobody uses, in order of last use. */
  readonly #unused = new Set<Opened>()
  #open = 0

  /** What is in use is never closed: `maximum` bounds what is kept open beside it. */
  constructor(maximum: number, env: Pick<Env, 'log'>) {
    this.#maximum = maximum
    this.#env = env
  }

  /** Stores that are open, or being opened. */
  get open(): number {
    return this.#open
  }

  /** Another store is going to be opened; resolves when there is room for it, or nothing more that could be closed. */
  async opening(): Promise<void> {
    this.#open++
    while (this.#open > this.#maximum) {
      const oldest = this.#longestUnused()
      if (oldest === null) return
      try {
        await oldest.end()
      } catch (error) {
        this.#env.log('warn', 'a store that nobody used could not be closed in order', { error: String(error) })
      }
    }
  }

  /** A store that was counted by `opening` is closed, or was not opened. */
  closed(): void {
    this.#open--
  }

  used(opened: Opened): void {
    this.#unused.delete(opened)
  }

  unused(opened: Opened): void {
    this.#unused.delete(opened)
    this.#unused.add(opened)
  }

  #longestUnused(): Opened | null {
    for (const opened of this.#unused) if (opened.idle) return opened
    return null
  }
}

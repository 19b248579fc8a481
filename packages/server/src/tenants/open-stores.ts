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
  #closing: Promise<void> | null = null

  /** What is in use is never closed, so that there may be more than `maximum`; they go as soon as nobody uses them. */
  constructor(maximum: number, env: Pick<Env, 'log'>) {
    this.#maximum = maximum
    this.#env = env
  }

  /** Stores that are open, or being opened. */
  get open(): number {
    return this.#open
  }

  /** Another store is going to be opened; resolves when there is room for it, or nothing more that could be closed. */
  opening(): Promise<void> {
    this.#open++
    return this.#makeRoom()
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
    void this.#makeRoom()
  }

  /** One after the other: closing a tenant closes its databases as well, and may be enough. */
  #makeRoom(): Promise<void> {
    this.#closing ??= this.#closeUnused()
    return this.#closing
  }

  async #closeUnused(): Promise<void> {
    // Whoever gives something back goes on first: he may look at it once more.
    await Promise.resolve()
    for (;;) {
      const oldest = this.#open > this.#maximum ? this.#longestUnused() : null
      if (oldest === null) break
      try {
        await oldest.end()
      } catch (error) {
        this.#env.log('warn', 'a store that nobody used could not be closed in order', { error: String(error) })
      }
    }
    this.#closing = null
  }

  #longestUnused(): Opened | null {
    for (const opened of this.#unused) if (opened.idle) return opened
    return null
  }
}

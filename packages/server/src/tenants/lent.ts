/** Something with a store of its own, opened when first asked for, shared by all who use it, and closed when nobody does. */

import type { Opened, OpenStores } from './open-stores.ts'

export interface LentParts<T extends object> {
  readonly stores: OpenStores
  readonly open: () => Promise<T>
  readonly close: (value: T) => Promise<void>
  /** Whether a part of it is in use although it is not itself. */
  readonly inUse?: (value: T) => boolean
}

interface Current<T> {
  readonly opening: Promise<T>
  /** Null until it is open. */
  value: T | null
}

export class Lent<T extends object> implements Opened {
  readonly #parts: LentParts<T>
  #current: Current<T> | null = null
  #uses = 0
  /** Settles when what was open before is closed; never rejects. */
  #closed: Promise<void> = Promise.resolve()

  constructor(parts: LentParts<T>) {
    this.#parts = parts
  }

  /** What is open now; null when nothing is. */
  get value(): T | null {
    return this.#current?.value ?? null
  }

  get inUse(): boolean {
    const { value } = this
    return this.#uses > 0 || (value !== null && this.#parts.inUse?.(value) === true)
  }

  get idle(): boolean {
    return this.value !== null && !this.inUse
  }

  /** Opens it, when it is not open, and keeps it so until `giveBack` was called as often. Throws what opening throws. */
  async borrow(): Promise<T> {
    this.keep()
    try {
      this.#current ??= this.#begin()
      return await this.#current.opening
    } catch (error) {
      this.giveBack()
      throw error
    }
  }

  /** The same for whoever has it anyway. */
  keep(): void {
    this.#uses++
    this.#parts.stores.used(this)
  }

  giveBack(): void {
    this.#uses--
    if (this.#uses === 0 && this.value !== null) this.#parts.stores.unused(this)
  }

  /** Borrows it while `work` runs. */
  async using<R>(work: (value: T) => R | Promise<R>): Promise<R> {
    const value = await this.borrow()
    try {
      return await work(value)
    } finally {
      this.giveBack()
    }
  }

  /** Closes it, whoever uses it. */
  end(): Promise<void> {
    const current = this.#current
    if (current === null) return this.#closed
    this.#current = null
    this.#parts.stores.used(this)
    const closing = this.#close(current)
    this.#closed = closing.catch(() => undefined)
    return closing
  }

  #begin(): Current<T> {
    const current: Current<T> = { opening: this.#open(), value: null }
    current.opening.then(
      (value) => (current.value = value),
      () => {
        if (this.#current === current) this.#current = null
      },
    )
    return current
  }

  async #open(): Promise<T> {
    const { stores, open } = this.#parts
    await this.#closed
    await stores.opening()
    try {
      return await open()
    } catch (error) {
      stores.closed()
      throw error
    }
  }

  async #close({ opening }: Current<T>): Promise<void> {
    const { stores, close } = this.#parts
    const [opened] = await Promise.allSettled([opening])
    // What could not be opened left nothing behind, and whoever asked for it was told.
    if (opened.status === 'rejected') return
    try {
      await close(opened.value)
    } finally {
      stores.closed()
    }
  }
}

/** Requests that wait for something to be put into the mailbox: woken by it, never polling. */

import type { Env } from 'varve/engine'

/** One waiting request. */
export interface Waiter {
  /** Settles when it is woken, its time is over or its request is gone. */
  readonly woken: Promise<void>
  /** Ends the wait at once; idempotent. */
  readonly end: () => void
}

export class Waiters {
  readonly #env: Env
  readonly #waiting = new Map<string, Set<() => void>>()
  #closed = false

  constructor(env: Env) {
    this.#env = env
  }

  /** Waits for `wake(key)`, at most `ms` milliseconds. Begin before looking, so that nothing is missed between. */
  wait(key: string, ms: number, signal: AbortSignal): Waiter {
    let settle = (): void => undefined
    const woken = new Promise<void>((resolve) => {
      settle = resolve
    })
    const waiting = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, waiting)
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      waiting.delete(end)
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key)
      settle()
    }
    const cancel = this.#env.timer(end, ms)
    waiting.add(end)
    signal.addEventListener('abort', end)
    if (ms === 0 || this.#closed || signal.aborted) end()
    return { woken, end }
  }

  wake(key: string): void {
    for (const end of this.#waiting.get(key) ?? []) end()
  }

  /** Ends all waits, now and later; idempotent. */
  close(): void {
    this.#closed = true
    for (const key of this.#waiting.keys()) this.wake(key)
  }
}

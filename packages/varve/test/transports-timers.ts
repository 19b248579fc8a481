/** Timers that wait for the test instead of time. */

import type { Env } from 'varve/engine'

interface Timer {
  readonly fn: () => void
  readonly ms: number
}

export class ManualTimers implements Pick<Env, 'timer'> {
  readonly #timers = new Set<Timer>()

  readonly timer = (fn: () => void, ms: number): (() => void) => {
    const timer = { fn, ms }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Milliseconds of the timers that are set, shortest first. */
  get waiting(): readonly number[] {
    return [...this.#timers].map(({ ms }) => ms).toSorted((a, b) => a - b)
  }

  /** Fires every timer that is set now for at least `ms` and at most `to` milliseconds. */
  fire(ms: number, to = ms): void {
    const due = [...this.#timers].filter((timer) => timer.ms >= ms && timer.ms <= to)
    for (const timer of due) if (this.#timers.delete(timer)) timer.fn()
  }
}

/** The clock and the timers of one simulated process: the clock may be wrong, and timers end with the process. */

import type { Scheduler } from './scheduler.ts'

export class ProcessClock {
  readonly #scheduler: Scheduler
  readonly #started: number
  readonly #running = new Set<() => void>()
  /** Milliseconds by which the clock is ahead. */
  skew = 0
  /** Milliseconds it gains in each one. */
  drift = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#started = scheduler.now
  }

  /** Wall clock in whole Unix milliseconds, as this process sees it. */
  readonly now = (): number => {
    const { now } = this.#scheduler
    return Math.floor(now + this.skew + (now - this.#started) * this.drift)
  }

  /** Timers measure true time, whatever the wall clock does. */
  readonly timer = (run: () => void, ms: number): (() => void) => {
    const cancel = this.#scheduler.after(ms, () => {
      this.#running.delete(cancel)
      run()
    })
    this.#running.add(cancel)
    return () => {
      this.#running.delete(cancel)
      cancel()
    }
  }

  /** Timers that will ring. */
  get waiting(): number {
    return this.#running.size
  }

  /** The process is gone: nothing of it rings any more. */
  stop(): void {
    for (const cancel of this.#running) cancel()
    this.#running.clear()
  }
}

/** The slots of a process in one placement: each write takes one while it is under way. */

import { limits } from 'varve/engine'

export class Slots {
  /** Free ones, the lowest last: few are in use, and few are stored. */
  readonly #free: number[] = []
  readonly #waiting: ((slot: number) => void)[] = []
  #made = 0

  /** Nobody has one, or waits for one. */
  get unused(): boolean {
    return this.#free.length === this.#made
  }

  /** A free slot, as soon as there is one. */
  take(): Promise<number> {
    const free = this.#free.pop()
    if (free !== undefined) return Promise.resolve(free)
    if (this.#made < limits.operationSlots) return Promise.resolve(this.#made++)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  giveBack(slot: number): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(slot)
    else next(slot)
  }
}

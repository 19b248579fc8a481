/** One direction of a proxied connection: carries bytes in order, late, in part, or not at all. */

import type { Socket } from 'node:net'

export interface LaneParts {
  readonly from: Socket
  readonly to: Socket
  /** How late what is sent now arrives. */
  readonly delayMs: () => number
  /** Ends the connection after a part of what was sent has crossed. */
  readonly truncated: () => void
  /** Sees everything that is sent. */
  readonly seen: (bytes: Uint8Array) => void
}

export class Lane {
  readonly #parts: LaneParts
  /** Settles when everything before has crossed. */
  #crossing: Promise<void> = Promise.resolve()
  #stalled = false
  #full = false
  #truncating = false
  #corrupting = false
  #blocked = false

  constructor(parts: LaneParts) {
    this.#parts = parts
    const { from, to } = parts
    from.on('data', (bytes: Uint8Array) => {
      this.#take(bytes)
    })
    // An error is followed by the end, which is all there is to pass on.
    from.on('error', () => undefined)
    from.on('end', () => {
      this.#after(() => void to.end())
    })
    from.on('close', () => {
      this.#after(() => {
        to.destroySoon()
      })
    })
    to.on('drain', () => {
      this.#full = false
      this.#go()
    })
  }

  /** Nothing crosses any more, and no end is passed on. */
  block(): void {
    this.#blocked = true
    this.flow()
  }

  stall(): void {
    if (this.#blocked) return
    this.#stalled = true
    this.#parts.from.pause()
  }

  flow(): void {
    this.#stalled = false
    this.#go()
  }

  truncate(): void {
    this.#truncating = true
  }

  corrupt(): void {
    this.#corrupting = true
  }

  #go(): void {
    if (!this.#stalled && (!this.#full || this.#blocked)) this.#parts.from.resume()
  }

  #take(bytes: Uint8Array): void {
    const { from, to, seen, truncated } = this.#parts
    if (this.#blocked) return
    seen(bytes)
    if (this.#corrupting) {
      this.#corrupting = false
      const at = Math.floor(bytes.length / 7)
      bytes[at] = (bytes[at] ?? 0) ^ 1
    }
    if (this.#truncating) {
      this.#blocked = true
      const part = bytes.subarray(0, Math.ceil(bytes.length / 2))
      this.#cross(() => void to.write(part, truncated))
      return
    }
    this.#after(() => {
      if (to.write(bytes)) return
      this.#full = true
      from.pause()
    })
  }

  #after(work: () => void): void {
    this.#cross(() => {
      if (!this.#blocked) work()
    })
  }

  #cross(work: () => void): void {
    const late = this.#parts.delayMs()
    const due = Date.now() + late
    this.#crossing = this.#crossing.then(() => this.#arrive(late, due, work))
  }

  async #arrive(late: number, due: number, work: () => void): Promise<void> {
    const left = due - Date.now()
    if (late > 0 && left > 0) await new Promise((resolve) => setTimeout(resolve, left))
    work()
  }
}

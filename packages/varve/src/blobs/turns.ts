/** Work of which so much is done at once: more waits for its turn, in order. */

export class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Runs `work` when it is its turn; fails with the signal's reason when that comes first. */
  async take<T>(signal: AbortSignal | null, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#wait(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  async #wait(signal: AbortSignal | null): Promise<void> {
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting
      function come(): void {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      function leave(): void {
        waiting.splice(waiting.indexOf(come), 1)
        reject(signal?.reason instanceof Error ? signal.reason : new Error('given up'))
      }
      signal?.addEventListener('abort', leave, { once: true })
      waiting.push(come)
    })
  }
}

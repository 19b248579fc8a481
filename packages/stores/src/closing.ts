/** How long closing waits for a server that is away: once for all stores of a connection, not for each of them. */

/** Milliseconds that closing waits for a server, and soon after that was in vain. */
const closeMs = 5_000
const againMs = 500
const soonMs = 10_000

export class Closing {
  /** When it was in vain last. */
  #vain = -Infinity

  /** The server is known to be away. */
  isAway(): void {
    this.#vain = performance.now()
  }

  /**
   * Runs the last work of a store, which must not depend on who waits for it: false when it is not done in time, and
   * goes on by itself. Throws what it throws.
   */
  async within(work: () => Promise<void>): Promise<boolean> {
    const ms = performance.now() - this.#vain < soonMs ? againMs : closeMs
    let timer: NodeJS.Timeout | null = null
    const over = new Promise<false>((resolve) => {
      timer = setTimeout(() => {
        this.isAway()
        resolve(false)
      }, ms)
    })
    const done = work().then(() => true as const)
    // Nobody waits for it any more when it fails later.
    done.catch(() => undefined)
    try {
      return await Promise.race([done, over])
    } finally {
      if (timer !== null) clearTimeout(timer)
    }
  }
}

/** How often something may happen: presences that one connection passes on. */

import type { Env } from '../env/env.ts'

/** Lets so many through in any second that begins with the first of them. */
export class RateLimit {
  readonly #perSecond: number
  readonly #env: Pick<Env, 'now'>
  #from = Number.NEGATIVE_INFINITY
  #count = 0

  constructor(perSecond: number, env: Pick<Env, 'now'>) {
    this.#perSecond = perSecond
    this.#env = env
  }

  allows(): boolean {
    const now = this.#env.now()
    // A clock that went back begins a new second, or nothing would pass until it has caught up.
    if (now - this.#from >= 1_000 || now < this.#from) {
      this.#from = now
      this.#count = 0
    }
    return ++this.#count <= this.#perSecond
  }
}

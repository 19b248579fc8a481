/** Notices a peer that has gone without saying so. */

import type { Env } from '../env/env.ts'
import { limits } from '../limits.ts'

/** How many intervals may pass without a word. */
const patience = 2.5

export interface SilenceParts {
  readonly env: Pick<Env, 'now' | 'timer'>
  /** Asks the peer for a sign of life, once in every interval. */
  readonly ask: () => void
  /** It has been silent for too long. */
  readonly gone: () => void
}

export class Silence {
  readonly #parts: SilenceParts
  #heard: number
  #cancel: () => void = () => undefined

  constructor(parts: SilenceParts) {
    this.#parts = parts
    this.#heard = parts.env.now()
    this.#wait()
  }

  /** The peer said something. */
  broken(): void {
    this.#heard = this.#parts.env.now()
  }

  stop(): void {
    this.#cancel()
  }

  #wait(): void {
    const { env, ask, gone } = this.#parts
    this.#cancel = env.timer(() => {
      const silentMs = env.now() - this.#heard
      if (silentMs > limits.keepAliveMs * patience) {
        gone()
        return
      }
      // A clock that went back says nothing of before: without this a dead peer would be waited for as long as it jumped.
      if (silentMs < 0) this.#heard = env.now()
      ask()
      this.#wait()
    }, limits.keepAliveMs)
  }
}

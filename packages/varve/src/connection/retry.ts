/** Trying again after waits that grow, until it has worked. */

import type { Env } from '../env/env.ts'
import { backoffMs } from './backoff.ts'

/** As many attempts as it takes to wait longest. */
const manyAttempts = 16

export class Retry {
  readonly #env: Pick<Env, 'random' | 'timer'>
  #failures = 0
  #cancel: () => void = () => undefined

  constructor(env: Pick<Env, 'random' | 'timer'>) {
    this.#env = env
  }

  /** How often it has failed since it worked. */
  get failures(): number {
    return this.#failures
  }

  /** It failed: calls `again` after a while, with `slow` after the longest. */
  failed(again: () => void, slow = false): void {
    this.#cancel()
    this.#cancel = this.#env.timer(again, backoffMs(slow ? manyAttempts : this.#failures, this.#env))
    this.#failures++
  }

  /** Nothing is tried again. */
  cancel(): void {
    this.#cancel()
  }

  /** It worked, or what made it fail is over. */
  worked(): void {
    this.#cancel()
    this.#failures = 0
  }
}

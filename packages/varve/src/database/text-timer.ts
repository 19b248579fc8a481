/** When edits of a text are written: soon after typing pauses, and now and then while it does not. */

import type { Env } from '../env/env.ts'
import { limits } from '../limits.ts'

/** Looks now and then whether typing has paused: one timer serves many keys, and no clock is asked. */
export class TextTimer {
  readonly #env: Pick<Env, 'timer'>
  readonly #hasCompany: () => boolean
  readonly #due: () => void
  /** Whether something was typed since the last look, and milliseconds since the first key. */
  #typed = false
  #waited = 0
  #cancel: (() => void) | null = null

  constructor(env: Pick<Env, 'timer'>, hasCompany: () => boolean, due: () => void) {
    this.#env = env
    this.#hasCompany = hasCompany
    this.#due = due
  }

  /** Something was typed. */
  start(): void {
    this.#typed = this.#cancel !== null
    if (this.#typed) return
    this.#waited = 0
    this.#look()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #look(): void {
    const [idle, longest] = this.#hasCompany()
      ? [limits.textIdleMs, limits.textLongestMs]
      : [limits.textAloneIdleMs, limits.textAloneLongestMs]
    this.#typed = false
    this.#cancel = this.#env.timer(() => {
      this.#cancel = null
      this.#waited += idle
      if (this.#typed && this.#waited < longest) this.#look()
      else this.#due()
    }, idle)
  }
}

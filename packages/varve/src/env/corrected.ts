/** A clock corrected by what a server says: the device's own may be wrong, and stamps must not be. */

import type { Env } from './env.ts'

export interface CorrectedEnv {
  readonly env: Env
  /** Milliseconds added to the device's own clock. */
  readonly correction: () => number
  /** Sets the difference between the right time and the device's own clock. */
  correct(ms: number): void
}

/** Wraps an environment; the correction starts at 0. */
export function correctedEnv(base: Env): CorrectedEnv {
  let correction = 0
  return {
    env: {
      now: () => Math.max(0, base.now() + correction),
      random: (length) => base.random(length),
      timer: (fn, ms) => base.timer(fn, ms),
      log: base.log,
      passphraseWork: base.passphraseWork,
    },
    correction: () => correction,
    correct: (ms) => {
      correction = ms
    },
  }
}

/** The environment of a real process: system clock, system randomness, timers, and a silent log. */

import type { Env } from './env.ts'

/** The default environment; `overrides` replace single parts, for example `log`. */
export function systemEnv(overrides: Partial<Env> = {}): Env {
  return {
    now: () => Date.now(),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    timer: (fn, ms) => {
      const handle = setTimeout(fn, ms)
      return () => {
        clearTimeout(handle)
      }
    },
    log: () => undefined,
    passphraseWork: 18,
    ...overrides,
  }
}

/** The environment of a real process: system clock, system randomness, timers, and a silent log. */

import type { Env } from './env.ts'

/** The default environment; `overrides` replace single parts, for example `log`. */
export function systemEnv(overrides: Partial<Env> = {}): Env {
  return {
    now: () => Date.now(),
    random: pooledRandom(),
    timer,
    log: () => undefined,
    passphraseWork: 18,
    ...overrides,
  }
}

function timer(fn: () => void, ms: number): () => void {
  if (ms === 0 && typeof setImmediate !== 'undefined') {
    const immediate = setImmediate(fn)
    return () => clearImmediate?.(immediate)
  }
  const handle = setTimeout(fn, ms)
  return () => {
    clearTimeout(handle)
  }
}

const poolBytes = 4096

/** Asking the system costs the same for ten bytes as for thousands: small requests are cut from a pool, and wiped there. */
function pooledRandom(): (length: number) => Uint8Array {
  const pool = new Uint8Array(poolBytes)
  let used = poolBytes
  return (length) => {
    if (length > poolBytes / 16) return crypto.getRandomValues(new Uint8Array(length))
    if (used + length > poolBytes) {
      crypto.getRandomValues(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + length)
    pool.fill(0, used, used + length)
    used += length
    return bytes
  }
}

/** A world that repeats itself: randomness from one seed and a clock that ticks a millisecond per look. */

import { sha256 } from '@noble/hashes/sha2.js'
import type { Env } from '../../packages/varve/src/env/env.ts'

/** Bytes from SHA-256 over the seed and a counter. */
export function seededRandom(seed: string): (length: number) => Uint8Array {
  let block = 0
  return (length) => {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 32)
      bytes.set(sha256(new TextEncoder().encode(`${seed} ${block++}`)).subarray(0, length - at), at)
    return bytes
  }
}

/** Passphrases cost next to nothing here: the files made are vectors, not secrets. */
export function seededEnv(seed: string, start = Date.UTC(2026, 0, 1)): Env {
  let now = start
  return {
    now: () => now++,
    random: seededRandom(seed),
    timer: () => () => undefined,
    log: () => undefined,
    passphraseWork: 10,
  }
}

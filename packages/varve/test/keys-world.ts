/** What the tests of keys share: a seeded environment and matchers of error codes. */

import { shake128 } from '@noble/hashes/sha3.js'
import { expect } from 'vitest'
import type { Env } from '../src/env/env.ts'
import type { ErrorCode } from '../src/errors.ts'

/** Randomness from one seed, a clock that ticks, and the cheapest passphrases age allows. */
export function worldFrom(seed: number): Env {
  const stream = shake128.create({}).update(new TextEncoder().encode(`varve test ${seed}`))
  let now = Date.UTC(2026, 0, 1)
  return {
    now: () => now++,
    random: (length) => stream.xof(length),
    timer: () => () => undefined,
    log: () => undefined,
    passphraseWork: 1,
  }
}

/** Matches any Varve error of this code. */
export function coded(code: ErrorCode): Error {
  const matcher: Error = expect.objectContaining({ name: 'VarveError', code })
  return matcher
}

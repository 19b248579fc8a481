/** Runs one target on mutated samples: from one seed always the same cases. */

import { isVarveError } from 'varve/engine'
import { SeededRandom } from '../sim/random.ts'
import { mutate } from './mutate.ts'
import type { Target } from './targets.ts'

export interface FuzzOptions {
  readonly cases: number
  readonly seed: number
  /** Called now and then with the number of cases done. */
  readonly progress?: (done: number) => void
}

export interface FuzzResult {
  readonly cases: number
  /** Cases that were taken; the others were refused with a typed error. */
  readonly accepted: number
  /** The first case that broke a promise; null when none did. */
  readonly failure: { readonly number: number; readonly bytes: Uint8Array; readonly error: unknown } | null
}

/** Accepted cases are mutated on, so that what lies deep is reached; so many are kept besides the samples. */
const keptCases = 500
const keptBytes = 4_096
const progressEvery = 100_000

export function fuzz(target: Target, samples: readonly Uint8Array[], options: FuzzOptions): FuzzResult {
  const random = new SeededRandom(options.seed)
  const pool = [...samples]
  let accepted = 0
  for (let number = 0; number < options.cases; number++) {
    if (number % progressEvery === 0) options.progress?.(number)
    const bytes = mutate(random.pick(pool), random, pool)
    try {
      target.run(bytes)
    } catch (error) {
      if (isVarveError(error)) continue
      return { cases: number + 1, accepted, failure: { number, bytes, error } }
    }
    accepted++
    if (bytes.length > keptBytes) continue
    if (pool.length < samples.length + keptCases) pool.push(bytes)
    else pool[samples.length + random.below(keptCases)] = bytes
  }
  return { cases: options.cases, accepted, failure: null }
}

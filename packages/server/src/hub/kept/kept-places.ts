/** What the placements of a process keep for object storage: when it is brought there, and how much waits. */

import { failureRules, type BlobStore, type Env, type FailureRules, type StoreProvider } from 'varve/engine'
import type { Fallback } from '../config/types.ts'
import { keptStores } from './kept-stores.ts'
import { Kept } from './kept.ts'

/** Sums over the placements that are open now. */
export interface KeptStats {
  readonly objects: number
  readonly bytes: number
  /** Placements whose last attempt failed; of these, those that are tried once an hour only. */
  readonly failing: number
  readonly deadLetters: number
}

export interface KeptPlace {
  readonly provider: StoreProvider
  readonly blobs: BlobStore
  /** Null where nothing is kept. */
  readonly kept: Kept | null
}

/** How often what failed is tried again; null when the section is off. */
export function fallbackRules({ enabled, maxRetries, retryDelayMs, maxDelayMs }: Fallback): FailureRules | null {
  if (!enabled) return null
  const firstMs = retryDelayMs ?? failureRules.firstMs
  return {
    attempts: Math.max(1, maxRetries ?? failureRules.attempts),
    firstMs,
    maximumMs: Math.max(firstMs, maxDelayMs ?? failureRules.maximumMs),
  }
}

export class KeptPlaces {
  readonly #rules: FailureRules | null
  readonly #env: Env
  readonly #open = new Set<Kept>()

  /** Without rules nothing is kept, and a write fails when object storage does. */
  constructor(rules: FailureRules | null, env: Env) {
    this.#rules = rules
    this.#env = env
  }

  /** The stores and the object storage of a placement. */
  at(name: string, provider: StoreProvider, blobs: BlobStore): KeptPlace {
    if (this.#rules === null) return { provider, blobs, kept: null }
    const kept = new Kept({ name, blobs, rules: this.#rules, env: this.#env })
    return { provider: keptStores(provider, kept, this.#open), blobs: kept.blobs, kept }
  }

  stats(): KeptStats {
    const states = [...this.#open].map((kept) => kept.state())
    return {
      objects: states.reduce((sum, { objects }) => sum + objects, 0),
      bytes: states.reduce((sum, { bytes }) => sum + bytes, 0),
      failing: states.filter(({ failures }) => failures > 0).length,
      deadLetters: states.filter(({ deadLetter }) => deadLetter !== null).length,
    }
  }
}

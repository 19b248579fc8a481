/** The providers of a process whose old payloads lie in object storage: what they share, and how far they have sunk. */

import {
  decorate,
  decorateStores,
  SinkingShare,
  sinkingStores,
  type BlobStore,
  type Env,
  type FailureRules,
  type SinkOptions,
  type SinkingStores,
  type SinkState,
  type StoreProvider,
} from 'varve/engine'

/** Sums over the stores that are open now: what is closed does not sink. */
export interface SinkingStats {
  readonly stores: number
  readonly segments: number
  /** Bytes of the objects that hold them. */
  readonly storedBytes: number
  /** What is old and still hot. */
  readonly pendingCommits: number
  readonly pendingBytes: number
  /** Time of the oldest of it, in milliseconds since 1970; null when nothing waits. */
  readonly oldestPendingAt: number | null
  /** Stores whose last attempt failed; of these, those that are tried once an hour only. */
  readonly failing: number
  readonly deadLetters: number
  /** Providers that leave object storage alone for a while because it failed again and again. */
  readonly circuitsOpen: number
  /** Message of one of the failures; null when there is none. */
  readonly problem: string | null
}

export interface SunkStoresParts {
  /** What sinks by itself; null for nothing: what has sunk is read all the same. */
  readonly sink: SinkOptions | null
  /** When what failed is tried again; the engine's rules when left out. */
  readonly failures?: FailureRules
  readonly env: Env
}

export class SunkStores {
  readonly #parts: SunkStoresParts
  readonly #share = new SinkingShare()
  /** Providers with stores that are open, and how many. */
  readonly #open = new Map<SinkingStores, number>()

  constructor(parts: SunkStoresParts) {
    this.#parts = parts
  }

  /** The same provider, whose old payloads sink to `blobs` and are read from there. */
  at(provider: StoreProvider, blobs: BlobStore): SinkingStores {
    const { sink, failures, env } = this.#parts
    const count = (by: number): void => {
      const stores = (this.#open.get(sunk) ?? 0) + by
      if (stores > 0) this.#open.set(sunk, stores)
      else this.#open.delete(sunk)
    }
    const sunk = sinkingStores(countingOpen(provider, count), {
      blobs,
      env,
      share: this.#share,
      ...(failures === undefined ? {} : { failures }),
      ...(sink === null ? {} : { sink }),
    })
    return sunk
  }

  async stats(): Promise<SinkingStats> {
    const states: SinkState[] = []
    for (const { sinkers } of this.#open.keys())
      for (const sinker of sinkers.values()) {
        // A store that is being closed has nothing to say.
        const state = await sinker.state().catch(() => null)
        if (state !== null) states.push(state)
      }
    const circuits = [...this.#open.keys()].map((each) => each.circuit()).filter(({ state }) => state !== 'closed')
    return statsOf(states, circuits)
  }
}

/** The same provider, which says how many of its stores are open. */
export function countingOpen(provider: StoreProvider, count: (by: 1 | -1) => void): StoreProvider {
  return decorateStores(provider, (store) => {
    let isOpen = true
    count(1)
    return decorate(store, (method, call) => {
      if (method === 'close' && isOpen) {
        isOpen = false
        count(-1)
      }
      return call()
    })
  })
}

function statsOf(states: readonly SinkState[], circuits: readonly { readonly problem: string | null }[]): SinkingStats {
  const sum = (of: (state: SinkState) => number): number => states.reduce((total, state) => total + of(state), 0)
  const failing = states.filter(({ failures }) => failures > 0)
  const waiting = states.flatMap(({ oldestPendingAt }) => oldestPendingAt ?? [])
  return {
    stores: states.length,
    segments: sum(({ segments }) => segments),
    storedBytes: sum(({ stored }) => stored),
    pendingCommits: sum(({ pendingCommits }) => pendingCommits),
    pendingBytes: sum(({ pendingBytes }) => pendingBytes),
    oldestPendingAt: waiting.length === 0 ? null : Math.min(...waiting),
    failing: failing.length,
    deadLetters: sum(({ deadLetter }) => (deadLetter === null ? 0 : 1)),
    circuitsOpen: circuits.length,
    problem: failing.find(({ lastError }) => lastError !== null)?.lastError?.message ?? circuits[0]?.problem ?? null,
  }
}

/** What all parts of a simulated world of servers share: its time, network, ledger and journal. */

import { decorate, decorateStores, type StoreProvider } from 'varve/engine'
import type { Ledger } from '../ledger.ts'
import type { Network } from '../net/network.ts'
import type { Scheduler } from '../net/scheduler.ts'
import type { SeededRandom } from '../random.ts'

export interface Sim {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly random: SeededRandom
  readonly ledger: Ledger
  /** Adds a line to the journal. */
  note(line: string): void
  /** Something is not as it must be. */
  problem(what: string): void
  /** Counts what happened, to see that enough does. */
  count(what: string): void
}

/** Counts the calls of all stores of one host: a host at rest makes none. */
export class StoreCalls {
  total = 0

  readonly wrap = (provider: StoreProvider): StoreProvider =>
    decorateStores(provider, (store) =>
      decorate(store, (_, call) => {
        this.total++
        return call()
      }),
    )
}

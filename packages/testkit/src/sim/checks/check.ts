/** What every checker is given, and how it reports. */

import type { Ledger } from '../ledger.ts'
import type { SimNode } from '../node.ts'
import type { SeededRandom } from '../random.ts'

/** A world after everyone synced with everyone and all keys were shared. */
export interface SettledWorld {
  readonly nodes: readonly SimNode[]
  /** Founder and recorder; the first of the nodes. */
  readonly recorder: SimNode
  readonly ledger: Ledger
  readonly random: SeededRandom
  /** Brings a node up to the recorder's state. */
  readonly catchUp: (node: SimNode) => Promise<void>
}

/** Gives what is wrong, in words; nothing when the invariant holds. */
export type Check = (world: SettledWorld) => Promise<readonly string[]>

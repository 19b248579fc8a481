/** Commits that come so late that they belong into what was pruned: refused, or held back, but never folded. */

import type { Order } from '../document/head.ts'
import type { Receipt } from '../log/receipt.ts'
import type { CompareOrder } from './count.ts'
import { arrivesBelow, type Edge } from './edge-mark.ts'
import type { Pruned } from './pruned.ts'
import type { WorkingSet } from './working.ts'

/** A commit as far as its place in time goes; its documents (row tags) must be loaded. */
export interface Arriving {
  readonly order: Order
  readonly documents: readonly Uint8Array[]
}

export class EdgeGuard {
  readonly #pruned: Pruned
  readonly #set: WorkingSet
  readonly #compare: CompareOrder

  constructor(pruned: Pruned, set: WorkingSet, compare: CompareOrder) {
    this.#pruned = pruned
    this.#set = set
    this.#compare = compare
  }

  /** Why the commit does not count here; null when it can be folded. */
  async refusal(arriving: Arriving): Promise<Receipt['refused']> {
    const edge = await this.#edgeAbove(arriving)
    if (edge === null) return null
    const reason = `It belongs before version ${edge.ov} of a document whose past has been pruned up to there: make the change again`
    return { code: 'CONFLICT', reason }
  }

  /** For a commit that another recorder has accepted, so that it cannot be refused. Throws `PRUNED`. */
  async assertAbove(arriving: Arriving): Promise<void> {
    const edge = await this.#edgeAbove(arriving)
    if (edge !== null) throw arrivesBelow(edge)
  }

  async #edgeAbove({ order, documents }: Arriving): Promise<Edge | null> {
    if (!this.#pruned.any) return null
    for (const tag of documents) {
      const document = this.#set.find(tag)
      const edge = document === undefined || document.row === null ? null : await this.#pruned.edge(document.no)
      if (edge !== null && this.#compare(order, edge.order) <= 0) return edge
    }
    return null
  }
}

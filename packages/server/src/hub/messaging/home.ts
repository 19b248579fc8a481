/** Where messaging keeps its documents, how they are named and indexed. */

import type { Database, Transaction } from 'varve'
import type { Placement } from '../placement/placement.ts'

export interface Home {
  readonly placement: () => Placement
  /** The tenant: in every document, so that several can share a database. */
  readonly tenant: string
}

const indexes = {
  messages: [['tenant', 'topic', 'shard', 'number']],
  deliveries: [
    ['tenant', 'topic', 'subscription', 'status', 'until'],
    ['tenant', 'status'],
  ],
  snapshots: [['tenant', 'name', 'number']],
} as const

const prepared = new WeakSet<Database>()

/** A transaction in a database whose indexes are there. */
export async function transactIn<R>(database: Database, work: (tx: Transaction) => Promise<R>): Promise<R> {
  if (!prepared.has(database)) {
    for (const [name, paths] of Object.entries(indexes)) await database.collection(name, { indexes: paths }).declared()
    prepared.add(database)
  }
  return database.transact(work)
}

/** The id of a document. No part but the last has a "/". */
export function rowId(...parts: readonly string[]): string {
  return parts.join('/')
}

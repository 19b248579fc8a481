/** Where messaging keeps its documents, how they are named and indexed, and which process works on them. */

import type { Database, Transaction } from 'varve'
import { VarveError } from 'varve/engine'
import type { Place } from '../context.ts'
import type { PeerTarget } from '../peers/call.ts'
import type { Operation } from '../peers/operation.ts'
import type { Noting } from '../peers/operations.ts'
import type { Peers } from '../peers/peers.ts'
import type { Placement } from '../placement/placement.ts'

export interface HomeParts {
  readonly place: Place
  readonly placement: () => Placement
  /** The tenant: in every document, so that several can share a database. */
  readonly tenant: string
  /** Other processes of the hub that may hold the placement; null for calls of this process alone. */
  readonly peers: Peers | null
  /** The write that another process asks for. */
  readonly operation?: Operation
}

export class Home {
  readonly tenant: string
  readonly #parts: HomeParts
  readonly #kind: PeerTarget['kind']

  constructor(kind: PeerTarget['kind'], parts: HomeParts) {
    this.tenant = parts.tenant
    this.#parts = parts
    this.#kind = kind
  }

  /** Runs `work` where the placement is held: here, or as a call of this method in the process that does. */
  run<R>(
    method: string,
    args: readonly unknown[],
    work: (database: Database, noting: Noting) => Promise<R>,
  ): Promise<R> {
    const { peers, place, tenant, operation = null } = this.#parts
    if (peers === null) return this.#here(operation, work)
    const asking = { target: { kind: this.#kind, name: tenant }, steps: [{ method, args }] }
    return peers.run(place, asking, (own) => this.#here(own, work))
  }

  #here<R>(operation: Operation | null, work: (database: Database, noting: Noting) => Promise<R>): Promise<R> {
    return this.#parts
      .placement()
      .here(({ database, operations }) =>
        operation === null
          ? work(database, {})
          : operations.once(operation, (noting) => work(database, noting), noReceipt),
      )
  }
}

function noReceipt(id: string): Promise<never> {
  return Promise.reject(new VarveError('NOT_FOUND', `"${id}" is no document: it has no receipt`))
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
export async function transactIn<R>(
  database: Database,
  noting: Noting,
  work: (tx: Transaction) => Promise<R>,
): Promise<R> {
  if (!prepared.has(database)) {
    for (const [name, paths] of Object.entries(indexes)) await database.collection(name, { indexes: paths }).declared()
    prepared.add(database)
  }
  return database.transact(work, noting)
}

/** The id of a document. No part but the last has a "/". */
export function rowId(...parts: readonly string[]): string {
  return parts.join('/')
}

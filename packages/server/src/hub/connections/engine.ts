/** What a hub asks of a database engine: stores for each of its databases over one pool. */

import type { StoreProvider } from 'varve/engine'

/** Connections of a pool that are open, and of these the ones that nobody uses; calls that wait for one. */
export interface PoolFigures {
  readonly connections: number
  readonly idle: number
  readonly waiting: number
}

export interface StoreEngine {
  /** The stores of one database; the same database each time. Asks nobody. */
  provider(dbName: string): StoreProvider
  /** Of engines that are reached over a pool; asks nobody. */
  figures?(): PoolFigures
  /** Rejects when the engine cannot be reached or written to. */
  check(): Promise<void>
  /** Idempotent; every store must be closed before, unless the engine is `away`: their calls fail then. */
  close(away?: boolean): Promise<void>
}

/** What a hub asks of a database engine: stores for each of its databases over one pool. */

import type { StoreProvider } from 'varve/engine'

export interface StoreEngine {
  /** The stores of one database; the same database each time. Asks nobody. */
  provider(dbName: string): StoreProvider
  /** Rejects when the engine cannot be reached or written to. */
  check(): Promise<void>
  /** Idempotent; every store must be closed before. */
  close(): Promise<void>
}

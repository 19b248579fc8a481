/** Closing a store: what is under way ends and the lease is given back, unless the server is away. */

import type { Lease } from './lease.ts'
import type { PostgresPool } from './pool.ts'
import type { WriteQueue } from './write-queue.ts'

/** Never fails. Whoever still waits for a write is told what became of it, or that nobody knows. */
export async function closeStore(pool: PostgresPool, writes: WriteQueue, lease: Lease): Promise<void> {
  await pool.closing.within(() => writes.idle())
  // When it cannot be given back it runs out by itself.
  await pool.closing.within(() => lease.release())
}

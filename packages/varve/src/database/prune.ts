/** Pruning a database: which versions go, and what that took. */

import { VarveError } from '../errors.ts'
import type { PruneReport } from '../replica/prune-batch.ts'
import { pruneReplica } from '../replica/prune.ts'
import type { Replica } from '../replica/replica.ts'
import type { Cancellable } from './types.ts'

/** A version goes when one of the two says so; at least one must be given. */
export interface PruneOptions extends Cancellable {
  /**
   * Versions that were not the newest of their document any more so many days ago, by trusted time: a document stays
   * readable as it was at any time since.
   */
  readonly olderThanDays?: number
  /** All but so many newest versions of each document. */
  readonly keepVersions?: number
  /** Says what would go, and writes nothing. */
  readonly dryRun?: boolean
}

const dayMs = 86_400_000

/** Throws `INVALID` naming the option, and what `pruneReplica` throws. */
export async function pruneDatabase(replica: Replica, options: PruneOptions): Promise<PruneReport> {
  const { olderThanDays, keepVersions, dryRun = false, signal } = options
  signal?.throwIfAborted()
  if (olderThanDays === undefined && keepVersions === undefined)
    throw new VarveError('INVALID', 'Pruning needs a rule: give olderThanDays, keepVersions or both')
  if (olderThanDays !== undefined && !(Number.isFinite(olderThanDays) && olderThanDays >= 0))
    throw new VarveError('INVALID', 'olderThanDays must be a number of days, 0 or more', {
      details: { path: 'olderThanDays' },
    })
  if (keepVersions !== undefined && !(Number.isSafeInteger(keepVersions) && keepVersions >= 1))
    throw new VarveError('INVALID', 'keepVersions must be a whole number, 1 or more: the newest version always stays', {
      details: { path: 'keepVersions' },
    })
  const before = olderThanDays === undefined ? null : replica.context.env.now() - olderThanDays * dayMs
  const record = before === null || before < 0 ? -1 : ((await replica.store.recordAt(Math.floor(before))) ?? -1)
  return pruneReplica(replica, { record, keep: keepVersions ?? null }, { dryRun, signal: signal ?? null })
}

/** Taking over what a peer sent: checked as a whole, then applied and stored as one atomic write. */

import type { ErrorCode } from '../errors.ts'
import { decodeUnit, type Unit } from '../log/unit.ts'
import { checkUnit } from './check.ts'
import { buildUnique, hasUnbuilt } from './index-build.ts'
import type { Replica } from './replica.ts'
import { Ingest } from './ingest-work.ts'

export interface Ingested {
  readonly commits: number
  readonly receipts: number
  /** Receipts this recorder gave, in order: null for an accepted commit, else the code it was refused with. */
  readonly verdicts: readonly (ErrorCode | null)[]
}

/**
 * Applies one unit. Throws the errors of `checkUnit` and of decoding; nothing is stored then.
 * A recorder gives every commit that is new and not recorded its receipt in the same write.
 */
export async function ingest(replica: Replica, bytes: Uint8Array): Promise<Ingested> {
  return ingestUnit(replica, decodeUnit(bytes))
}

/** The same for a unit that is decoded already. */
export async function ingestUnit(replica: Replica, unit: Unit): Promise<Ingested> {
  for (;;) {
    await buildUnique(replica)
    const ingested = await replica.update(async (set) => {
      // A unit in between brought a unique index: what a recorder judges by must be whole.
      if (replica.records && hasUnbuilt(replica)) return null
      const { commits, receipts } = await checkUnit(replica, unit)
      const work = new Ingest(replica, set)
      await work.run(commits, receipts)
      return { commits: commits.length, receipts: receipts.length, verdicts: work.given }
    })
    if (ingested === null) continue
    await buildUnique(replica)
    return ingested
  }
}

/** Judges the held commits of a replica again, outside of any exchange. */
export async function releaseHeld(replica: Replica): Promise<void> {
  if (replica.state.held.length === 0) return
  await replica.update(async (set) => {
    const work = new Ingest(replica, set)
    await work.release()
    await work.finish()
  })
}

/**
 * A replica whose device became the recorder gives receipts to the commits that waited for one: a slice of each feed
 * in one write, until none waits.
 */
export async function recordPending(replica: Replica): Promise<void> {
  await buildUnique(replica)
  while (replica.records && replica.waits) {
    await replica.update(async (set) => {
      if (!replica.records) return
      const work = new Ingest(replica, set)
      await work.recordStored()
      await work.finish()
    })
  }
}

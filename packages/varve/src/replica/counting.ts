/** Version numbers while commits are applied: counted here, compared with what the recorder says. */

import { VarveError } from '../errors.ts'
import type { Receipt } from '../log/receipt.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** A verdict being applied to a commit. */
export interface Recorded {
  readonly record: number
  readonly receipt: Receipt
}

/** What pending entry rows hold: their numbers come with the receipt, and must not tell in which order they came. */
export const noCounts = { ov: 0, cv: 0 } as const

/** Counts one entry in its collection and document, and holds the recorder to its own numbers. */
export function countIn(
  set: WorkingSet,
  document: WorkingDocument,
  collection: number,
  recorded: Recorded | null,
  index: number,
): { ov: number; cv: number } {
  const counter = set.collection(collection)
  if (recorded === null) {
    set.setCollection({ ...counter, pending: counter.pending + 1 })
    return noCounts
  }
  set.setCollection({ ...counter, recorded: counter.recorded + 1 })
  const ov = document.head.recorded
  if (recorded.receipt.ovs[index] !== ov)
    throw miscounted(recorded.record, `version ${String(recorded.receipt.ovs[index])}`, ov)
  return { ov, cv: counter.recorded }
}

/** The receipt's first `cv` of every collection must be the next one here. */
export function checkCvs(set: WorkingSet, collections: readonly Uint8Array[], { record, receipt }: Recorded): void {
  collections.forEach((tag, i) => {
    const next = set.collectionByTag(tag, null).recorded
    if (receipt.cvs[i] !== next) throw miscounted(record, `collection version ${String(receipt.cvs[i])}`, next)
  })
}

export function miscounted(record: number, said: string, counted: number): VarveError {
  return new VarveError(
    'TAMPERED',
    `Receipt ${record} says ${said}, the log makes it ${counted}: the recorder miscounts`,
    { details: { record } },
  )
}

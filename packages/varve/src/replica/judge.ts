/** The recorder's judgement of a commit: accepted, or refused with a code and a reason. */

import { stampMs } from '../encoding/stamp.ts'
import type { CommitHeader } from '../log/header.ts'
import type { Receipt } from '../log/receipt.ts'
import { limits } from '../limits.ts'
import type { ReplicaContext } from './context.ts'
import type { WorkingSet } from './working.ts'

/** What holds for a commit wherever it waits: its device may write, and its clock is not ahead. */
export function standing(
  context: ReplicaContext,
  publicKey: Uint8Array,
  header: CommitHeader,
  now: number,
): Receipt['refused'] {
  const reason = context.refuses(publicKey, header)
  if (reason !== null) return { code: 'FORBIDDEN', reason }
  const ahead = stampMs(header.stamp) - now
  if (ahead > limits.clockDriftMs) {
    return {
      code: 'CLOCK_AHEAD',
      reason: `The clock of the device is ${ahead} ms ahead, ${limits.clockDriftMs} are allowed`,
    }
  }
  return null
}

/** What the recorder also checks: that the documents are at the versions the commit expects. */
export function preconditions(set: WorkingSet, header: CommitHeader): Receipt['refused'] {
  for (const { index, ov } of header.preconditions) {
    const entry = header.entries[index]
    if (entry === undefined) return { code: 'INVALID', reason: 'A precondition names an entry that is not there' }
    const actual = (set.find(entry.tag)?.head.recorded ?? 0) - 1
    if (actual !== ov)
      return { code: 'CONFLICT', reason: `Version ${ov} was expected, the document has version ${actual}` }
  }
  return null
}

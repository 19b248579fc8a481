/** What a node that knows nobody yet takes from whoever brings it the directory: its record, and nothing else. */

import { toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Unit } from '../log/unit.ts'

/** Whether the recorder has spoken of everything in a unit, and so signed for it: anything else could be anybody's. */
export function isRecorded({ feeds, record }: Unit): boolean {
  const recorded = new Set(record?.receipts.map(({ feed }) => toHex(feed)))
  return record !== null && feeds.every(({ feed }) => recorded.has(toHex(feed)))
}

export function stranger(): VarveError {
  return new VarveError('FORBIDDEN', 'This device does not belong to the tenant: ask an admin to approve it')
}

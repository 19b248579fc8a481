/** Finding receipts that accept what a device wrote after the directory had revoked it. */

import type { Standing } from '../directory/standing.ts'
import { toHex } from '../encoding/bytes.ts'
import { limits } from '../limits.ts'
import type { AuditProblem } from '../replica/audit.ts'
import type { Replica } from '../replica/replica.ts'

const page = 256

/** Of one device: the first such receipt, and how many there are. */
interface Found {
  readonly first: number
  count: number
}

/**
 * Compares the record of a database with the directory's by their trusted times. A recorder may have judged a commit
 * while it was storing the revocation, so only what is more than the drift limit later counts. Nothing of this is
 * judged when receipts are taken over: two records have no common order, and a clock may have gone back in between.
 */
export async function acceptedAfterRevocation(replica: Replica, standing: Standing): Promise<readonly AuditProblem[]> {
  const { store, feeds, state } = replica
  const found = new Map<string, Found>()
  for (let record = 0; record < state.record.length;) {
    const receipts = await store.receipts(record, page)
    const heads = await store.commitHeads(receipts.map(({ commit }) => commit))
    for (const [i, { at }] of receipts.entries()) {
      const head = heads[i]
      const device = feeds.get(head?.feed ?? 0)?.publicKey
      if (head?.refused !== null || device === undefined) continue
      const level = standing.levelAt(device, { at: at - limits.clockDriftMs - 1 })
      if (level === 'revoked' || level === 'wiped') note(found, toHex(device), record + i)
    }
    if (receipts.length === 0) break
    record += receipts.length
  }
  return [...found].map(([device, { first, count }]) => ({
    code: 'TAMPERED',
    where: `record ${first}: it and ${count - 1} later ones accept what device ${device} wrote after it was revoked`,
  }))
}

function note(found: Map<string, Found>, device: string, record: number): void {
  const known = found.get(device)
  if (known === undefined) found.set(device, { first: record, count: 1 })
  else known.count++
}

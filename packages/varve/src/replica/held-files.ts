/** Files of commits that are held back: they count nothing yet, and may one day. */

import { splitBodies } from '../log/header.ts'
import { storedCommit } from './checked-again.ts'
import { isLocked } from './reader.ts'
import type { Replica } from './replica.ts'

/** The lists of chunks, encoded, that held commits name as far as they can be read. */
export async function heldManifests(replica: Replica): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = []
  for (const no of replica.state.held) {
    const row = await storedCommit(replica, no)
    if (row === null) continue
    const commit = replica.reader.decode({ ...row, size: row.bodies.length })
    for (const [index, body] of splitBodies(commit.header, row.bodies).entries()) {
      const plain = replica.reader.unseal(commit, index, body)
      if (isLocked(plain)) continue
      for (const operation of plain.operations) if (operation.op === 'file') found.push(operation.manifest)
    }
  }
  return found
}

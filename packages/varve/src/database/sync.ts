/** One-shot sync of two replicas in one process, through the same bytes and checks as over a network. */

import { VarveError } from '../errors.ts'
import { sameDatabase, summaryOf, unitsFor } from '../replica/exchange.ts'
import { ingest } from '../replica/ingest.ts'
import type { Replica } from '../replica/replica.ts'
import type { SyncReport } from './types.ts'

interface Moved {
  readonly commits: number
  readonly bytes: number
}

/**
 * Brings both replicas to the same commits and receipts. The one that is not the recorder sends first,
 * so that its commits are recorded and their receipts come back in the same call.
 */
export async function syncReplicas(self: Replica, peer: Replica, signal?: AbortSignal): Promise<SyncReport> {
  if (!sameDatabase(self, peer)) {
    throw new VarveError(
      'INVALID',
      `"${self.context.name}" and "${peer.context.name}" are different databases: only copies of one database sync`,
    )
  }
  if (self === peer) throw new VarveError('INVALID', 'A database cannot sync with itself')
  const receiveFirst = self.records
  const first = receiveFirst ? await send(peer, self, signal) : await send(self, peer, signal)
  const second = receiveFirst ? await send(self, peer, signal) : await send(peer, self, signal)
  const [sent, received] = receiveFirst ? [second, first] : [first, second]
  return { sent: sent.commits, received: received.commits, bytesSent: sent.bytes, bytesReceived: received.bytes }
}

async function send(from: Replica, to: Replica, signal: AbortSignal | undefined): Promise<Moved> {
  await from.sign()
  let commits = 0
  let bytes = 0
  for await (const unit of unitsFor(from, summaryOf(to))) {
    signal?.throwIfAborted()
    commits += (await ingest(to, unit)).commits
    bytes += unit.length
  }
  return { commits, bytes }
}

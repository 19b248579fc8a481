/** One-shot sync of two replicas in one process, through the same bytes and checks as over a network. */

import { toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError, type ErrorCode } from '../errors.ts'
import { sameDatabase, summaryOf, unitsFor } from '../replica/exchange.ts'
import { ingest, releaseHeld } from '../replica/ingest.ts'
import type { Replica } from '../replica/replica.ts'
import type { SyncReport } from './types.ts'

export interface SyncReplicasOptions {
  readonly signal?: AbortSignal
  /** Called when a unit was taken over, before the next one is. */
  readonly taken?: () => Promise<void>
}

interface Moved {
  readonly commits: number
  readonly bytes: number
}

/**
 * Brings both replicas to the same commits and receipts. The one that is not the recorder sends first,
 * so that its commits are recorded and their receipts come back in the same call. What is wrong with one
 * feed does not keep the others: everything else is exchanged before the error is thrown.
 */
export async function syncReplicas(
  self: Replica,
  peer: Replica,
  options: SyncReplicasOptions = {},
): Promise<SyncReport> {
  if (!sameDatabase(self, peer)) {
    throw new VarveError(
      'INVALID',
      `"${self.context.name}" and "${peer.context.name}" are different databases: only copies of one database sync`,
    )
  }
  if (self === peer) throw new VarveError('INVALID', 'A database cannot sync with itself')
  await releaseHeld(self)
  await releaseHeld(peer)
  const errors: VarveError[] = []
  const receiveFirst = self.records
  const first = receiveFirst ? await send(peer, self, errors, options) : await send(self, peer, errors, options)
  const second = receiveFirst ? await send(self, peer, errors, options) : await send(peer, self, errors, options)
  const [sent, received] = receiveFirst ? [second, first] : [first, second]
  for (const error of errors) {
    await leaveFork(self, error)
    await leaveFork(peer, error)
  }
  await self.reissue()
  await peer.reissue()
  const [error] = errors
  if (error !== undefined) throw error
  return { sent: sent.commits, received: received.commits, bytesSent: sent.bytes, bytesReceived: received.bytes }
}

/** Errors of one unit that say nothing about the next. */
const skippable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FORKED_FEED',
  'FORBIDDEN',
  'INVALID',
  'TAMPERED',
  'TOO_LARGE',
  'UNSUPPORTED_VERSION',
])

async function send(
  from: Replica,
  to: Replica,
  errors: VarveError[],
  { signal, taken }: SyncReplicasOptions,
): Promise<Moved> {
  await from.sign()
  let commits = 0
  let bytes = 0
  for await (const unit of unitsFor(from, summaryOf(to), (error) => errors.push(error))) {
    signal?.throwIfAborted()
    try {
      commits += (await ingest(to, unit)).commits
      bytes += unit.length
      await taken?.()
    } catch (error) {
      if (!isVarveError(error) || !skippable.has(error.code)) throw error
      errors.push(error)
    }
  }
  return { commits, bytes }
}

/** A replica whose own feed is forked was restored from a copy: it goes on in a new feed. */
async function leaveFork(replica: Replica, error: VarveError): Promise<void> {
  const own = replica.ownFeed
  if (error.code !== 'FORKED_FEED' || own === null || error.details?.['feed'] !== toHex(own.id)) return
  await replica.update((set) => {
    set.leaveFeed(own.no)
    return Promise.resolve()
  })
}

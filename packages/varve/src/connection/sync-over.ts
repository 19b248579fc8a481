/** One-shot sync of one database over a transport, with whoever accepts it at the other end. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Replica } from '../replica/replica.ts'
import type { DriverEvent } from '../sync/driver-events.ts'
import { SyncDriver } from '../sync/driver.ts'
import type { SyncHost } from '../sync/host.ts'
import type { Transport } from '../sync/transports/transport.ts'
import type { SyncReport } from '../database/types.ts'

/**
 * Syncs the directory, then `replica`, both ways, and closes the transport. Resolves when each side has what the other
 * had when this began. Rejects with the first error that concerns the database or the connection.
 */
export function syncOver(
  host: SyncHost,
  replica: Replica,
  transport: Transport,
  signal?: AbortSignal,
): Promise<SyncReport> {
  return new Promise((resolve, reject) => {
    const counts = { received: 0, bytesSent: 0, bytesReceived: 0 }
    const wanted = replica.context.id
    let failure: unknown = null
    let report: SyncReport | null = null
    const abort = (): void => {
      failure = signal?.reason
      driver.stop(null)
    }
    const finish = async (): Promise<void> => {
      await driver.barrier()
      report = { sent: driver.sent(wanted), ...counts }
      driver.stop(null)
    }
    const failed = (error: unknown): void => {
      failure ??= error
      driver.stop(null)
    }
    const on = (event: DriverEvent): void => {
      if (event.event === 'ready') driver.open(host.directory).catch(failed)
      if (event.event === 'taken' && equalBytes(event.database, wanted)) counts.received += event.commits
      if (event.event === 'error') failure ??= event.error
      // After an error that closed a database there is nothing to wait for.
      if (event.event === 'ended') driver.stop(null)
      if (event.event === 'current' && equalBytes(event.database, wanted)) finish().catch(failed)
      else if (event.event === 'current') driver.open(wanted).catch(failed)
      if (event.event !== 'closed') return
      signal?.removeEventListener('abort', abort)
      if (report !== null && failure === null) resolve(report)
      else reject(failure ?? event.error ?? cut(replica))
    }
    const driver = new SyncDriver({
      role: 'initiator',
      transport,
      host,
      on,
      meter: (direction, bytes) => {
        if (direction === 'in') counts.bytesReceived += bytes
        else counts.bytesSent += bytes
      },
    })
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
  })
}

function cut({ context }: Replica): VarveError {
  return new VarveError(
    'OFFLINE',
    `The connection was closed before database "${context.name}" was in step: sync it again`,
    {
      details: { database: toHex(context.id) },
    },
  )
}

/** What a driver tells, and how it reads errors. */

import { fromHex, toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import type { Replica } from '../replica/replica.ts'

/** Databases by their id of 16 bytes. */
export type DriverEvent =
  | { readonly event: 'ready'; readonly publicKey: Uint8Array }
  /** Everything the peer had is here, up to this number of receipts. */
  | { readonly event: 'current'; readonly database: Uint8Array; readonly record: number }
  /** Everything there was is sent. */
  | { readonly event: 'drained'; readonly database: Uint8Array }
  /** A unit was taken over. */
  | { readonly event: 'taken'; readonly database: Uint8Array; readonly commits: number; readonly receipts: number }
  | {
      readonly event: 'presence'
      readonly database: Uint8Array
      readonly device: Uint8Array
      readonly body: Uint8Array
    }
  /** Of a database, which is not synced any further unless the error names a feed; or of the whole connection. */
  | { readonly event: 'error'; readonly error: VarveError; readonly database: Uint8Array | null }
  /** The last one. */
  | { readonly event: 'closed'; readonly error: VarveError | null }

const feedCodes: ReadonlySet<string> = new Set(['FORKED_FEED', 'FORBIDDEN', 'TAMPERED'])

/** The feed an error is about, when only that feed is concerned. */
export function feedOf(error: VarveError): Uint8Array | null {
  const feed = error.details?.['feed']
  return typeof feed === 'string' && feedCodes.has(error.code) ? fromHex(feed) : null
}

/** A replica whose own feed is forked was restored from a copy: it goes on in a new feed. */
export async function leaveFork(replica: Replica, error: VarveError): Promise<void> {
  const own = replica.ownFeed
  if (error.code !== 'FORKED_FEED' || own === null || error.details?.['feed'] !== toHex(own.id)) return
  await replica.update((set) => {
    set.leaveFeed(own.no)
    return Promise.resolve()
  })
}

export function asError(error: unknown): VarveError {
  if (isVarveError(error)) return error
  return new VarveError('STORE_FAILED', 'Something unexpected failed while syncing: see the log of this node', {
    cause: error,
  })
}

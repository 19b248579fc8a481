/** What a driver tells, and how it reads errors. */

import { fromHex, toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { decodeUnit } from '../log/unit.ts'
import type { Ingested } from '../replica/ingest.ts'
import type { Replica } from '../replica/replica.ts'

/** Databases by their id of 16 bytes. */
export type DriverEvent =
  | { readonly event: 'ready'; readonly publicKey: Uint8Array }
  /** Everything the peer had is here, up to this number of receipts. */
  | { readonly event: 'current'; readonly database: Uint8Array; readonly record: number }
  /** Everything there was is sent. */
  | { readonly event: 'drained'; readonly database: Uint8Array }
  /** A unit was taken over. */
  | ({ readonly event: 'taken'; readonly database: Uint8Array } & Ingested)
  /** A unit was given to the peer. */
  | { readonly event: 'given'; readonly database: Uint8Array }
  | {
      readonly event: 'presence'
      readonly database: Uint8Array
      readonly device: Uint8Array
      readonly body: Uint8Array
    }
  /** Of a database, or of the whole connection. What it ends, the next two and the last one say. */
  | { readonly event: 'error'; readonly error: VarveError; readonly database: Uint8Array | null }
  /** The record that the peer gives cannot be taken over because a feed is forked here; the rest goes on. */
  | { readonly event: 'stuck'; readonly error: VarveError; readonly database: Uint8Array }
  /** A database is not synced any further, until it is opened again; null when the peer closed it in order. */
  | { readonly event: 'ended'; readonly error: VarveError | null; readonly database: Uint8Array }
  /** The last one. */
  | { readonly event: 'closed'; readonly error: VarveError | null }

const feedCodes: ReadonlySet<string> = new Set(['FORKED_FEED', 'FORBIDDEN', 'TAMPERED'])

/** What a unit that was not taken over means for its channel. */
export interface Refusal {
  /** The channel goes on without this feed; null when it is closed. */
  readonly feed: Uint8Array | null
  /** The peer's receipts are lost to this replica, for as long as it holds another branch of the feed. */
  readonly stuck: boolean
}

/**
 * Without receipts only a feed is lost. With receipts nothing that follows them can be taken over: the channel is closed,
 * so that they come again. Of a fork they would come in vain.
 */
export function refusalOf(error: VarveError, unit: Uint8Array): Refusal {
  const feed = error.details?.['feed']
  if (typeof feed !== 'string' || !feedCodes.has(error.code)) return { feed: null, stuck: false }
  const receipts = decodeUnit(unit).record !== null
  const forked = error.code === 'FORKED_FEED'
  return { feed: receipts && !forked ? null : fromHex(feed), stuck: receipts && forked }
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

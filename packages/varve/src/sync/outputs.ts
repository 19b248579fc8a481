/** What the sync machine gives its driver: frames to send, work to do and events to tell. */

import type { ErrorCode, VarveError } from '../errors.ts'
import type { Position } from '../replica/position.ts'
import { encodeFrame, type Frame } from './frames.ts'

interface Send {
  readonly do: 'send'
  readonly bytes: Uint8Array
}

/**
 * Work for the driver, which answers each item once, also when its channel was closed meanwhile. `adopt`, `open`,
 * `peer`, `produce` and `ingest` are given one at a time each: the next one follows the answer.
 */
export type Work =
  /** Acceptor: may this device come in? Answer: `admitted` or `refused`. */
  | { readonly do: 'admit'; readonly publicKey: Uint8Array }
  /** Initiator: is this the node that was meant? Answer: `admitted` or `refused`. */
  | { readonly do: 'check'; readonly publicKey: Uint8Array }
  /** Take over the peer's appointments. Answer: `adopted`, or `stop` with the error. */
  | { readonly do: 'adopt'; readonly appointments: readonly Uint8Array[] }
  /** Acceptor: open a database and compare positions. Answer: `opened` or `failed`. */
  | {
      readonly do: 'open'
      readonly channel: number
      readonly database: Uint8Array
      readonly position: Position
      readonly urgent: readonly Uint8Array[]
    }
  /** Initiator: compare positions and checkpoint with the own. Answer: `accepted` or `failed`. */
  | {
      readonly do: 'peer'
      readonly channel: number
      readonly position: Position
      readonly checkpoint: string | null
    }
  /** The next unit the peer lacks, of what is urgent or of everything. Answer: `produced`, `dry` or `failed`. */
  | { readonly do: 'produce'; readonly channel: number; readonly urgent: boolean }
  /** Take over a unit. Answer: `ingested` or `failed`. */
  | { readonly do: 'ingest'; readonly channel: number; readonly unit: Uint8Array }

export type SyncEvent =
  /** Both sides are authenticated. */
  | { readonly event: 'ready'; readonly publicKey: Uint8Array }
  /** Milliseconds that the peer's clock is ahead of the own; not told when the peer took too long to say. */
  | { readonly event: 'skew'; readonly ms: number }
  /** Everything the peer had was taken over, up to this number of receipts. */
  | { readonly event: 'current'; readonly channel: number; readonly record: number }
  /** Everything there was for this channel is sent. */
  | { readonly event: 'drained'; readonly channel: number }
  | {
      readonly event: 'presence'
      readonly channel: number
      readonly device: Uint8Array
      readonly body: Uint8Array
    }
  /**
   * The peer reports an error. With a feed: it took nothing over because of that feed. Else the channel is closed;
   * without a channel, `closed` follows.
   */
  | {
      readonly event: 'error'
      readonly channel: number | null
      readonly code: ErrorCode
      readonly message: string
      readonly feed: Uint8Array | null
    }
  /** A channel is closed, by whichever side: no other event speaks of it any more. */
  | { readonly event: 'ended'; readonly channel: number }
  | { readonly event: 'pong'; readonly n: number }
  /** The last output; null when the driver stopped without an error. */
  | { readonly event: 'closed'; readonly error: VarveError | null }

export type Output = Send | Work | SyncEvent

/** Collects outputs in order until the driver takes them. */
export class Outbox {
  #outputs: Output[] = []

  push(output: Output): void {
    this.#outputs.push(output)
  }

  /** Throws `TOO_LARGE` or `INVALID` when the frame breaks a limit; nothing is queued then. */
  send(frame: Frame): void {
    this.#outputs.push({ do: 'send', bytes: encodeFrame(frame) })
  }

  take(): readonly Output[] {
    const taken = this.#outputs
    this.#outputs = []
    return taken
  }
}

/** The contract of transports: whole frames, both ways, in order, until it closes. */

import type { VarveError } from '../../errors.ts'

/** What happens on a transport; neither function may throw. */
export interface TransportHandler {
  /** One frame, in the order it was sent; never empty. The bytes belong to the receiver. */
  frame(bytes: Uint8Array): void
  /**
   * Called exactly once, after the last frame: null when either side closed in an orderly way. A cut is `OFFLINE`,
   * and so is an error of the other side: what it was, its error frame has said.
   */
  closed(error: VarveError | null): void
}

/** Carries whole frames both ways, in order, until it closes. */
export interface Transport {
  /**
   * Sends one frame, whose bytes must not change any more; resolves when there is room for more, which is how a slow
   * reader slows the sender down. Rejects with `OFFLINE` once closed, with `INVALID` for an empty frame and
   * `TOO_LARGE` for one above `limits.frameBytes`. A caller that ignores the answer learns the same from `closed`.
   */
  send(frame: Uint8Array): Promise<void>
  /** Called once, before anything is delivered; until then the sender is held back as far as the transport can. */
  listen(handler: TransportHandler): void
  /** Sets the bytes of the longest frame taken from now on; a longer one ends the connection with `TOO_LARGE`. */
  allow(frameBytes: number): void
  /**
   * Ends the connection; idempotent, and nothing is delivered afterwards but `closed`. Without an error, frames that
   * `send` accepted are flushed first, for at most `limits.closeMs`, unless the other side closes as well; with one,
   * it is cut at once, and they are lost.
   */
  close(error?: VarveError | null): void
}

export interface ConnectOptions {
  /** Gives up connecting, with the signal's reason; a transport that is open is closed by `close` alone. */
  readonly signal?: AbortSignal
}

/** Opens a connection to a node. Rejects with `OFFLINE` when it cannot be reached and `INVALID` for a bad URL. */
export type Connector = (url: string, options?: ConnectOptions) => Promise<Transport>

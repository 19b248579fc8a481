/** Frames on their way in: held until somebody listens, delivered in order, then exactly one `closed`. */

import { VarveError } from '../../errors.ts'
import type { TransportHandler } from './transport.ts'

export class Inbox {
  #handler: TransportHandler | null = null
  /** Null as soon as frames go straight to the handler. */
  #held: Uint8Array[] | null = []
  #heldBytes = 0
  #muted = false
  #end: { readonly error: VarveError | null } | null = null
  #closed = false

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Delivers from the next microtask on, so that the caller can finish what it is doing. */
  listen(handler: TransportHandler): void {
    if (this.#handler !== null) {
      throw new VarveError('INVALID', 'Somebody listens to this transport already: it delivers to one handler only')
    }
    this.#handler = handler
    queueMicrotask(() => {
      this.#deliver(handler)
    })
  }

  push(frame: Uint8Array): void {
    if (this.#muted || this.#end !== null) return
    if (this.#held === null) this.#handler?.frame(frame)
    else {
      this.#held.push(frame)
      this.#heldBytes += frame.length
    }
  }

  /** From now on nothing is delivered but the end. */
  mute(): void {
    this.#muted = true
    this.#heldBytes = 0
  }

  end(error: VarveError | null): void {
    if (this.#end !== null) return
    this.#end = { error }
    queueMicrotask(() => {
      if (this.#handler !== null) this.#deliver(this.#handler)
    })
  }

  #deliver(handler: TransportHandler): void {
    for (const frame of this.#held ?? []) {
      if (this.#muted) break
      handler.frame(frame)
    }
    this.#held = null
    this.#heldBytes = 0
    if (this.#end === null || this.#closed) return
    this.#closed = true
    handler.closed(this.#end.error)
  }
}

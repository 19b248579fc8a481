/** Reading the first frame of a transport, which says where the rest belongs, without taking it away. */

import { VarveError, type Transport, type TransportHandler } from 'varve/engine'

export interface Greeted {
  readonly first: Uint8Array
  /** The transport as if nothing had been read. */
  readonly transport: Transport
}

/** Frames that are kept for whoever listens; more come only from somebody who does not wait for answers. */
const maximumWaiting = 3

/** Resolves with the first frame; rejects with why the transport closed before one came. */
export function firstFrame(transport: Transport): Promise<Greeted> {
  return new Promise((resolve, reject) => {
    const waiting: Uint8Array[] = []
    let handler: TransportHandler | null = null
    let ended: { readonly error: VarveError | null } | null = null
    const deliver = (): void => {
      if (handler === null) return
      for (let frame = waiting.shift(); frame !== undefined; frame = waiting.shift()) handler.frame(frame)
      if (ended === null) return
      const told = handler
      handler = null
      told.closed(ended.error)
    }
    const rest: Transport = {
      send: (frame) => transport.send(frame),
      allow: (bytes) => {
        transport.allow(bytes)
      },
      close: (error) => {
        transport.close(error)
      },
      listen: (given) => {
        // Not at once: who listens is often still being made, and not ready for what it hears.
        queueMicrotask(() => {
          handler = given
          deliver()
        })
      },
    }
    transport.listen({
      frame: (bytes) => {
        const isFirst = waiting.push(bytes) === 1 && handler === null
        deliver()
        if (isFirst) resolve({ first: bytes, transport: rest })
        else if (waiting.length > maximumWaiting)
          transport.close(new VarveError('INVALID', 'Too many frames before the answer'))
      },
      closed: (error) => {
        ended = { error }
        deliver()
        reject(error ?? new VarveError('OFFLINE', 'The connection was closed before it said hello'))
      },
    })
  })
}

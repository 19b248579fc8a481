/** Reading the first frame of a transport, which says where the rest belongs, without taking it away. */

import { VarveError, type Transport, type TransportHandler } from 'varve/engine'

export interface Greeted {
  readonly first: Uint8Array
  /** The transport as if nothing had been read. */
  readonly transport: Transport
}

/** Resolves with the first frame; rejects with why the transport closed before one came. */
export function firstFrame(transport: Transport): Promise<Greeted> {
  return new Promise((resolve, reject) => {
    const waiting: Uint8Array[] = []
    let handler: TransportHandler | null = null
    let ended: { readonly error: VarveError | null } | null = null
    const rest: Transport = {
      send: (frame) => transport.send(frame),
      allow: (bytes) => {
        transport.allow(bytes)
      },
      close: (error) => {
        transport.close(error)
      },
      listen: (given) => {
        handler = given
        for (const frame of waiting.splice(0)) given.frame(frame)
        if (ended !== null) given.closed(ended.error)
      },
    }
    transport.listen({
      frame: (bytes) => {
        if (handler !== null) handler.frame(bytes)
        else if (waiting.push(bytes) === 1) resolve({ first: bytes, transport: rest })
        else if (waiting.length > 3) transport.close(new VarveError('INVALID', 'Too many frames before the answer'))
      },
      closed: (error) => {
        ended = { error }
        handler?.closed(error)
        reject(error ?? new VarveError('OFFLINE', 'The connection was closed before it said hello'))
      },
    })
  })
}

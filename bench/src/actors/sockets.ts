/** Bytes that cross the sockets of a server, whatever it speaks: as TCP carries them, its own headers left out. */

import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'
import { isRecord } from '../json.ts'

export interface Wire {
  /** Bytes from clients. */
  readonly up: number
  /** Bytes to clients. */
  readonly down: number
}

/** To be made before the server listens. */
export class SocketBytes {
  readonly #open = new Set<Socket>()
  #closedUp = 0
  #closedDown = 0

  constructor() {
    subscribe('net.server.socket', (message) => {
      if (!isRecord(message) || !(message['socket'] instanceof Socket)) return
      const socket = message['socket']
      this.#open.add(socket)
      socket.once('close', () => {
        this.#open.delete(socket)
        this.#closedUp += socket.bytesRead
        this.#closedDown += socket.bytesWritten
      })
    })
  }

  get wire(): Wire {
    let [up, down] = [this.#closedUp, this.#closedDown]
    for (const { bytesRead, bytesWritten } of this.#open) {
      up += bytesRead
      down += bytesWritten
    }
    return { up, down }
  }
}

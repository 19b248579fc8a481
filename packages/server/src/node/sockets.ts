/** The open sockets of a server: counted against the limits, and known by what they are busy with. */

import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import type { AppParts } from '../app/context.ts'
import { networkOf } from '../observe/request-limit.ts'
import { Places } from './admission.ts'

interface Open {
  /** The socket that is read: over TLS the one inside. */
  socket: Socket
  /** Requests under way. One that sync has taken over is under way until its socket closes. */
  busy: number
}

export class Sockets {
  readonly #parts: AppParts
  readonly #places: Places
  /** By the peer's address and port, because TLS has a socket of its own around the one that was admitted. */
  readonly #open = new Map<string, Open>()

  constructor(server: HttpServer, parts: AppParts) {
    this.#parts = parts
    this.#places = new Places(parts.limits.connectionsPerAddress)
    server.on('connection', (socket: Socket) => {
      this.#admit(socket)
    })
    server.on('secureConnection', (socket: Socket) => {
      const open = this.#open.get(keyOf(socket))
      if (open !== undefined) open.socket = socket
    })
    server.on('request', ({ socket }, answer) => {
      const open = this.#begin(socket)
      answer.once('close', () => {
        if (open === undefined) return
        open.busy--
        if (open.busy === 0 && parts.stopping()) open.socket.destroySoon()
      })
    })
    server.on('upgrade', ({ socket }) => {
      this.#begin(socket)
    })
  }

  /** Ends the sockets on which nothing is asked; the others end when they are answered. */
  endIdle(): void {
    for (const { socket, busy } of this.#open.values()) if (busy === 0) socket.destroySoon()
  }

  /** Cuts all of them. */
  cut(): void {
    for (const { socket } of this.#open.values()) socket.destroy()
  }

  /** Cuts a connection beyond the limits before a byte of it is read. Proxies are counted in all only. */
  #admit(socket: Socket): void {
    const { trusts, metrics, limits } = this.#parts
    const peer = socket.remoteAddress ?? 'unknown'
    const free = trusts(peer) ? () => undefined : this.#places.take(networkOf(peer))
    if (free === null || this.#open.size >= limits.connections) {
      metrics.limited(free === null ? 'address' : 'connections')
      free?.()
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    this.#open.set(key, { socket, busy: 0 })
    const closed = metrics.socket()
    socket.once('close', () => {
      this.#open.delete(key)
      free()
      closed()
    })
  }

  #begin(socket: Socket): Open | undefined {
    const open = this.#open.get(keyOf(socket))
    if (open !== undefined) open.busy++
    return open
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

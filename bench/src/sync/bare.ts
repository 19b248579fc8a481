/** Times over a bare WebSocket to a process of its own: what the wire alone takes. */

import { WebSocket } from 'ws'
import { Actor } from '../actors/actor.ts'

export class BareWire implements AsyncDisposable {
  readonly #actor: Actor
  readonly #socket: WebSocket

  private constructor(actor: Actor, socket: WebSocket) {
    this.#actor = actor
    this.#socket = socket
  }

  static async start(): Promise<BareWire> {
    const actor = Actor.start('bare')
    const port = await actor.number('port')
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, maxPayload: 2 ** 27 })
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return new BareWire(actor, socket)
  }

  /** Milliseconds from the first message up to the last one down, which come when all of `up` has arrived. */
  async exchange(up: readonly number[], down: readonly number[]): Promise<number> {
    const total = down.reduce((sum, size) => sum + size, 0)
    await this.#actor.ask('answer', { up: up.reduce((sum, size) => sum + size, 0), down })
    const messages = up.map((size) => new Uint8Array(size))
    const start = performance.now()
    const arrived = this.#bytes(total)
    for (const message of messages) this.#socket.send(message)
    await arrived
    return performance.now() - start
  }

  /** Milliseconds until a message of this size is back. */
  async echo(size: number): Promise<number> {
    const message = new Uint8Array(size)
    const start = performance.now()
    const arrived = this.#bytes(size)
    this.#socket.send(message)
    await arrived
    return performance.now() - start
  }

  /** From now on messages come back as they are. */
  async echoes(): Promise<void> {
    await this.#actor.ask('echo')
  }

  #bytes(total: number): Promise<void> {
    return new Promise((resolve) => {
      let rest = total
      const take = (data: Buffer): void => {
        rest -= data.length
        if (rest > 0) return
        this.#socket.off('message', take)
        resolve()
      }
      this.#socket.on('message', take)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate()
    await this.#actor.stop()
  }
}

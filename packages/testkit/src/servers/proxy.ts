/** A TCP proxy in front of any server of this machine, that does to its connections what bad networks do. */

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Lane } from './lane.ts'

/** Which side of a connection is not told that the other has gone; `both`: nothing crosses and nobody is told. */
export type Unaware = 'client' | 'server' | 'both'

export type Towards = 'client' | 'server'

/** One connection: the client's socket, the server's, and a lane each way. */
interface Link {
  readonly near: Socket
  readonly far: Socket
  readonly lanes: Readonly<Record<Towards, Lane>>
}

export interface ProxyOptions {
  /** Sees everything that is sent. */
  readonly seen?: (towards: Towards, bytes: Uint8Array) => void
}

export class FaultProxy {
  readonly #server: Server
  #port: number
  readonly #links = new Set<Link>()
  readonly #seen: (towards: Towards, bytes: Uint8Array) => void
  #delayMs = 0
  #refuses = false
  #swallows = false

  private constructor(server: Server, port: number, { seen = () => undefined }: ProxyOptions) {
    this.#server = server
    this.#port = port
    this.#seen = seen
    server.on('connection', (near) => {
      this.#connected(near)
    })
  }

  /** A proxy on a free port in front of `port` of this machine. */
  static async open(port: number, options: ProxyOptions = {}): Promise<FaultProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, port, options)
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return address.port
  }

  /** For servers that speak HTTP. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Connections from now on go to another port of this machine; those that are there stay. */
  lead(port: number): void {
    this.#port = port
  }

  /** Ends all connections, without a word (reset) or with the end of the stream. */
  cut(reset: boolean): void {
    for (const { near, far } of this.#links) {
      for (const socket of [near, far]) {
        if (reset) drop(socket)
        else socket.destroySoon()
      }
    }
  }

  /** Ends all connections and takes no new ones until `accept`. */
  refuse(): void {
    this.#refuses = true
    this.cut(true)
  }

  /** Connections stay open, those to come are taken, and nothing crosses any of them until `accept`. */
  swallow(): void {
    this.#swallows = true
    this.halfOpen('both')
  }

  /** Ends `refuse` and `swallow`; connections that were swallowed end. */
  accept(): void {
    this.#refuses = false
    if (this.#swallows) this.cut(true)
    this.#swallows = false
  }

  /**
   * Connections that are there stay open at one side or both, and nothing crosses them any more. Returns what tells
   * the other side at last.
   */
  halfOpen(unaware: Unaware): () => void {
    const links = [...this.#links]
    for (const { near, far, lanes } of links) {
      lanes.client.block()
      lanes.server.block()
      if (unaware === 'client') far.destroy()
      if (unaware === 'server') near.destroy()
    }
    return () => {
      for (const { near, far } of links) {
        drop(near)
        drop(far)
      }
    }
  }

  /** What is sent from now on arrives later; 0 ends that. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Nothing is read from the sender any more, so that it cannot send on; `flow` ends that. */
  stall(towards: Towards): void {
    for (const { lanes } of this.#links) lanes[towards].stall()
  }

  flow(): void {
    for (const { lanes } of this.#links) {
      lanes.client.flow()
      lanes.server.flow()
    }
  }

  /** The next bytes that way arrive in part, and the connections end with them. */
  truncate(towards: Towards): void {
    for (const { lanes } of this.#links) lanes[towards].truncate()
  }

  /** One bit of the next bytes that way, a seventh of them in, arrives wrong. */
  corrupt(towards: Towards): void {
    for (const { lanes } of this.#links) lanes[towards].corrupt()
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut(true)
    await closed
  }

  #connected(near: Socket): void {
    if (this.#refuses) {
      drop(near)
      return
    }
    const far = connect(this.#port, '127.0.0.1')
    const delayMs = (): number => this.#delayMs
    const truncated = (): void => {
      near.destroy()
      far.destroy()
    }
    const link: Link = {
      near,
      far,
      lanes: {
        server: new Lane({ from: near, to: far, delayMs, truncated, seen: this.#looking('server') }),
        client: new Lane({ from: far, to: near, delayMs, truncated, seen: this.#looking('client') }),
      },
    }
    this.#links.add(link)
    if (this.#swallows) {
      link.lanes.client.block()
      link.lanes.server.block()
    }
    const gone = (): void => {
      if (near.destroyed && far.destroyed) this.#links.delete(link)
    }
    near.once('close', gone)
    far.once('close', gone)
  }

  #looking(towards: Towards): (bytes: Uint8Array) => void {
    return (bytes) => {
      this.#seen(towards, bytes)
    }
  }
}

/** Ends a connection by a reset; one whose end is on its way cannot be reset any more, and would stay open for ever. */
function drop(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}

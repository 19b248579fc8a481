/** A TCP proxy in front of the node, one for each client, that does to its connections what bad networks do. */

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Lane } from './lane.ts'
import { needle } from './names.ts'

/** Which side of a connection is not told that the other has gone; `both`: nothing crosses and nobody is told. */
export type Unaware = 'client' | 'node' | 'both'

export type Towards = 'client' | 'node'

/** One connection: the client's socket, the node's, and a lane each way. */
interface Link {
  readonly near: Socket
  readonly far: Socket
  readonly lanes: Readonly<Record<Towards, Lane>>
}

export class FaultProxy {
  readonly #server: Server
  readonly #port: number
  readonly #links = new Set<Link>()
  #delayMs = 0
  #refuses = false
  /** Set when something readable was sent by the node: there must be nothing. */
  hasSeenPlaintext = false

  private constructor(server: Server, port: number) {
    this.#server = server
    this.#port = port
    server.on('connection', (near) => {
      this.#connected(near)
    })
  }

  /** A proxy on a free port in front of `port` of this machine. */
  static async open(port: number): Promise<FaultProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, port)
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return `http://127.0.0.1:${address.port}`
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

  accept(): void {
    this.#refuses = false
  }

  /**
   * Connections that are there stay open at one side or both, and nothing crosses them any more. Returns what tells
   * the other side at last.
   */
  halfOpen(unaware: Unaware): () => void {
    const links = [...this.#links]
    for (const { near, far, lanes } of links) {
      lanes.client.block()
      lanes.node.block()
      if (unaware === 'client') far.destroy()
      if (unaware === 'node') near.destroy()
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
      lanes.node.flow()
    }
  }

  /** The next bytes that way arrive in part, and the connections end with them. */
  truncate(towards: Towards): void {
    for (const { lanes } of this.#links) lanes[towards].truncate()
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
        node: new Lane({ from: near, to: far, delayMs, truncated, seen: () => undefined }),
        client: new Lane({ from: far, to: near, delayMs, truncated, seen: (bytes) => this.#seen(bytes) }),
      },
    }
    this.#links.add(link)
    const gone = (): void => {
      if (near.destroyed && far.destroyed) this.#links.delete(link)
    }
    near.once('close', gone)
    far.once('close', gone)
  }

  /** What clients send cannot be looked at: WebSockets mask it. */
  #seen(bytes: Uint8Array): void {
    if (new TextDecoder('latin1').decode(bytes).includes(needle)) this.hasSeenPlaintext = true
  }
}

/** Ends a connection by a reset; one whose end is on its way cannot be reset any more, and would stay open for ever. */
function drop(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}

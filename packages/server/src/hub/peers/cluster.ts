/** A process among the others of its hub: it listens for their calls, and reaches them. */

import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { VarveError, type Env } from 'varve/engine'
import type { ClusterConfig } from '../config/types.ts'
import { peerApp, type PeerAppParts } from './app.ts'
import { Peers } from './peers.ts'

/** Milliseconds beyond a lease within which a place must have found a process again. */
const graceMs = 10_000
/** Milliseconds that a process has to say that it is there, at least. */
const aliveMinimumMs = 1_000

export class Cluster {
  /** Under which other processes reach this one. */
  readonly address: string
  readonly leaseMs: number
  readonly peers: Peers
  readonly #server: Server
  readonly #secret: string
  #answer: (request: Request) => Promise<Response> = () => Promise.resolve(new Response(null, { status: 503 }))

  private constructor(server: Server, address: string, { secret, leaseMs }: ClusterConfig, env: Env) {
    this.#server = server
    this.#secret = secret
    this.address = address
    this.leaseMs = leaseMs
    const aliveMs = Math.max(leaseMs / 2, aliveMinimumMs)
    this.peers = new Peers({ env, secret, address, aliveMs, patienceMs: leaseMs + graceMs })
    const listener = getRequestListener((request) => this.#answer(request), { overrideGlobalObjects: false })
    server.on('request', (incoming, outgoing) => void listener(incoming, outgoing))
  }

  /** Throws `LOCKED` when the port is taken. */
  static async listen(config: ClusterConfig, env: Env): Promise<Cluster> {
    const server = createServer()
    const port = await bound(server, config)
    return new Cluster(server, config.address ?? `http://${config.host}:${port}`, config, env)
  }

  /** Answers calls from now on. */
  serve(parts: Omit<PeerAppParts, 'secret'>): void {
    this.#answer = peerApp({ ...parts, secret: this.#secret })
  }

  /** Takes no more calls, and cuts those under way. */
  async close(): Promise<void> {
    this.peers.close()
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve()
      })
      this.#server.closeAllConnections()
    })
  }
}

function bound(server: Server, { host, port }: ClusterConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new VarveError(
          'LOCKED',
          `The hub cannot listen on ${host}, port ${port}, for its other processes: check "cluster"`,
          {
            cause,
            details: { path: 'cluster.port' },
          },
        ),
      )
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** A real HTTP server that opens transports, and pairs of transports through it. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { limits, systemEnv, type FetchLike, type TransportOptions, type WireTransport } from 'varve/engine'
import { httpStreams } from '../src/transports/http-stream.ts'
import { webSocketUpgrades } from '../src/transports/websocket.ts'

export const env = systemEnv()

export interface TransportServer {
  readonly server: Server
  /** Where connectors connect to. */
  readonly url: string
  /** Paths and methods that were asked for, upgrades included. */
  readonly requests: readonly string[]
  /** Sockets that are open. */
  readonly sockets: ReadonlySet<Socket>
  /** Every transport that was opened so far, or will be, one at each call. */
  accepted(): Promise<WireTransport>
  close(): Promise<void>
}

export interface TransportServerOptions extends Partial<TransportOptions> {
  /** False: upgrades are refused, as some proxies do. */
  readonly upgrades?: boolean | undefined
  readonly sessions?: number
  readonly origins?: readonly string[]
  readonly random?: (length: number) => Uint8Array
}

export async function transportServer(options: TransportServerOptions = {}): Promise<TransportServer> {
  const ready: WireTransport[] = []
  const waiting: ((transport: WireTransport) => void)[] = []
  const accept = (transport: WireTransport): void => {
    const next = waiting.shift()
    if (next === undefined) ready.push(transport)
    else next(transport)
  }
  const parts = { frameBytes: limits.frameBytes, ...options, env: { ...env, ...options.env }, accept }
  const requests: string[] = []
  const listener = getRequestListener(httpStreams(parts), { overrideGlobalObjects: false })
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    void listener(request, response)
  })
  const upgrade = webSocketUpgrades(parts)
  server.on('upgrade', (request, socket, head) => {
    requests.push(`upgrade ${request.url}`)
    if (options.upgrades === false) socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
    else upgrade(request, socket, head)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const port = await listening(server)
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    requests,
    sockets,
    accepted: async () => ready.shift() ?? new Promise((resolve) => void waiting.push(resolve)),
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The `fetch` of browsers, which streams its answers in another way than Node's own client. */
export const webFetch: FetchLike = async (url, init) => {
  const { body, ...rest } = init
  const { method, headers, signal } = rest
  const response = await fetch(url, {
    method,
    headers: { ...headers },
    signal: signal instanceof AbortSignal ? signal : null,
    body: body === undefined ? null : body.slice(),
  })
  return response
}

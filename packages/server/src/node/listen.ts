/** The thin Node entry: sockets, their limits and times, and the way from them to the app and to sync. */

import { readFile } from 'node:fs/promises'
import { createServer, type Server as HttpServer, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { VarveError } from 'varve/engine'
import type { App, AppParts } from '../app/context.ts'
import { fixed } from '../limits.ts'
import type { Settings } from '../settings.ts'
import { Sockets } from './sockets.ts'
import { upgrades } from './upgrade.ts'

/** A listening server. */
export interface Listening {
  readonly url: string
  /** Takes no more connections, lets requests under way finish within the limit `stopMs`, then cuts. */
  stop(): Promise<void>
}

/** Listens; `LOCKED` when the port is taken, `INVALID` when the certificate cannot be used. */
export async function listen(app: App, parts: AppParts, settings: Settings): Promise<Listening> {
  const server = await makeServer(settings)
  const sockets = new Sockets(server, parts)
  const listener = getRequestListener(
    (request, { incoming }) => app.fetch(request, { peer: incoming.socket.remoteAddress ?? 'unknown' }),
    { overrideGlobalObjects: false },
  )
  server.on('request', (incoming, outgoing) => {
    if (parts.stopping()) outgoing.setHeader('connection', 'close')
    // A sync stream says by itself when it is dead.
    if (incoming.url?.startsWith('/v1/sync/') === true) incoming.socket.setTimeout(0)
    void listener(incoming, outgoing)
  })
  server.on('upgrade', upgrades(parts))
  server.on('clientError', (error, socket) => answerBroken(error, socket))
  const { port } = await bind(server, settings)
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  return {
    url: `${settings.tls === null ? 'http' : 'https'}://${host}:${port}`,
    stop: () => stop(server, sockets, parts, settings.limits.stopMs),
  }
}

async function makeServer(settings: Settings): Promise<HttpServer> {
  const { headersMs, requestMs } = settings.limits
  const options: ServerOptions = {
    maxHeaderSize: fixed.headerBytes,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: fixed.keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, headersMs),
  }
  const server = settings.tls === null ? createServer(options) : await makeTlsServer(settings.tls, options)
  server.timeout = fixed.idleMs
  return server
}

async function makeTlsServer(tls: NonNullable<Settings['tls']>, options: ServerOptions): Promise<HttpServer> {
  try {
    const [cert, key] = [await readFile(tls.cert, 'utf8'), await readFile(tls.key, 'utf8')]
    return createTlsServer({ ...options, cert, key, handshakeTimeout: options.headersTimeout ?? fixed.keepAliveMs })
  } catch (cause) {
    const message = 'The files of "tls.cert" and "tls.key" cannot be used: check their paths, and that both are PEM'
    throw new VarveError('INVALID', message, { cause, details: { path: 'tls' } })
  }
}

/** A request that Node itself could not read or wait for. */
function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroy()
}

async function bind(server: HttpServer, { host, port }: Settings): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const taken = cause.code === 'EADDRINUSE'
      const what = taken ? 'another program listens there: stop it, or choose another port' : 'check host and port'
      reject(
        new VarveError(taken ? 'LOCKED' : 'INVALID', `The server cannot listen on ${host}, port ${port}: ${what}`, {
          cause,
          details: { host, port },
        }),
      )
    }
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      resolve()
    })
  })
  const address = server.address()
  if (typeof address === 'object' && address !== null) return address
  throw new VarveError('CLOSED', 'The server was closed while it began to listen')
}

async function stop(server: HttpServer, sockets: Sockets, parts: AppParts, stopMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = parts.env.timer(() => {
      sockets.cut()
    }, stopMs)
    server.close(() => {
      cancel()
      resolve()
    })
    sockets.endIdle()
  })
}

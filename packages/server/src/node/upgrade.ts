/** WebSocket upgrades: the limits of the app, and then the socket belongs to the sync entry. */

import { STATUS_CODES, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { VarveError } from 'varve/engine'
import type { AppParts } from '../app/context.ts'
import { overLimit } from '../app/guard.ts'
import { problem } from '../app/problem.ts'
import { networkOf } from '../observe/request-limit.ts'
import { Places } from './admission.ts'

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void

const route = '/v1/sync'

export function upgrades(parts: AppParts): Upgrade {
  // Behind a proxy the sockets all come from it; here the client is known.
  const behindProxy = new Places(parts.limits.connectionsPerAddress)
  return (request, socket, head) => {
    const peer = request.socket.remoteAddress ?? 'unknown'
    const address = parts.clientOf(peer, headerOf(request, 'x-forwarded-for'))
    // Until the entry takes over, nobody else would hear of a broken socket.
    const ignore = (): void => undefined
    socket.on('error', ignore)
    const refused = refusal(parts, request, address)
    const free = refused === null && parts.trusts(peer) ? behindProxy.take(networkOf(address)) : ignore
    const answer = refused ?? (free === null ? tooMany(parts) : null)
    const status = answer?.status ?? 101
    parts.metrics.request('GET', route, status, 0)
    parts.log(status === 429 ? 'debug' : 'info', 'request', { method: 'GET', route, status, ms: 0, address })
    if (answer !== null || parts.sync === null) {
      void send(socket, answer ?? notFound())
      return
    }
    socket.once('close', free ?? ignore)
    if (socket instanceof Socket) socket.setTimeout(0)
    try {
      parts.sync.upgrade(request, socket, head)
      socket.off('error', ignore)
    } catch (error) {
      parts.log('error', 'A connection could not be taken over for sync', { error })
      socket.destroy()
    }
  }
}

function refusal(parts: AppParts, request: IncomingMessage, address: string): Response | null {
  const path = (request.url ?? '').split('?', 1)[0]
  if (path !== route || parts.sync === null) return notFound()
  if (parts.stopping()) return problem(new VarveError('CLOSED', 'The server is stopping: connect again soon'))
  return overLimit(parts, address)
}

function notFound(): Response {
  return problem(new VarveError('NOT_FOUND', `WebSocket connections are taken at ${route} only`))
}

function tooMany(parts: AppParts): Response {
  parts.metrics.limited('address')
  return problem(new VarveError('RATE_LIMITED', 'Too many connections from this address: close one, or try later'))
}

/** An answer instead of an upgrade, and the end of the connection. */
async function send(socket: Duplex, response: Response): Promise<void> {
  const body = await response.text()
  const head = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`, 'connection: close']
  for (const [name, value] of response.headers) if (name !== 'connection') head.push(`${name}: ${value}`)
  head.push(`content-length: ${new TextEncoder().encode(body).length}`)
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.once('finish', () => socket.destroy())
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : value?.join(', ')
}

/** WebSockets at the server: from an upgrade request to a transport. */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  limits,
  subprotocol,
  VarveError,
  webSocketTransport,
  type TransportOptions,
  type WireTransport,
} from 'varve/engine'
import { WebSocketServer } from 'ws'

export interface WebSocketsOptions extends TransportOptions {
  /** Takes every new transport, with the request that opened it. */
  readonly accept: (transport: WireTransport, request: IncomingMessage) => void
  /**
   * Origins of the web pages that may connect; any when absent, because a connection is worth what its device's
   * signature is worth, and never what a browser sends along. Programs that are no browsers send no origin.
   */
  readonly origins?: readonly string[]
}

/** How long a stranger may be silent, and how much it may say at once. */
const strangers = { helloMs: limits.helloMs, frameBytes: limits.handshakeFrameBytes }

/** Bytes on the wire before frames above `limits.handshakeFrameBytes` are allowed: hello, auth, ready and room. */
const handshakeBytes = 4 * limits.handshakeFrameBytes

/** Handles upgrade requests; the socket is owned from here on. */
export function webSocketUpgrades(
  options: WebSocketsOptions,
): (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.frameBytes,
    // Sealed bytes do not compress: it would cost time, and 300 KiB of memory for each connection.
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  })
  return (request, socket, head) => {
    const status = refusal(request, options.origins)
    if (status !== null) {
      socket.on('error', () => undefined)
      socket.once('finish', () => socket.destroy())
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    server.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => {
      const corked = Object.assign(webSocket, { cork: () => socket.cork(), uncork: () => socket.uncork() })
      const transport = webSocketTransport(corked, { ...strangers, ...options })
      boundHandshake(socket, transport)
      options.accept(transport, request)
    })
  }
}

function refusal({ headers }: IncomingMessage, origins: readonly string[] | undefined): string | null {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  if (!offered.includes(subprotocol)) return '400 Bad Request'
  const { origin } = headers
  return origin === undefined || origins === undefined || origins.includes(origin) ? null : '403 Forbidden'
}

/**
 * `ws` collects a message of any allowed length before it shows it, and takes one bound for the whole connection. So
 * until longer frames are allowed, the bytes are counted as they come.
 */
function boundHandshake(socket: Duplex, transport: WireTransport): void {
  if (transport.allowed > limits.handshakeFrameBytes) return
  let bytes = 0
  const count = (chunk: Uint8Array): void => {
    bytes += chunk.length
    if (transport.allowed > limits.handshakeFrameBytes) socket.off('data', count)
    else if (bytes > handshakeBytes) {
      socket.off('data', count)
      transport.close(new VarveError('TOO_LARGE', 'Too many bytes came before both sides were authenticated'))
    }
  }
  socket.on('data', count)
}

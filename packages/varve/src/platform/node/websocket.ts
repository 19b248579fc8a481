/** WebSockets in Node: the `ws` package, through the proxy that the environment names. */

import type { Socket } from 'node:net'
import type { MakeWebSocket } from '../websocket.ts'
import { proxyAgent } from './proxy.ts'

/** What opens WebSockets; the package is loaded when the first connection is made. */
export async function loadWebSocket(): Promise<MakeWebSocket> {
  const [{ WebSocket }, agentFor] = await Promise.all([import('ws'), proxyAgent()])
  return (url, { protocol, frameBytes }) => {
    // What is sealed does not compress, and what is compressed next to a secret may give it away.
    const options = { agent: agentFor(url), maxPayload: frameBytes, perMessageDeflate: false }
    const webSocket = new WebSocket(url, protocol, options)
    let socket: Pick<Socket, 'cork' | 'uncork'> | null = null
    webSocket.once('upgrade', (response) => {
      socket = response.socket
    })
    return Object.assign(webSocket, { cork: () => socket?.cork(), uncork: () => socket?.uncork() })
  }
}

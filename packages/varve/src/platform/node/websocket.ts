/** WebSockets in Node: the `ws` package, through the proxy that the environment names. */

import type { MakeWebSocket } from '../websocket.ts'
import { proxyAgent } from './proxy.ts'

/** What opens WebSockets; the package is loaded when the first connection is made. */
export async function loadWebSocket(): Promise<MakeWebSocket> {
  const [{ WebSocket }, agentFor] = await Promise.all([import('ws'), proxyAgent()])
  return (url, { protocol, frameBytes }) =>
    // What is sealed does not compress, and what is compressed next to a secret may give it away.
    new WebSocket(url, protocol, { agent: agentFor(url), maxPayload: frameBytes, perMessageDeflate: false })
}

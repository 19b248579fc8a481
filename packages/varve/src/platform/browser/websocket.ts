/** WebSockets where the platform has them: browsers, workers, Deno, Bun, edge runtimes. */

import { VarveError } from '../../errors.ts'
import type { MakeWebSocket, WebSocketLike } from '../websocket.ts'

declare const WebSocket: (new (url: string, protocol: string) => WebSocketLike) | undefined

/** What opens WebSockets; rejects with `UNSUPPORTED` where the platform has none. */
export async function loadWebSocket(): Promise<MakeWebSocket> {
  if (typeof WebSocket === 'undefined') {
    throw new VarveError('UNSUPPORTED', 'This platform has no WebSocket: pass one to createConnector')
  }
  const Platform = WebSocket
  return (url, { protocol }) => new Platform(url, protocol)
}

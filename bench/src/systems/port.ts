/** On which port a WebSocket server of this machine listens. */

import { once } from 'node:events'
import type { WebSocketServer } from 'ws'

export async function portOf(server: WebSocketServer): Promise<number> {
  if (server.address() === null) await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port')
  return address.port
}

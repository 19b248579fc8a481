/** The entry of the sync protocol: WebSockets and HTTP streams that lead to the door. */

import type { SyncEntry } from '../contract.ts'
import { httpStreams } from '../transports/http-stream.ts'
import { webSocketUpgrades } from '../transports/websocket.ts'
import { Door, type DoorOptions } from './door.ts'

export function syncEntry(options: DoorOptions & { readonly origins: readonly string[] }): SyncEntry {
  const door = new Door(options)
  const { env } = options
  const upgrade = webSocketUpgrades({
    env,
    ...(options.origins.length > 0 ? { origins: options.origins } : {}),
    accept: (transport) => {
      door.enter(transport, 'websocket')
    },
  })
  const stream = httpStreams({
    env,
    accept: (transport) => {
      door.enter(transport, 'stream')
    },
  })
  return {
    upgrade,
    stream,
    close: () => {
      door.close()
      return Promise.resolve()
    },
  }
}

/** The server's transports against their contract, over a real HTTP server and through the engine's connector. */

import { transportSuite } from '@varve/testkit'
import { createConnector, type ConnectorOptions } from 'varve/engine'
import { describe, it } from 'vitest'
import { env, transportServer, webFetch } from './transports-world.ts'

const ways: readonly (readonly [string, boolean, Partial<ConnectorOptions>])[] = [
  ['WebSocket through the connector', true, {}],
  ['HTTP stream through the connector', false, {}],
  ['HTTP stream with the fetch of browsers', false, { fetch: webFetch }],
]

for (const [name, upgrades, options] of ways) {
  transportSuite({
    name,
    test: { describe, it },
    connect: async () => {
      const server = await transportServer({ upgrades })
      const accepted = server.accepted()
      const a = await createConnector({ env, ...options })(server.url)
      return {
        a,
        b: await accepted,
        cut: () => {
          for (const socket of server.sockets) socket.resetAndDestroy()
        },
        cleanup: () => server.close(),
      }
    },
  })
}

/** The server's transports against their contract, over a real HTTP server and through the engine's connector. */

import { transportSuite } from '@varve/testkit'
import { createConnector, type ConnectorOptions, type FetchLike } from 'varve/engine'
import { describe, it } from 'vitest'
import { env, transportServer } from './transports-world.ts'

/** The `fetch` of browsers, which streams its answers in another way than Node's own client. */
const webFetch: FetchLike = async (url, init) => {
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

/** Opening a connection by URL: a WebSocket where one gets through, an HTTP stream where not. */

import { loadFetch } from '#fetch'
import { loadWebSocket } from '#websocket'
import type { Env } from '../../env/env.ts'
import { limits } from '../../limits.ts'
import type { FetchLike } from '../../platform/fetch.ts'
import type { MakeWebSocket } from '../../platform/websocket.ts'
import { syncAddress } from './address.ts'
import { openHttpStream } from './http-stream.ts'
import type { Connector, Transport } from './transport.ts'
import { openWebSocket } from './websocket.ts'
import { offline } from './wire.ts'

export interface ConnectorOptions {
  readonly env: Pick<Env, 'timer' | 'log'>
  /** In place of the platform's WebSocket: `globalThis.WebSocket`, and in Node the `ws` package. */
  readonly webSocket?: MakeWebSocket
  /** In place of the platform's `fetch`. */
  readonly fetch?: FetchLike
}

/**
 * Opens `ws:`, `wss:`, `http:` and `https:` URLs. When no WebSocket can be opened an HTTP stream is tried, and from
 * then on first, for as long as this connector is used and the stream can be opened.
 */
export function createConnector(options: ConnectorOptions): Connector {
  const { env } = options
  const streamed = new Set<string>()

  return async (url, { signal } = {}) => {
    const address = syncAddress(url)
    const bySocket = async (abort: AbortSignal): Promise<Transport> =>
      openWebSocket(options.webSocket ?? (await loadWebSocket()), address.webSocket, { env, signal: abort })
    const byStream = async (abort: AbortSignal): Promise<Transport> =>
      openHttpStream(address.http, { env, signal: abort, fetch: options.fetch ?? (await loadFetch()) })

    if (streamed.has(address.http)) {
      try {
        return await within(env, signal, byStream)
      } catch (error) {
        signal?.throwIfAborted()
        env.log('info', 'No HTTP stream any more, trying a WebSocket', { url: address.http, error })
        streamed.delete(address.http)
      }
    }
    try {
      return await within(env, signal, bySocket)
    } catch (noSocket) {
      signal?.throwIfAborted()
      const transport = await within(env, signal, byStream).catch((noStream: unknown) => {
        signal?.throwIfAborted()
        env.log('debug', 'No HTTP stream either', { url: address.http, error: noStream })
        // The WebSocket is what was asked for, so its failure is what there is to know.
        throw noSocket
      })
      env.log('info', 'No WebSocket gets through, using an HTTP stream', { url: address.http, error: noSocket })
      streamed.add(address.http)
      return transport
    }
  }
}

/** Gives `open` its time; `signal` ends it sooner. */
async function within(
  env: Pick<Env, 'timer'>,
  signal: AbortSignal | undefined,
  open: (abort: AbortSignal) => Promise<Transport>,
): Promise<Transport> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort(signal?.reason)
  }
  signal?.addEventListener('abort', abort, { once: true })
  const cancel = env.timer(() => {
    controller.abort(offline(`Nothing answered within ${limits.connectMs} ms`))
  }, limits.connectMs)
  try {
    return await open(controller.signal)
  } finally {
    cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/** HTTP requests in Node: its own client, because its `fetch` knows nothing of proxies. */

import { request as httpRequest, type Agent } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { FetchedResponse, FetchInit, FetchLike } from '../fetch.ts'
import { proxyAgent } from './proxy.ts'

/** What makes requests, through the proxy that the environment names. Redirects are not followed. */
export async function loadFetch(): Promise<FetchLike> {
  const agentFor = await proxyAgent()
  return (url, init) => fetched(url, init, agentFor(url))
}

/** Making these twice is the same as making them once. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

function fetched(url: string, init: FetchInit, agent: Agent | undefined, first = true): Promise<FetchedResponse> {
  const { method, headers, body, signal } = init
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const start = url.startsWith('https:') ? httpsRequest : httpRequest
    const request = start(url, { method, headers, agent }, (response) => {
      const header = (name: string): string | null => {
        const value = response.headers[name]
        return typeof value === 'string' ? value : null
      }
      // Whoever reads the body is told; without a listener Node would end the process when nobody does.
      response.on('error', () => undefined)
      resolve({ status: response.statusCode ?? 0, headers: { get: header }, body: response })
    })
    request.on('error', (error) => {
      // A server may end a waiting connection just when it is used again; Node leaves it to us to take another one.
      const isStale = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET'
      if (first && isStale && repeatable.has(method) && !signal.aborted) resolve(fetched(url, init, agent, false))
      else reject(error)
    })
    // Not given to the request: it would stay with the socket, which other requests use afterwards.
    const abort = (): void => void request.destroy()
    signal.addEventListener('abort', abort)
    request.on('close', () => {
      signal.removeEventListener('abort', abort)
    })
    request.end(body)
  })
}

/** Requests in Node over connections that wait to be used again: a server may end one just then. */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { loadFetch } from '../src/platform/node/fetch.ts'
import { chunksOf } from '../src/sync/transports/chunks.ts'

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** A server that answers the first request on each connection, and cuts the connection at the next. */
async function cutting(): Promise<{ readonly url: string; readonly asked: string[] }> {
  const used = new Set<Socket>()
  const asked: string[] = []
  server = createServer((request: IncomingMessage, response) => {
    asked.push(String(request.method))
    if (used.has(request.socket)) request.socket.destroy()
    else response.end('answer')
    used.add(request.socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address: AddressInfo | string | null = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
  return { url: `http://127.0.0.1:${address.port}/`, asked }
}

async function answerTo(url: string, method: string): Promise<number> {
  const fetch = await loadFetch()
  const { status, body } = await fetch(url, { method, headers: {}, signal: new AbortController().signal })
  if (body !== null) for await (const _ of chunksOf(body));
  return status
}

test('what can be made twice is made again on another connection', async () => {
  const { url, asked } = await cutting()
  expect(await answerTo(url, 'GET')).toBe(200)
  expect(await answerTo(url, 'GET')).toBe(200)
  expect(asked).toEqual(['GET', 'GET', 'GET'])
})

test('what cannot be is not', async () => {
  const { url, asked } = await cutting()
  expect(await answerTo(url, 'POST')).toBe(200)
  await expect(answerTo(url, 'POST')).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(asked).toEqual(['POST', 'POST'])
})

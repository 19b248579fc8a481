/** Connecting by URL: the WebSocket first, the HTTP stream where none gets through, and proxies on the way. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect as connectSocket, type Socket } from 'node:net'
import { frameOf, Listener } from '@varve/testkit'
import { createConnector, type Connector, type Transport } from 'varve/engine'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  env,
  transportServer,
  webFetch,
  type TransportServer,
  type TransportServerOptions,
} from './transports-world.ts'

const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function serve(options: TransportServerOptions = {}): Promise<TransportServer> {
  const server = await transportServer(options)
  cleanups.push(() => server.close())
  return server
}

/** Connects, sends a frame each way, and gives the client's end. */
async function greet(connector: Connector, server: TransportServer, to = server.url): Promise<Transport> {
  const near = await connector(to)
  cleanups.push(() => {
    near.close()
  })
  const far = await server.accepted()
  const [here, there] = [new Listener(near), new Listener(far)]
  await near.send(frameOf(1000, 1))
  await far.send(frameOf(2000, 2))
  expect([await there.received(1), await here.received(1)]).toEqual([[frameOf(1000, 1)], [frameOf(2000, 2)]])
  return near
}

const upgrade = 'upgrade /v1/sync'
const open = 'POST /v1/sync/stream'

describe('connecting', () => {
  test.each(['http:', 'ws:'])('%s opens a WebSocket', async (scheme) => {
    const server = await serve()
    await greet(createConnector({ env }), server, server.url.replace('http:', scheme))
    expect(server.requests).toEqual([upgrade])
  })

  test('where upgrades are refused an HTTP stream is used, and asked for first from then on', async () => {
    const server = await serve({ upgrades: false })
    const connector = createConnector({ env })
    await greet(connector, server)
    await greet(connector, server)
    const opened = server.requests.filter((each) => each === upgrade || each === open)
    expect(opened).toEqual([upgrade, open, open])
    await greet(createConnector({ env }), server)
    expect(server.requests.filter((each) => each === upgrade)).toHaveLength(2)
  })

  test('an HTTP stream that fails later brings the WebSocket back', async () => {
    const server = await serve({ upgrades: false, sessions: 1 })
    const connector = createConnector({ env })
    await greet(connector, server)
    // There is no place for a second stream, and no upgrade either.
    await expect(connector(server.url)).rejects.toMatchObject({ code: 'OFFLINE' })
    await expect(connector(server.url)).rejects.toMatchObject({ code: 'OFFLINE' })
    const asked = server.requests.filter((each) => !each.includes('/stream/'))
    expect(asked).toEqual([upgrade, open, open, upgrade, open, upgrade, open])
  })

  test('an upgrade that is never answered is given up for an HTTP stream', async () => {
    const server = await serve()
    server.server.removeAllListeners('upgrade')
    server.server.on('upgrade', () => undefined)
    // All the time there is passes at once, for the WebSocket alone.
    let attempts = 0
    const timer: typeof env.timer = (fn, ms) => env.timer(fn, attempts++ === 0 ? 50 : ms)
    await greet(createConnector({ env: { ...env, timer } }), server)
  })

  test('a request of an HTTP stream that something else answers ends it', async () => {
    const server = await serve({ upgrades: false })
    let answers = 0
    const connector = createConnector({
      env,
      // A gateway that loses its server for a moment.
      fetch: async (url, init) => {
        if (url.endsWith('/stream') || answers++ === 0) return webFetch(url, init)
        return { status: 502, headers: { get: () => null }, body: null }
      },
    })
    const near = await connector(server.url)
    const [here, there] = [new Listener(near), new Listener(await server.accepted())]
    await near.send(frameOf(10, 1))
    await there.received(1)
    await near.send(frameOf(20, 2))
    expect(await here.ended()).toBe('OFFLINE')
    expect(await there.ended()).toBe('OFFLINE')
  })

  test('nobody there is OFFLINE, with the cause', async () => {
    const server = await serve()
    await server.close()
    cleanups.length = 0
    await expect(createConnector({ env })(server.url)).rejects.toMatchObject({
      code: 'OFFLINE',
      retryable: true,
      cause: { code: 'ECONNREFUSED' },
    })
  })

  test.each([true, false])('a signal gives up, before and while connecting (upgrades: %s)', async (upgrades) => {
    const server = await serve({ upgrades })
    const connector = createConnector({ env })
    const reason = new Error('enough')
    await expect(connector(server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const life = new AbortController()
    const failed = connector(server.url, { signal: life.signal })
    server.server.once(upgrades ? 'connection' : 'request', () => {
      life.abort(reason)
    })
    await expect(failed).rejects.toBe(reason)
  })

  test.each([true, false])('a signal does not reach a transport that is open (upgrades: %s)', async (upgrades) => {
    const server = await serve({ upgrades })
    const life = new AbortController()
    const held = new Set<unknown>()
    vi.spyOn(life.signal, 'addEventListener').mockImplementation((_, listener) => void held.add(listener))
    vi.spyOn(life.signal, 'removeEventListener').mockImplementation((_, listener) => void held.delete(listener))
    const plain = createConnector({ env })
    const near = await greet((url) => plain(url, { signal: life.signal }), server)
    expect(held.size).toBe(0)
    life.abort()
    await near.send(frameOf(1, 1))
  })

  test('parts of the platform can be replaced', async () => {
    const asked: string[] = []
    const connector = createConnector({
      env,
      webSocket: (url) => {
        asked.push(url)
        throw new Error('no sockets here')
      },
      fetch: async (url) => {
        asked.push(url)
        return { status: 404, headers: { get: () => null }, body: null }
      },
    })
    await expect(connector('wss://example.org')).rejects.toMatchObject({
      code: 'OFFLINE',
      cause: { message: 'no sockets here' },
    })
    expect(asked).toEqual(['wss://example.org/v1/sync', 'https://example.org/v1/sync/stream'])
  })
})

interface Proxy {
  readonly url: string
  /** What was asked for: method, target and credentials. */
  readonly asked: readonly (readonly [string | undefined, string | undefined, string | undefined])[]
}

/** A proxy that knows CONNECT and nothing else. */
async function connectProxy(): Promise<Proxy> {
  const asked: [string | undefined, string | undefined, string | undefined][] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((request, response) => {
    asked.push([request.method, request.url, request.headers['proxy-authorization']])
    response.writeHead(501).end()
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('connect', (request, client, head) => {
    asked.push([request.method, request.url, request.headers['proxy-authorization']])
    const [host, port] = (request.url ?? '').split(':')
    const target = connectSocket(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.write(head)
      client.pipe(target).pipe(client)
    })
    sockets.add(target)
    target.on('error', () => client.destroy())
    client.on('error', () => target.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  return { url: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, asked }
}

describe('behind a proxy', () => {
  test.each([true, false])('everything goes through HTTP_PROXY (upgrades: %s)', async (upgrades) => {
    const proxy = await connectProxy()
    const server = await serve({ upgrades })
    vi.stubEnv('HTTP_PROXY', `http://ada:secret@${proxy.url}`)
    const near = await greet(createConnector({ env }), server)
    for (let i = 0; i < 20; i++) await near.send(frameOf(1000, i))
    const target = new URL(server.url).host
    const credentials = `Basic ${Buffer.from('ada:secret').toString('base64')}`
    expect(proxy.asked.length).toBeGreaterThanOrEqual(upgrades ? 1 : 2)
    expect(proxy.asked.every((each) => each.join() === ['CONNECT', target, credentials].join())).toBe(true)
    // Requests share tunnels, instead of one for each.
    expect(proxy.asked.length).toBeLessThan(6)
  })

  test.each([
    ['NO_PROXY names the host', 'NO_PROXY', '127.0.0.1'],
    ['the proxy is for https alone', 'HTTP_PROXY', ''],
  ])('%s: nothing goes through it', async (_, name, value) => {
    const proxy = await connectProxy()
    const server = await serve()
    vi.stubEnv('HTTP_PROXY', `http://${proxy.url}`)
    vi.stubEnv('HTTPS_PROXY', `http://${proxy.url}`)
    vi.stubEnv(name, value)
    await greet(createConnector({ env }), server)
    expect(proxy.asked).toEqual([])
  })

  test('a proxy that is not there is OFFLINE', async () => {
    const server = await serve()
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:9')
    await expect(createConnector({ env })(server.url)).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(server.requests).toEqual([])
  })
})

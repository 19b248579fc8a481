/** The server on real sockets: sockets that misbehave, limits per address, upgrades, TLS, and an orderly end. */

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { memory, systemEnv } from 'varve/engine'
import { createServer, type Server, type ServerOptions, type SyncEntry } from '../src/index.ts'
import { FakeTenants } from './fake-tenants.ts'
import { tenant } from './world.ts'

const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface Running {
  readonly server: Server
  readonly tenants: FakeTenants
  readonly url: string
  readonly port: number
}

async function run(options: Partial<ServerOptions> = {}): Promise<Running> {
  const tenants = new FakeTenants()
  tenants.add(tenant)
  const server = await createServer({
    dir: 'unused',
    port: 0,
    log: { level: 'silent' },
    env: systemEnv(),
    stores: memory(),
    ...options,
    tenants: () => Promise.resolve(tenants),
  })
  closing.push(() => server.close())
  const { url } = await server.listen()
  return { server, tenants, url, port: Number(new URL(url).port) }
}

/** Sends bytes as they are and gives everything that comes back until the other side ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const received = ended(socket)
  socket.write(text)
  return received
}

async function ended(socket: Duplex): Promise<string> {
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  await new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve()
    })
    socket.once('error', () => undefined)
  })
  return text
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    socket.once('connect', () => {
      resolve()
    })
  })
  return socket
}

describe('listening', () => {
  test('serves over a socket', async () => {
    const { url } = await run()
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'alive' })
    const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('happens once, and not after the end', async () => {
    const { server } = await run()
    await expect(server.listen()).rejects.toMatchObject({ code: 'CLOSED' })
    await server.close()
    await expect(server.listen()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('on a port that is taken says so', async () => {
    const { port } = await run()
    await expect(run({ port })).rejects.toMatchObject({ code: 'LOCKED', details: { port } })
  })

  test('speaks TLS with the files it is given, and refuses files that are none', async () => {
    const file = (name: string): string => new URL(`fixtures/${name}`, import.meta.url).pathname
    const tls = { cert: file('localhost.cert.pem'), key: file('localhost.key.pem') }
    const { server, url } = await run({ tls, limits: { stopMs: 600_000 } })
    const ca = await readFile(tls.cert)
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      tlsRequest(`${url}/healthz`, { ca }, resolve).once('error', reject).end()
    })
    answer.resume()
    expect([answer.statusCode, answer.headers['strict-transport-security']]).toEqual([200, 'max-age=31536000'])
    const handshakeNeverDone = await connected(Number(new URL(url).port))
    await server.close()
    expect(await ended(handshakeNeverDone)).toBe('')
    await expect(run({ tls: { cert: 'absent.pem', key: 'absent.pem' } })).rejects.toMatchObject({ code: 'INVALID' })
    await expect(run({ tls: { cert: tls.key, key: tls.cert } })).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('keeps its data in its folder, which one server has at a time', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'varve-server-'))
    closing.push(() => rm(dir, { recursive: true }))
    const { server } = await run({ dir, stores: undefined, host: '127.0.0.1', trustProxy: ['10.0.0.1'] })
    await expect(run({ dir, stores: undefined })).rejects.toMatchObject({ code: 'LOCKED' })
    expect((await readdir(dir)).filter((name) => !name.includes('.sqlite'))).toEqual(['publish-token'])
    expect((await stat(join(dir, 'publish-token'))).mode & 0o777).toBe(0o600)
    await server.close()
    await run({ dir, stores: undefined })
  })
})

describe('hostile sockets', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'a second length',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
    ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['an odd host', 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['an absolute target', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 40[04] /],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 4/],
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', /^$/],
    ['an echo', 'TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 4/],
  ])('that send %s get an error, and others go on', async (_what, text, expected) => {
    const { port, url } = await run()
    expect(await raw(port, text)).toMatch(expected)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  test('that send their headers slowly are cut, and others go on', async () => {
    const { port, url } = await run({ limits: { headersMs: 300, requestMs: 600 } })
    const slow = raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect(await slow).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('that send their body slowly are cut', async () => {
    const { port } = await run({ limits: { headersMs: 300, requestMs: 600 } })
    const head = 'POST /v1/tenants HTTP/1.1\r\nHost: a\r\nContent-Type: application/cbor\r\nContent-Length: 100\r\n\r\n'
    expect(await raw(port, `${head}ab`)).toMatch(/^(?:HTTP\/1\.1 40[08] |$)/)
  })

  test('that go on sending beyond the limit of a body are answered and cut', async () => {
    const { port, url } = await run({ limits: { bodyBytes: 1000 } })
    const head =
      'POST /v1/tenants HTTP/1.1\r\nHost: a\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n'
    const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`
    const answer = await raw(port, head + chunk.repeat(4))
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer.toLowerCase()).toContain('connection: close')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  test('beyond the limit of their address are cut before they are read', async () => {
    const { port, url } = await run({ limits: { connectionsPerAddress: 2 } })
    const [one, two] = [await connected(port), await connected(port)]
    expect(await ended(await connected(port))).toBe('')
    one.destroy()
    await ended(one)
    two.destroy()
    await ended(two)
    await expect.poll(async () => (await fetch(`${url}/healthz`)).status, { timeout: 5000 }).toBe(200)
  })
})

describe('addresses', () => {
  async function statuses(
    options: Partial<ServerOptions>,
    headers: readonly Record<string, string>[],
  ): Promise<number[]> {
    const { url } = await run({ limits: { requestBurst: 1, requestsPerSecond: 1 }, ...options })
    const found: number[] = []
    for (const each of headers) found.push((await fetch(`${url}/v1/node`, { headers: each })).status)
    return found
  }

  const forged = [{ 'x-forwarded-for': '9.9.9.1' }, { 'x-forwarded-for': '9.9.9.2' }, { 'x-forwarded-for': '9.9.9.3' }]

  test('a forged header gains nothing', async () => {
    expect(await statuses({}, forged)).toEqual([200, 429, 429])
    expect(await statuses({ trustProxy: ['10.0.0.1'] }, forged)).toEqual([200, 429, 429])
  })

  test('a trusted proxy names the client', async () => {
    expect(await statuses({ trustProxy: ['127.0.0.1'] }, forged)).toEqual([200, 200, 200])
    const behind = [{ 'x-forwarded-for': '1.1.1.1, 9.9.9.1' }, { 'x-forwarded-for': '2.2.2.2, 9.9.9.1' }]
    expect(await statuses({ trustProxy: ['127.0.0.1'] }, behind)).toEqual([200, 429])
  })
})

/** A sync entry that answers an upgrade by an echo, and a stream by what it was sent. */
function echo(): SyncEntry & { readonly open: Set<Duplex> } {
  const open = new Set<Duplex>()
  return {
    open,
    upgrade: (_request, socket) => {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => open.delete(socket))
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    },
    stream: async (request) => new Response(await request.text()),
    close: async () => {
      for (const socket of open) socket.end()
    },
  }
}

const upgradeTo = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`

describe('sync', () => {
  test('an upgrade of /v1/sync reaches the entry, and the stream too', async () => {
    const entry = echo()
    const { port, url } = await run({ sync: () => entry })
    const socket = await connected(port)
    const received = ended(socket)
    socket.write(upgradeTo('/v1/sync'))
    await expect.poll(() => entry.open.size).toBe(1)
    socket.end('frame')
    expect(await received).toMatch(/^HTTP\/1\.1 101 [^]*frame$/)
    expect(await (await fetch(`${url}/v1/sync/stream`, { method: 'POST', body: 'bytes' })).text()).toBe('bytes')
    expect((await fetch(`${url}/v1/sync`)).status).toBe(426)
  })

  test('requests of an open stream are not counted, those to none are', async () => {
    const entry: SyncEntry = {
      ...echo(),
      stream: async ({ url }) => new Response(null, { status: url.endsWith('/open') ? 204 : 404 }),
    }
    const { url } = await run({ sync: () => entry, limits: { requestBurst: 2, requestsPerSecond: 1 } })
    const post = async (session: string): Promise<number> =>
      (await fetch(`${url}/v1/sync/stream/${session}`, { method: 'POST', body: 'frames' })).status
    for (let i = 0; i < 10; i++) expect(await post('open')).toBe(204)
    expect([await post('none'), await post('none'), await post('none')]).toEqual([404, 404, 429])
    expect(await post('open')).toBe(204)
  })

  test.each([
    ['/v1/other', {}, /^HTTP\/1\.1 404 /],
    ['/v1/sync', { sync: undefined }, /^HTTP\/1\.1 404 /],
  ])('an upgrade of %s with %j is refused', async (path, options, expected) => {
    const { port } = await run({ sync: () => echo(), ...options })
    expect(await raw(port, upgradeTo(path))).toMatch(expected)
  })

  test('upgrades count as requests of their address, and as connections behind a proxy', async () => {
    const flooded = await run({ sync: () => echo(), limits: { requestBurst: 1 } })
    const first = await connected(flooded.port)
    first.write(upgradeTo('/v1/sync'))
    const refused = await raw(flooded.port, upgradeTo('/v1/sync'))
    expect(refused).toMatch(/^HTTP\/1\.1 429 /)
    expect(refused).toContain('retry-after: 1')
    const limits = { connectionsPerAddress: 1 }
    const { port } = await run({ sync: () => echo(), limits, trustProxy: ['127.0.0.1'] })
    const open = await connected(port)
    const answered = new Promise((resolve) => open.once('data', resolve))
    open.write(upgradeTo('/v1/sync', 'X-Forwarded-For: 9.9.9.9\r\n'))
    await answered
    expect(await raw(port, upgradeTo('/v1/sync', 'X-Forwarded-For: 9.9.9.9\r\n'))).toMatch(/^HTTP\/1\.1 429 /)
    const other = await connected(port)
    const welcome = new Promise((resolve) => other.once('data', resolve))
    other.write(upgradeTo('/v1/sync', 'X-Forwarded-For: 8.8.8.8\r\n'))
    expect(String(await welcome)).toMatch(/^HTTP\/1\.1 101 /)
    for (const socket of [first, open, other]) socket.destroy()
  })

  test('an entry that throws costs its connection only', async () => {
    const entry = echo()
    const broken: SyncEntry = {
      ...entry,
      upgrade: () => {
        throw new TypeError('broken')
      },
    }
    const { port, url } = await run({ sync: () => broken })
    expect(await raw(port, upgradeTo('/v1/sync'))).toBe('')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })
})

describe('stopping', () => {
  test('ends sync, lets requests under way finish, closes its tenants once, and takes no more', async () => {
    const entry = echo()
    let finish = (): void => undefined
    const waiting = new Promise<void>((resolve) => {
      finish = resolve
    })
    let entered = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      entered = resolve
    })
    const slow: SyncEntry = {
      ...entry,
      stream: async () => {
        entered()
        await waiting
        return new Response('finished')
      },
    }
    const { server, tenants, url, port } = await run({ sync: () => slow })
    const socket = await connected(port)
    const over = ended(socket)
    socket.write(upgradeTo('/v1/sync'))
    const idle = await connected(port)
    const answer = fetch(`${url}/v1/sync/stream`, { method: 'POST' })
    await begun
    const closed = server.close()
    expect(await over).toMatch(/^HTTP\/1\.1 101 /)
    expect(tenants.closed).toBe(0)
    finish()
    expect(await (await answer).text()).toBe('finished')
    await closed
    await server.close()
    expect(tenants.closed).toBe(1)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
    idle.destroy()
  })

  test('cuts what does not finish in time', async () => {
    const entry: SyncEntry = {
      ...echo(),
      stream: () => new Promise<Response>(() => undefined),
      close: () => new Promise<void>(() => undefined),
    }
    const { server, port } = await run({ sync: () => entry, limits: { stopMs: 100 } })
    const stuck = raw(port, 'POST /v1/sync/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    const upgraded = await connected(port)
    const held = ended(upgraded)
    upgraded.write(upgradeTo('/v1/sync'))
    await expect.poll(() => upgraded.bytesRead).toBeGreaterThan(0)
    await server.close()
    expect([await stuck, await held]).toEqual(['', expect.stringMatching(/^HTTP\/1\.1 101 /)])
  })

  test('does not wait for connections that ask nothing', async () => {
    // Longer than this test may take.
    const { server, url, port } = await run({ limits: { stopMs: 600_000 } })
    const agentless = await fetch(`${url}/healthz`)
    await agentless.text()
    const idle = await connected(port)
    const half = await connected(port)
    half.write('GET / HTTP/1.1\r\n')
    await server.close()
    idle.destroy()
    half.destroy()
  })

  test('closes what it had opened when a part cannot be opened', async () => {
    const stores = memory()
    const options: ServerOptions = {
      dir: 'unused',
      stores,
      log: { level: 'silent' },
      tenants: () => Promise.reject(new Error('no tenants')),
    }
    await expect(createServer(options)).rejects.toThrow('no tenants')
    await (await stores.open('server', { pageKey: null })).close()
  })
})

test('a client that leaves in the middle of an answer or a wait does no harm', async () => {
  const { url, port } = await run()
  const socket = await connected(port)
  socket.write(`GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n`)
  socket.destroy()
  await new Promise<void>((resolve) => {
    const leaving = httpRequest(`${url}/v1/tenants`, {
      method: 'POST',
      headers: { 'content-type': 'application/cbor' },
    })
    leaving.once('error', () => undefined)
    leaving.write('part', () => {
      leaving.destroy()
      resolve()
    })
  })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

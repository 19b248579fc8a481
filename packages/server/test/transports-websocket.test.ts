/** What WebSockets at the server do not let others do: silence, floods, foreign pages, slow readers. */

import { frameOf, Listener } from '@varve/testkit'
import { limits, subprotocol, type Env } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ManualTimers } from '../../varve/test/transports-timers.ts'
import { env, transportServer, type TransportServer, type TransportServerOptions } from './transports-world.ts'

const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function serve(options: TransportServerOptions = {}): Promise<TransportServer> {
  const server = await transportServer(options)
  cleanups.push(() => server.close())
  return server
}

function timed(): { readonly timers: ManualTimers; readonly env: Env } {
  const timers = new ManualTimers()
  return { timers, env: { ...env, timer: timers.timer } }
}

interface Client {
  readonly socket: WebSocket
  /** Status of a refused upgrade, or 101. */
  readonly status: Promise<number>
  readonly closed: Promise<number>
}

function connect({ url }: TransportServer, protocol: string | null = subprotocol, origin?: string): Client {
  const socket = new WebSocket(url.replace('http', 'ws'), protocol === null ? [] : [protocol], {
    headers: origin === undefined ? {} : { origin },
  })
  cleanups.push(() => {
    socket.terminate()
  })
  socket.on('error', () => undefined)
  const status = new Promise<number>((resolve) => {
    socket.on('open', () => {
      resolve(101)
    })
    socket.on('unexpected-response', (_, response) => {
      resolve(response.statusCode ?? 0)
      response.resume()
    })
  })
  const closed = new Promise<number>((resolve) => void socket.once('close', resolve))
  return { socket, status, closed }
}

describe('WebSockets at the server', () => {
  test('agree on our subprotocol, and are not compressed', async () => {
    const server = await serve()
    const { socket, status } = connect(server)
    expect(await status).toBe(101)
    expect([socket.protocol, socket.extensions]).toEqual([subprotocol, ''])
  })

  test.each([
    ['another subprotocol', 'chat', undefined, 400],
    ['no subprotocol', null, undefined, 400],
    ['a foreign page', subprotocol, 'https://evil.example', 403],
    ['a page that may', subprotocol, 'https://app.example', 101],
    ['a program', subprotocol, undefined, 101],
  ])('%s', async (_, protocol, origin, expected) => {
    const server = await serve({ origins: ['https://app.example'] })
    expect(await connect(server, protocol, origin).status).toBe(expected)
  })

  test.each([
    ['text', 'hello', 'INVALID'],
    ['an empty message', Buffer.alloc(0), 'INVALID'],
  ])('%s ends the connection', async (_, message, code) => {
    const server = await serve()
    const { socket, status, closed } = connect(server)
    await status
    const listener = new Listener(await server.accepted())
    socket.send(message)
    expect(await listener.ended()).toBe(code)
    expect(await closed).toBe(1006)
  })

  test('bytes that are no WebSocket frames end the connection', async () => {
    const server = await serve()
    const { status } = connect(server)
    await status
    const listener = new Listener(await server.accepted())
    for (const socket of server.sockets) socket.emit('data', Buffer.from([0xff, 0xff, 0xff, 0xff]))
    expect(await listener.ended()).toBe('OFFLINE')
  })

  test('who never says anything is closed', async () => {
    const { timers, env: manual } = timed()
    const server = await serve({ env: manual })
    const { status, closed } = connect(server)
    await status
    const listener = new Listener(await server.accepted())
    timers.fire(limits.helloMs)
    expect(await listener.ended()).toBe('INVALID')
    expect(await closed).toBe(1006)
    expect(timers.waiting).toEqual([])
  })

  test('before a longer frame is allowed, bytes are counted while they come', async () => {
    const server = await serve({ frameBytes: limits.handshakeFrameBytes })
    const { socket, status, closed } = connect(server)
    await status
    const listener = new Listener(await server.accepted())
    // Parts of one message, which never ends.
    for (let i = 0; i < 40; i++) socket.send(Buffer.alloc(1024), { fin: false })
    expect(await listener.ended()).toBe('TOO_LARGE')
    expect(await closed).toBe(1006)
  })

  test('after it is allowed they are not', async () => {
    const server = await serve({ frameBytes: limits.handshakeFrameBytes })
    const { socket, status } = connect(server)
    await status
    const transport = await server.accepted()
    const listener = new Listener(transport)
    socket.send(Buffer.alloc(8000))
    await listener.received(1)
    transport.allow(limits.frameBytes)
    socket.send(Buffer.alloc(1024 * 1024))
    await listener.received(2)
  })

  test('a message that claims more than any frame is refused before it comes', async () => {
    const server = await serve()
    const { status } = connect(server)
    await status
    const listener = new Listener(await server.accepted())
    const claim = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])
    for (const socket of server.sockets) socket.emit('data', claim)
    expect(await listener.ended()).toBe('TOO_LARGE')
  })

  test('a reader that stalls is cut, and what waited is let go', async () => {
    const { timers, env: manual } = timed()
    const server = await serve({ env: manual })
    const { socket, status } = connect(server)
    await status
    socket.pause()
    const transport = await server.accepted()
    const listener = new Listener(transport)
    const sent: Promise<unknown>[] = []
    for (let i = 0; i < 64; i++) sent.push(transport.send(frameOf(1024 * 1024, i)).catch(() => 'refused'))
    await new Promise((resolve) => void setTimeout(resolve, 100))
    expect(timers.waiting.some((ms) => ms > limits.slowReaderMs)).toBe(true)
    timers.fire(limits.slowReaderMs, Infinity)
    expect(await listener.ended()).toBe('RATE_LIMITED')
    expect((await Promise.all(sent)).at(-1)).toBe('refused')
    expect(server.sockets.size).toBe(0)
  })
})

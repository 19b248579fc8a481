/** WebSockets as browsers have them, played by a double: what they say is believed only as far as it should be. */

import { Listener } from '@varve/testkit'
import { limits, openWebSocket, subprotocol, webSocketTransport, type WebSocketLike } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { ManualTimers } from './transports-timers.ts'

interface Events {
  open: []
  message: [{ readonly data: unknown }]
  error: [{ readonly error?: unknown }]
  close: [{ readonly code: number; readonly reason: string }]
}

class BrowserSocket implements WebSocketLike {
  binaryType = 'blob'
  bufferedAmount = 0
  readyState = 1
  protocol = subprotocol
  readonly sent: Uint8Array[] = []
  readonly closed: (readonly [number | undefined, string | undefined])[] = []
  readonly #listeners = new Map<string, ((event: never) => void)[]>()

  send(bytes: Uint8Array): void {
    this.sent.push(bytes)
    this.bufferedAmount += bytes.length
  }

  close(code?: number, reason?: string): void {
    this.closed.push([code, reason])
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  emit<Type extends keyof Events>(type: Type, ...event: Events[Type]): void {
    for (const listener of this.#listeners.get(type) ?? []) Reflect.apply(listener, null, event)
  }
}

function opened(): { socket: BrowserSocket; timers: ManualTimers; transport: ReturnType<typeof webSocketTransport> } {
  const socket = new BrowserSocket()
  const timers = new ManualTimers()
  return { socket, timers, transport: webSocketTransport(socket, { env: timers }) }
}

const bytes = (length: number): ArrayBuffer => new ArrayBuffer(length)

describe('a WebSocket of a browser', () => {
  test('brings binary messages as array buffers', async () => {
    const { socket, transport } = opened()
    expect(socket.binaryType).toBe('arraybuffer')
    const listener = new Listener(transport)
    socket.emit('message', { data: new Uint8Array([1, 2]).buffer })
    expect(await listener.received(1)).toEqual([new Uint8Array([1, 2])])
  })

  test.each([
    ['text', 'INVALID', { data: 'hello' }],
    ['an empty message', 'INVALID', { data: bytes(0) }],
    ['something else', 'INVALID', { data: { size: 1 } }],
    ['a message that is too long', 'TOO_LARGE', { data: bytes(11) }],
  ])('%s ends it with %s', async (_, code, event) => {
    const { socket, transport } = opened()
    transport.allow(10)
    const listener = new Listener(transport)
    socket.emit('message', event)
    expect(await listener.ended()).toBe(code)
    expect(listener.frames).toEqual([])
    expect(socket.closed).toEqual([[4000, code]])
  })

  test('a full socket makes the sender wait, and is asked until it is not full', async () => {
    const { socket, timers, transport } = opened()
    let taken = 0
    for (let i = 0; i < 4; i++) void transport.send(new Uint8Array(limits.transportBytes)).then(() => taken++)
    await Promise.resolve()
    expect(socket.sent).toHaveLength(1)
    timers.fire(0, 100)
    await settled()
    expect([socket.sent.length, taken]).toEqual([1, 1])
    for (let i = 0; i < 3; i++) {
      socket.bufferedAmount = 0
      timers.fire(0, 100)
      await settled()
    }
    expect([socket.sent.length, taken]).toEqual([4, 4])
    socket.bufferedAmount = 0
    timers.fire(0, 100)
    await settled()
    expect(timers.waiting).toEqual([])
  })

  test('a closed socket is not asked any more', async () => {
    const { socket, timers, transport } = opened()
    const listener = new Listener(transport)
    void transport.send(new Uint8Array(limits.transportBytes))
    socket.readyState = 3
    socket.emit('close', { code: 1006, reason: '' })
    expect(await listener.ended()).toBe('OFFLINE')
    timers.fire(0, 100)
    expect(timers.waiting).toEqual([])
  })

  test('a reader that takes nothing is given up, after a time that grows with what waits', async () => {
    const { timers, transport } = opened()
    const listener = new Listener(transport)
    const sent = transport.send(new Uint8Array(2 * limits.transportBytes))
    expect(timers.waiting.at(-1)).toBe(
      limits.slowReaderMs + ((2 * limits.transportBytes) / limits.slowReaderBytes) * 1000,
    )
    timers.fire(limits.slowReaderMs, Infinity)
    expect(await listener.ended()).toBe('RATE_LIMITED')
    await expect(sent).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('a sender that never waits is stopped before memory ends', async () => {
    const { transport } = opened()
    const listener = new Listener(transport)
    const frame = new Uint8Array(limits.transportBytes)
    const most = limits.transportHeldBytes / limits.transportBytes + 2
    for (let i = 0; i < most; i++) void transport.send(frame)
    expect(await listener.ended()).toBe('RATE_LIMITED')
  })

  test('frames that nobody listens to are kept up to a bound', async () => {
    const { socket, transport } = opened()
    const data = bytes(limits.transportHeldBytes / 4)
    transport.allow(limits.transportHeldBytes)
    for (let i = 0; i < 6; i++) socket.emit('message', { data })
    expect(await new Listener(transport).ended()).toBe('TOO_LARGE')
  })

  test.each([
    [1000, null],
    [1001, 'OFFLINE'],
    [1005, 'OFFLINE'],
    [1006, 'OFFLINE'],
    [4000, 'OFFLINE'],
  ])('close code %i is the end %s', async (code, end) => {
    const { socket, transport } = opened()
    const listener = new Listener(transport)
    socket.emit('close', { code, reason: '' })
    expect(await listener.ended()).toBe(end)
  })

  test('an end that the other side never answers has its time', async () => {
    const { socket, timers, transport } = opened()
    const listener = new Listener(transport)
    transport.close()
    expect(socket.closed).toEqual([[1000, undefined]])
    timers.fire(limits.closeMs)
    expect(await listener.ended()).toBe('OFFLINE')
    expect(timers.waiting).toEqual([])
  })

  test('silence instead of a first frame has its time, and a frame ends it', async () => {
    const timers = new ManualTimers()
    const make = (socket: BrowserSocket): ReturnType<typeof webSocketTransport> =>
      webSocketTransport(socket, { env: timers, helloMs: limits.helloMs })
    const silent = new Listener(make(new BrowserSocket()))
    timers.fire(limits.helloMs)
    expect(await silent.ended()).toBe('INVALID')
    const socket = new BrowserSocket()
    const speaking = new Listener(make(socket))
    socket.emit('message', { data: bytes(1) })
    await speaking.received(1)
    expect(timers.waiting).toEqual([])
  })
})

describe('opening', () => {
  function opening(socket = new BrowserSocket()): {
    socket: BrowserSocket
    asked: unknown[]
    life: AbortController
    answer: Promise<unknown>
  } {
    const asked: unknown[] = []
    const life = new AbortController()
    const make = (...parts: readonly unknown[]): WebSocketLike => {
      asked.push(...parts)
      return socket
    }
    const answer = openWebSocket(make, 'wss://example.org/v1/sync', { env: new ManualTimers(), signal: life.signal })
    answer.catch(() => undefined)
    return { socket, asked, life, answer }
  }

  test('asks for the subprotocol and resolves when the socket is open', async () => {
    const { socket, asked, answer } = opening()
    expect(asked).toEqual(['wss://example.org/v1/sync', { protocol: 'varve.sync.1', frameBytes: limits.frameBytes }])
    socket.emit('open')
    socket.emit('message', { data: bytes(3) })
    await expect(answer).resolves.toHaveProperty('send')
  })

  test('another subprotocol is not ours', async () => {
    const { socket, answer } = opening(Object.assign(new BrowserSocket(), { protocol: '' }))
    socket.emit('open')
    await expect(answer).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(socket.closed).toEqual([[4000, 'INVALID']])
  })

  test.each(['error', 'close'] as const)('%s before it is open is OFFLINE', async (event) => {
    const { socket, answer } = opening()
    if (event === 'error') socket.emit('error', { error: new Error('refused') })
    else socket.emit('close', { code: 1006, reason: '' })
    await expect(answer).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('a signal gives up with its reason, and closes the socket', async () => {
    const { socket, life, answer } = opening()
    const reason = new Error('enough')
    life.abort(reason)
    await expect(answer).rejects.toBe(reason)
    expect(socket.closed).toHaveLength(1)
    socket.emit('open')
  })
})

/** Lets every promise that is ready go on. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

/** What HTTP streams at the server do not let others do: lost and repeated requests, floods, silence, slow readers. */

import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { frameOf, Listener } from '@varve/testkit'
import { encodeFrames, endOfFrames, limits, type WireTransport } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualTimers } from '../../varve/test/transports-timers.ts'
import { httpStreams, type HttpStreamsOptions } from '../src/transports/http-stream.ts'
import { env, transportServer } from './transports-world.ts'

const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Streams {
  readonly accepted: WireTransport[]
  readonly timers: ManualTimers
  /** Opens a session; its response has the way down. */
  open(): Promise<{ readonly response: Response; readonly session: string }>
  send(session: string, sequence: number | string | null, body: Uint8Array | null, method?: string): Promise<Response>
}

function streams(options: Partial<HttpStreamsOptions> = {}): Streams {
  const timers = new ManualTimers()
  const accepted: WireTransport[] = []
  const handle = httpStreams({
    env: { ...env, timer: timers.timer },
    accept: (transport) => void accepted.push(transport),
    ...options,
  })
  const url = 'http://example.org/v1/sync/stream'
  return {
    accepted,
    timers,
    open: async () => {
      const response = await handle(new Request(url, { method: 'POST' }))
      return { response, session: response.headers.get('varve-session') ?? '' }
    },
    send: (session, sequence, body, method = 'POST') => {
      const headers: Record<string, string> = sequence === null ? {} : { 'varve-sequence': String(sequence) }
      const init = { method, headers, body: body?.slice() ?? null }
      return handle(new Request(`${url}/${session}`, init))
    },
  }
}

/** The first listener of the session opened last. */
function listen({ accepted }: Streams): Listener {
  const transport = accepted.at(-1)
  if (transport === undefined) throw new Error('no transport was opened')
  return new Listener(transport)
}

async function codeOf(response: Response): Promise<unknown> {
  const { code }: { code: unknown } = JSON.parse(await response.text())
  return code
}

const one = encodeFrames([frameOf(10, 1)])

describe('HTTP streams at the server', () => {
  test('a session has an id that cannot be guessed, and a response that is not kept', async () => {
    const world = streams()
    const [first, second] = [await world.open(), await world.open()]
    expect(first.session).toMatch(/^[0-9a-f]{64}$/)
    expect(second.session).not.toBe(first.session)
    expect(first.response.status).toBe(200)
    expect(first.response.headers.get('cache-control')).toBe('no-store, no-transform')
    const reader = first.response.body?.getReader()
    expect((await reader?.read())?.value).toEqual(new Uint8Array(4))
  })

  test('frames of one request are taken before it is answered, and only once somebody listens', async () => {
    const world = streams()
    const { session } = await world.open()
    let answered = false
    const answer = world.send(session, 0, encodeFrames([frameOf(10, 1), frameOf(20, 2)])).then((response) => {
      answered = true
      return response
    })
    await new Promise((resolve) => void setTimeout(resolve, 20))
    expect(answered).toBe(false)
    const listener = listen(world)
    expect((await answer).status).toBe(204)
    expect(listener.frames).toEqual([frameOf(10, 1), frameOf(20, 2)])
  })

  test('a repeated request is answered again and not taken again', async () => {
    const world = streams()
    const { session } = await world.open()
    const listener = listen(world)
    expect((await world.send(session, 0, one)).status).toBe(204)
    expect((await world.send(session, 0, one)).status).toBe(204)
    const [first, again] = await Promise.all([world.send(session, 1, one), world.send(session, 1, one)])
    expect([first.status, again.status]).toEqual([204, 204])
    expect(listener.frames).toHaveLength(2)
  })

  test.each([
    ['a request that is missing', 1],
    ['a sequence that is no number', 'x'],
    ['no sequence', null],
  ])('%s ends the session', async (_, sequence) => {
    const world = streams()
    const { session } = await world.open()
    const listener = listen(world)
    const response = await world.send(session, sequence, one)
    expect([response.status, await codeOf(response)]).toEqual([409, 'CONFLICT'])
    expect(await listener.ended()).toBe('CONFLICT')
    expect((await world.send(session, 0, one)).status).toBe(404)
  })

  test('two requests at once end the session', async () => {
    const world = streams()
    const { session } = await world.open()
    const [first, second] = [world.send(session, 0, one), world.send(session, 1, one)]
    expect((await second).status).toBe(409)
    await first
    expect(await listen(world).ended()).toBe('CONFLICT')
  })

  test.each([
    ['ends inside a frame', one.subarray(0, 9), 'INVALID'],
    ['says that the stream ends', new Uint8Array([...one, ...endOfFrames]), 'INVALID'],
    ['holds a frame above the limit', encodeFrames([frameOf(1001, 1)]), 'TOO_LARGE'],
    ['claims four gigabytes', new Uint8Array([0xff, 0xff, 0xff, 0xf0]), 'TOO_LARGE'],
  ])('a request that %s ends the session', async (_, body, code) => {
    const world = streams({ frameBytes: 1000 })
    const { session } = await world.open()
    const listener = listen(world)
    const response = await world.send(session, 0, body)
    expect(await codeOf(response)).toBe(code)
    expect(await listener.ended()).toBe(code)
    expect((await world.send(session, 1, one)).status).toBe(404)
  })

  test('a stranger may not send more than the frames of the handshake', async () => {
    const world = streams()
    const { session } = await world.open()
    const listener = listen(world)
    expect((await world.send(session, 0, encodeFrames([frameOf(limits.handshakeFrameBytes, 1)]))).status).toBe(204)
    await world.send(session, 1, encodeFrames([frameOf(limits.handshakeFrameBytes + 1, 2)]))
    expect(await listener.ended()).toBe('TOO_LARGE')
  })

  test.each(['', '0', 'f'.repeat(64), '..%2fstream', `${'f'.repeat(64)}/x`])('no session %j is found', async (id) => {
    const world = streams()
    await world.open()
    const response = await world.send(id, 0, null, id === '' ? 'DELETE' : 'POST')
    expect([response.status, await codeOf(response)]).toEqual([404, 'NOT_FOUND'])
  })

  test('DELETE is the orderly end, and the response says so', async () => {
    const world = streams()
    const { session, response } = await world.open()
    const listener = listen(world)
    await world.send(session, 0, one)
    const body = response.arrayBuffer()
    expect((await world.send(session, 1, null, 'DELETE')).status).toBe(204)
    expect(await listener.ended()).toBe(null)
    expect(new Uint8Array(await body).slice(-4)).toEqual(endOfFrames)
    expect((await world.send(session, 2, one)).status).toBe(404)
    expect(world.timers.waiting).toEqual([])
  })

  test('a response that is dropped ends the session', async () => {
    const world = streams()
    const { session, response } = await world.open()
    const listener = listen(world)
    await response.body?.cancel()
    expect(await listener.ended()).toBe('OFFLINE')
    expect((await world.send(session, 0, one)).status).toBe(404)
    expect(world.timers.waiting).toEqual([])
  })

  test('sessions are bounded in number, and a place is free again after one has ended', async () => {
    const world = streams({ sessions: 2 })
    const { response } = await world.open()
    await world.open()
    const refused = await world.open()
    expect([refused.response.status, await codeOf(refused.response)]).toEqual([429, 'RATE_LIMITED'])
    await response.body?.cancel()
    expect((await world.open()).response.status).toBe(200)
  })

  test('a session that never says anything is closed', async () => {
    const world = streams()
    await world.open()
    const listener = listen(world)
    world.timers.fire(limits.helloMs)
    expect(await listener.ended()).toBe('INVALID')
  })

  test('a quiet session is kept awake, and closed when no request comes any more', async () => {
    const world = streams()
    const { session, response } = await world.open()
    const listener = listen(world)
    const body = response.arrayBuffer()
    await world.send(session, 0, one)
    const ticks = limits.streamIdleMs / limits.streamKeepAliveMs
    for (let i = 1; i < ticks; i++) await tick(world.timers)
    expect(listener.closings).toEqual([])
    await world.send(session, 1, one)
    for (let i = 1; i < ticks; i++) await tick(world.timers)
    expect(listener.closings).toEqual([])
    await tick(world.timers)
    expect(await listener.ended()).toBe('OFFLINE')
    // The first bytes, one for every other tick, and one to see whether the response is read.
    expect(new Uint8Array(await body)).toEqual(new Uint8Array(4 * (2 * ticks)))
  })

  test('a response that nobody reads holds the sender back, and breaks in the end', async () => {
    const world = streams()
    const { response } = await world.open()
    const [transport] = world.accepted
    const listener = listen(world)
    const sent: unknown[] = []
    for (let i = 0; i < 8; i++)
      void transport
        ?.send(frameOf(1024 * 1024, i))
        .then(() => sent.push(i))
        .catch(() => undefined)
    await new Promise((resolve) => void setTimeout(resolve, 20))
    expect(sent).toEqual([0])
    world.timers.fire(limits.slowReaderMs, Infinity)
    expect(await listener.ended()).toBe('RATE_LIMITED')
    world.timers.fire(limits.closeMs)
    await expect(response.arrayBuffer()).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })

  test('a client that sends half a request holds nothing up but itself', async () => {
    const server = await transportServer()
    cleanups.push(() => server.close())
    const { hostname, port } = new URL(server.url)
    const raw: Socket = connectSocket(Number(port), hostname)
    cleanups.push(() => void raw.destroy())
    raw.write('POST /v1/sync/stream HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
    const [answer]: readonly unknown[] = await once(raw, 'data')
    const session = /varve-session: ([0-9a-f]+)/.exec(String(answer))?.[1] ?? ''
    const listener = new Listener(await server.accepted())
    const half = connectSocket(Number(port), hostname)
    half.write(
      `POST /v1/sync/stream/${session} HTTP/1.1\r\nHost: x\r\nvarve-sequence: 0\r\nContent-Length: 100\r\n\r\n`,
    )
    half.write(one)
    await listener.received(1)
    half.destroy()
    expect(await listener.ended()).toBe('OFFLINE')
  })
})

async function tick(timers: ManualTimers): Promise<void> {
  timers.fire(limits.streamKeepAliveMs)
  await new Promise((resolve) => void setImmediate(resolve))
}

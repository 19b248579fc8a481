/** What one peer may make a sync machine hold: channels, feeds, values, questions; above that it is cut off. */

import { expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { concat } from '../src/encoding/bytes.ts'
import { limits } from '../src/limits.ts'
import { decodeUnit } from '../src/log/unit.ts'
import type { Position } from '../src/replica/position.ts'
import { decodeFrame } from '../src/sync/decode-frame.ts'
import { encodeFrame, errorFrame, type Frame } from '../src/sync/frames.ts'
import { authMessage } from '../src/sync/handshake.ts'
import { SyncMachine } from '../src/sync/machine.ts'
import { VarveError } from '../src/errors.ts'
import { deviceFrom } from '../../../spec/tools/world.ts'
import { coded } from './keys-world.ts'

const bytes = (length: number, value: number): Uint8Array => {
  const made = new Uint8Array(length)
  new DataView(made.buffer).setUint32(0, value)
  return made
}
const head = new Uint8Array(32)
const server = deviceFrom(bytes(32, 1))
const client = deviceFrom(bytes(32, 2))
const tenant = bytes(16, 0)

function listing(feeds: number): Position {
  return { record: 0, head, feeds: Array.from({ length: feeds }, (_, i) => ({ feed: bytes(16, i), length: 1, head })) }
}

function open(channel: number, feeds = 0): Frame {
  return { type: 'open', channel, database: bytes(16, channel), position: listing(feeds), urgent: [] }
}

/** A live acceptor that was given frames; `said` are the codes it ended with. */
class Acceptor {
  readonly machine = new SyncMachine({
    role: 'acceptor',
    tenant,
    device: { publicKey: server.publicKey, sign: (message) => primitives.ed25519.sign(server.secret, message) },
    env: { now: () => 0, random: () => head },
    directory: null,
    appointments: [],
  })

  constructor() {
    this.give({ type: 'hello', versions: [1], tenant, nonce: head })
    const context = { tenant, initiator: head, acceptor: head, acceptorKey: server.publicKey }
    const signature = primitives.ed25519.sign(client.secret, authMessage('initiator', context, client.publicKey))
    this.give({ type: 'auth', publicKey: client.publicKey, signature })
    this.machine.admitted('full')
    this.give({ type: 'ready', now: 0, window: 1_000, appointments: [] })
    this.machine.take()
  }

  give(...frames: readonly Frame[]): this {
    for (const frame of frames) this.machine.receive(encodeFrame(frame))
    return this
  }

  get closed(): string | null {
    const last = this.machine.take().at(-1)
    return last !== undefined && 'event' in last && last.event === 'closed' ? (last.error?.code ?? '') : null
  }
}

test('ten million tiny values in a frame or a unit are not even looked at', () => {
  const values = concat(Uint8Array.of(0x9a, 0, 0x98, 0x96, 0x80), new Uint8Array(10_000_000))
  expect(() => decodeFrame(concat(Uint8Array.of(0x83, 5, 0), values))).toThrow(coded('TOO_LARGE'))
  expect(() => decodeUnit(concat(Uint8Array.of(0x83, 1), values))).toThrow(coded('TOO_LARGE'))
})

test('lists inside lists end in a typed error', () => {
  expect(() => decodeFrame(new Uint8Array(100_000).fill(0x81))).toThrow(coded('INVALID'))
})

test('a peer opens so many channels, and no more', () => {
  const acceptor = new Acceptor()
  for (let channel = 0; channel < limits.syncChannels; channel++) acceptor.give(open(channel))
  expect(acceptor.closed).toBeNull()
  expect(acceptor.give(open(limits.syncChannels)).closed).toBe('TOO_LARGE')
})

test('the positions of all its channels list so many feeds, and no more', () => {
  const half = limits.positionFeeds / 2 + 1
  const acceptor = new Acceptor().give(open(0, half), { type: 'close', channel: 0 }, open(1, half))
  expect(acceptor.closed).toBeNull()
  expect(acceptor.give(open(2, half)).closed).toBe('TOO_LARGE')
})

test('one position lists so many feeds, and no more', () => {
  expect(() => encodeFrame(open(0, limits.positionFeeds + 1))).toThrow(coded('TOO_LARGE'))
})

test('of a flood of pings two are kept', () => {
  const acceptor = new Acceptor().give(open(0))
  for (let n = 0; n < 10_000; n++) acceptor.give({ type: 'ping', n })
  expect(acceptor.machine.take()).toHaveLength(1)
  acceptor.machine.failed('open', 0, new VarveError('NOT_FOUND', 'It is not here'))
  const sent = acceptor.machine.take().flatMap((output) => ('bytes' in output ? [decodeFrame(output.bytes)] : []))
  expect(sent.map((frame) => frame.type)).toEqual(['error', 'pong'])
})

test('a message that is too long is cut, not refused', () => {
  const error = new VarveError('INVALID', `${'x'.repeat(limits.wordBytes - 1)}\u{1f600}`)
  const frame = errorFrame(null, error)
  expect(decodeFrame(encodeFrame(frame))).toEqual(frame)
  expect(frame.message).toHaveLength(limits.wordBytes)
})

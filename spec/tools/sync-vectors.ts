/** Makes spec/vectors/sync.json: each type of frame, frames that must be refused, and what both sides sign. */

import { primitives } from '../../packages/varve/src/crypto/primitives.ts'
import { concat, toHex } from '../../packages/varve/src/encoding/bytes.ts'
import { encodeCbor } from '../../packages/varve/src/encoding/cbor.ts'
import { limits } from '../../packages/varve/src/limits.ts'
import { encodeFrame, frameTypes, type Frame } from '../../packages/varve/src/sync/frames.ts'
import { authMessage, type Role } from '../../packages/varve/src/sync/handshake.ts'
import { seededRandom } from './seeded.ts'
import { deviceFrom } from './world.ts'

type Random = (length: number) => Uint8Array

/** A frame with its bytes as hex, as JSON carries it. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

/** At least one frame of each type. */
export function sampleFrames(random: Random): readonly Frame[] {
  const position = { record: 300, head: random(32), feeds: [] }
  const feeds = [
    { feed: random(16), length: 70_000, head: random(32) },
    { feed: random(16), length: 0, head: new Uint8Array(32) },
  ]
  return [
    { type: 'hello', versions: [1, 2], tenant: random(16), nonce: random(32) },
    { type: 'auth', publicKey: random(32), signature: random(64) },
    { type: 'ready', now: Date.UTC(2026, 0, 1), window: limits.syncWindowBytes, appointments: [] },
    { type: 'ready', now: 0, window: 0, appointments: [random(20), random(300)] },
    { type: 'open', channel: 0, database: random(16), position, urgent: [] },
    { type: 'open', channel: 24, database: random(16), position: { ...position, feeds }, urgent: [random(16)] },
    { type: 'opened', channel: 256, position, checkpoint: null },
    { type: 'opened', channel: 65_536, position: { ...position, feeds }, checkpoint: 'example.org\n300\n' },
    { type: 'unit', channel: 1, unit: random(limits.unitMinimumBytes) },
    { type: 'unit', channel: 2 ** 32, unit: random(300) },
    { type: 'credit', bytes: 1_048_576 },
    { type: 'current', channel: 1, record: Number.MAX_SAFE_INTEGER },
    { type: 'presence', channel: 1, device: random(32), body: random(24) },
    { type: 'appointed', appointments: [random(20)] },
    { type: 'close', channel: 1 },
    { type: 'error', channel: null, code: 'FORBIDDEN', message: 'The device was revoked', feed: null },
    { type: 'error', channel: 1, code: 'FORKED_FEED', message: 'Zwei Zweige \u2014 \ufeff', feed: random(16) },
    { type: 'ping', n: 0 },
    { type: 'pong', n: 23 },
  ]
}

function number(type: Frame['type']): number {
  return frameTypes.indexOf(type)
}

function wrongFrames(random: Random) {
  const wrong = (name: string, bytes: Uint8Array, code = 'INVALID') => ({ name, encoded: toHex(bytes), code })
  const cbor = (name: string, value: unknown, code = 'INVALID') => wrong(name, encodeCbor(value), code)
  const ping = encodeFrame({ type: 'ping', n: 1 })
  const [id, hash] = [random(16), random(32)]
  const feed = [random(16), 1, hash]
  const [unit, hello] = [number('unit'), number('hello')]
  return [
    wrong('nothing', new Uint8Array()),
    wrong('cut off', ping.subarray(0, -1)),
    wrong('a byte too many', concat(ping, new Uint8Array(1))),
    wrong('a number in more bytes than needed', Uint8Array.of(0x82, number('ping'), 0x18, 1)),
    wrong('a whole number as a float', Uint8Array.of(0x82, number('ping'), 0xf9, 0x3c, 0)),
    wrong('a list without an end', Uint8Array.of(0x9f, number('ping'), 1, 0xff)),
    cbor('no list', { 0: number('ping'), 1: 1 }),
    cbor('an empty list', []),
    cbor('an unknown type', [frameTypes.length, 1]),
    cbor('a type as text', ['ping', 1]),
    cbor('a field too few', [number('ping')]),
    cbor('a field too many', [number('ping'), 1, 1]),
    cbor('a negative number', [number('ping'), -1]),
    cbor('a number that is not whole', [number('ping'), 0.5]),
    cbor('a tenant of 15 bytes', [hello, [1], id.subarray(1), hash]),
    cbor('a version as text', [hello, ['1'], id, hash]),
    cbor('a time beyond 48 bits', [number('ready'), 2 ** 48, 0, []]),
    cbor('a position with a fourth field', [number('open'), 0, id, [0, hash, [], null], []]),
    cbor('a feed named twice', [number('open'), 0, id, [0, hash, [feed, feed]], []]),
    cbor('a unit without room for a signature', [unit, 0, random(limits.unitMinimumBytes - 1)]),
    cbor('a unit as text', [unit, 0, 'x'.repeat(100)]),
    cbor('an error about no feed', [number('error'), 0, 'INVALID', '', id.subarray(1)]),
    cbor('a presence too long', [number('presence'), 0, hash, new Uint8Array(limits.presenceBytes + 1)], 'TOO_LARGE'),
    cbor('too many urgent collections', [number('open'), 0, id, [0, hash, []], manyUrgent(id)], 'TOO_LARGE'),
    cbor('a message too long', [number('error'), 0, 'INVALID', 'x'.repeat(limits.wordBytes + 1), null], 'TOO_LARGE'),
  ]
}

function manyUrgent(id: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: limits.urgentCollections + 1 }, () => id)
}

function auths(random: Random) {
  const [initiator, acceptor] = [deviceFrom(random(32)), deviceFrom(random(32))]
  const context = {
    tenant: random(16),
    initiator: random(32),
    acceptor: random(32),
    acceptorKey: acceptor.publicKey,
  }
  const auth = (role: Role, device: typeof acceptor) => {
    const signed = authMessage(role, context, device.publicKey)
    return {
      role,
      tenant: toHex(context.tenant),
      initiatorNonce: toHex(context.initiator),
      acceptorNonce: toHex(context.acceptor),
      acceptorKey: toHex(context.acceptorKey),
      publicKey: toHex(device.publicKey),
      signingKey: toHex(device.secret),
      signed: toHex(signed),
      signature: toHex(primitives.ed25519.sign(device.secret, signed)),
    }
  }
  return [auth('initiator', initiator), auth('acceptor', acceptor)]
}

export function syncVectors(): unknown {
  const random = seededRandom('sync')
  return {
    description:
      'Vectors of spec/sync.md. Byte strings are lower-case hex. Invalid ones name the error code they must end in.',
    frames: {
      valid: sampleFrames(random).map((frame) => ({ frame: plain(frame), encoded: toHex(encodeFrame(frame)) })),
      invalid: wrongFrames(random),
    },
    auth: auths(random),
  }
}

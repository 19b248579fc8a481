/** Reading frames: strict, in one form only, so that what is read has the bytes that were sent. */

import { equalBytes } from '../encoding/bytes.ts'
import { decodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { feedIdBytes, hashBytes, tagBytes } from '../log/header.ts'
import type { Position } from '../replica/position.ts'
import { canonicalBytes, checkFrame, frameTypes, type Frame } from './frames.ts'

const idBytes = 16
const keyBytes = 32
const nonceBytes = 32
const signatureBytes = 64
/** The same 48 bits as in stamps: later times have no date. */
const lastTime = 0xffff_ffff_ffff
/** CBOR items of the longest position, and some: a frame of tiny items must not fill the memory. */
const frameItems = 4 * limits.positionFeeds + 1_000

/**
 * Reads a frame of at most `limit` bytes. Throws `TOO_LARGE`, or `INVALID` for anything that `encodeFrame` would
 * not have written.
 */
export function decodeFrame(bytes: Uint8Array, limit: number = limits.frameBytes): Frame {
  assertLimit(bytes.length, limit, 'The sync frame in bytes')
  const [number, ...fields] = listOf(decodeCbor(bytes, 'The sync frame', frameItems), 'the sync frame')
  const type = typeof number === 'number' ? frameTypes[number] : undefined
  if (type === undefined) throw new VarveError('INVALID', 'The sync frame is of a type this Varve does not know')
  const decoder = decoders[type]
  if (fields.length !== decoder.length)
    throw new VarveError('INVALID', `A frame "${type}" has ${fields.length} fields, ${decoder.length} expected`)
  const frame = decoder(...fields)
  checkFrame(frame)
  if (!isCanonical(frame, bytes))
    throw new VarveError('INVALID', `The frame "${type}" is not in its canonical form: the peer must write it anew`)
  return frame
}

/** A unit is the rest of its frame: there is no need to compare it with itself. */
function isCanonical(frame: Frame, bytes: Uint8Array): boolean {
  const again = canonicalBytes(frame)
  const compared = frame.type === 'unit' ? bytes.length - frame.unit.length : bytes.length
  return again.length === bytes.length && equalBytes(again.subarray(0, compared), bytes.subarray(0, compared))
}

/** One decoder for each type; its parameters are the fields of the frame. */
const decoders: { readonly [Type in Frame['type']]: (...fields: readonly unknown[]) => Frame } = {
  hello: (versions, tenant, nonce) => ({
    type: 'hello',
    versions: listOf(versions, 'the versions').map((version) => wholeNumber(version, 'a version')),
    tenant: bytesOf(tenant, idBytes, 'the tenant'),
    nonce: bytesOf(nonce, nonceBytes, 'the nonce'),
  }),
  auth: (publicKey, signature) => ({
    type: 'auth',
    publicKey: bytesOf(publicKey, keyBytes, 'the public key'),
    signature: bytesOf(signature, signatureBytes, 'the signature'),
  }),
  ready: (now, window, appointments) => ({
    type: 'ready',
    now: timeOf(now),
    window: wholeNumber(window, 'the window'),
    appointments: decodeAppointments(appointments),
  }),
  open: (channel, database, position, urgent) => ({
    type: 'open',
    channel: channelOf(channel),
    database: bytesOf(database, idBytes, 'the database'),
    position: decodePosition(position),
    urgent: listOf(urgent, 'the urgent collections').map((tag) => bytesOf(tag, tagBytes, 'a collection tag')),
  }),
  opened: (channel, position, checkpoint) => ({
    type: 'opened',
    channel: channelOf(channel),
    position: decodePosition(position),
    checkpoint: checkpoint === null ? null : textOf(checkpoint, 'the checkpoint'),
  }),
  unit: (channel, unit) => ({ type: 'unit', channel: channelOf(channel), unit: bytesOf(unit, null, 'the unit') }),
  credit: (bytes) => ({ type: 'credit', bytes: wholeNumber(bytes, 'the credit') }),
  current: (channel, record) => ({
    type: 'current',
    channel: channelOf(channel),
    record: wholeNumber(record, 'the record'),
  }),
  presence: (channel, device, body) => ({
    type: 'presence',
    channel: channelOf(channel),
    device: bytesOf(device, keyBytes, 'the device'),
    body: bytesOf(body, null, 'the body'),
  }),
  appointed: (appointments) => ({ type: 'appointed', appointments: decodeAppointments(appointments) }),
  close: (channel) => ({ type: 'close', channel: channelOf(channel) }),
  error: (channel, code, message, feed) => ({
    type: 'error',
    channel: channel === null ? null : channelOf(channel),
    code: textOf(code, 'the code'),
    message: textOf(message, 'the message'),
    feed: feed === null ? null : bytesOf(feed, feedIdBytes, 'a feed id'),
  }),
  ping: (n) => ({ type: 'ping', n: wholeNumber(n, 'the number of a ping') }),
  pong: (n) => ({ type: 'pong', n: wholeNumber(n, 'the number of a pong') }),
}

function channelOf(value: unknown): number {
  return wholeNumber(value, 'the channel')
}

function timeOf(value: unknown): number {
  const now = wholeNumber(value, 'the time')
  if (now > lastTime) throw new VarveError('INVALID', "The peer's time is beyond the year 10889: its clock is broken")
  return now
}

function decodeAppointments(value: unknown): readonly Uint8Array[] {
  return listOf(value, 'the appointments').map((appointment) => {
    const bytes = bytesOf(appointment, null, 'an appointment')
    assertLimit(bytes.length, limits.appointmentBytes, 'An appointment in bytes')
    return bytes
  })
}

function decodePosition(value: unknown): Position {
  const [record, head, feeds] = listOf(value, 'the position')
  return {
    record: wholeNumber(record, 'the length of the record'),
    head: bytesOf(head, hashBytes, 'the head of the record'),
    feeds: listOf(feeds, 'the feeds of a position').map((entry) => {
      const [feed, length, last] = listOf(entry, 'a feed of a position')
      return {
        feed: bytesOf(feed, feedIdBytes, 'a feed id'),
        length: wholeNumber(length, 'the length of a feed'),
        head: bytesOf(last, hashBytes, 'the head of a feed'),
      }
    }),
  }
}

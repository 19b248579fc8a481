/** The frames of the sync protocol: their types, their limits and their bytes (`spec/sync.md`). */

import { toHex } from '../encoding/bytes.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { errorCodes, VarveError, type ErrorCode } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Position } from '../replica/position.ts'

/** Every type of frame; its place in the list is its number on the wire. */
export const frameTypes = [
  'hello',
  'auth',
  'ready',
  'open',
  'opened',
  'unit',
  'credit',
  'current',
  'presence',
  'appointed',
  'close',
  'error',
  'ping',
  'pong',
] as const

export type Frame =
  | {
      readonly type: 'hello'
      readonly versions: readonly number[]
      readonly tenant: Uint8Array
      readonly nonce: Uint8Array
    }
  | { readonly type: 'auth'; readonly publicKey: Uint8Array; readonly signature: Uint8Array }
  | {
      readonly type: 'ready'
      /** The sender's clock in Unix milliseconds. */
      readonly now: number
      /** Bytes of units the sender takes before it gives credit. */
      readonly window: number
      readonly appointments: readonly Uint8Array[]
    }
  | {
      readonly type: 'open'
      readonly channel: number
      readonly database: Uint8Array
      readonly position: Position
      /** Tags of the collections whose commits go ahead of the record. */
      readonly urgent: readonly Uint8Array[]
    }
  | {
      readonly type: 'opened'
      readonly channel: number
      readonly position: Position
      readonly checkpoint: string | null
    }
  | { readonly type: 'unit'; readonly channel: number; readonly unit: Uint8Array }
  | { readonly type: 'credit'; readonly bytes: number }
  | { readonly type: 'current'; readonly channel: number; readonly record: number }
  | { readonly type: 'presence'; readonly channel: number; readonly device: Uint8Array; readonly body: Uint8Array }
  | { readonly type: 'appointed'; readonly appointments: readonly Uint8Array[] }
  | { readonly type: 'close'; readonly channel: number }
  | {
      readonly type: 'error'
      /** Null: the error ends the connection. */
      readonly channel: number | null
      /** As it was sent; one that this build does not know counts as `INVALID`. */
      readonly code: string
      readonly message: string
      readonly feed: Uint8Array | null
    }
  | { readonly type: 'ping'; readonly n: number }
  | { readonly type: 'pong'; readonly n: number }

/** The frame of one type. */
export type FrameOf<Type extends Frame['type']> = Extract<Frame, { readonly type: Type }>

/** The bytes of a frame; throws `TOO_LARGE` or `INVALID` when it breaks a limit. */
export function encodeFrame(frame: Frame): Uint8Array {
  checkFrame(frame)
  const bytes = canonicalBytes(frame)
  assertLimit(bytes.length, limits.frameBytes, 'The sync frame in bytes')
  return bytes
}

/** The only bytes of a frame, which are not looked at for limits. */
export function canonicalBytes(frame: Frame): Uint8Array {
  return encodeCbor([frameTypes.indexOf(frame.type), ...fieldsOf(frame)])
}

function fieldsOf(frame: Frame): readonly unknown[] {
  switch (frame.type) {
    case 'hello':
      return [frame.versions, frame.tenant, frame.nonce]
    case 'auth':
      return [frame.publicKey, frame.signature]
    case 'ready':
      return [frame.now, frame.window, frame.appointments]
    case 'open':
      return [frame.channel, frame.database, positionFields(frame.position), frame.urgent]
    case 'opened':
      return [frame.channel, positionFields(frame.position), frame.checkpoint]
    case 'unit':
      return [frame.channel, frame.unit]
    case 'credit':
      return [frame.bytes]
    case 'current':
      return [frame.channel, frame.record]
    case 'presence':
      return [frame.channel, frame.device, frame.body]
    case 'appointed':
      return [frame.appointments]
    case 'close':
      return [frame.channel]
    case 'error':
      return [frame.channel, frame.code, frame.message, frame.feed]
    case 'ping':
    case 'pong':
      return [frame.n]
  }
}

function positionFields({ record, head, feeds }: Position): readonly unknown[] {
  return [record, head, feeds.map(({ feed, length, head: last }) => [feed, length, last])]
}

/** Limits that hold on writing and on reading; throws `TOO_LARGE` or `INVALID`. */
export function checkFrame(frame: Frame): void {
  switch (frame.type) {
    case 'ready':
    case 'appointed':
      assertLimit(frame.appointments.length, limits.appointments, 'The number of appointments in a sync frame')
      break
    case 'open':
      checkPosition(frame.position)
      assertLimit(frame.urgent.length, limits.urgentCollections, 'The number of urgent collections')
      break
    case 'opened':
      checkPosition(frame.position)
      assertLimit(frame.checkpoint?.length ?? 0, limits.noteCharacters, 'The checkpoint in characters')
      break
    case 'unit':
      assertLimit(frame.unit.length, limits.batchMaximumBytes, 'The sync batch in bytes')
      if (frame.unit.length < limits.unitMinimumBytes)
        throw new VarveError(
          'INVALID',
          `A sync batch of ${frame.unit.length} bytes holds no signature: it proves nothing`,
        )
      break
    case 'presence':
      assertLimit(frame.body.length, limits.presenceBytes, 'The body of a presence in bytes')
      break
    case 'error':
      assertLimit(frame.code.length, limits.nameBytes, 'The code of an error in characters')
      assertLimit(frame.message.length, limits.wordBytes, 'The message of an error in characters')
      break
    default:
  }
}

/** A feed named twice would have two lengths. */
function checkPosition({ feeds }: Position): void {
  assertLimit(feeds.length, limits.positionFeeds, 'The number of feeds in a position')
  if (new Set(feeds.map(({ feed }) => toHex(feed))).size < feeds.length)
    throw new VarveError('INVALID', 'A position names a feed twice')
}

/** The frame that tells the peer of an error; a message that is too long is cut. */
export function errorFrame(
  channel: number | null,
  error: VarveError,
  feed: Uint8Array | null = null,
): FrameOf<'error'> {
  const message = error.message.slice(0, limits.wordBytes).toWellFormed()
  return { type: 'error', channel, code: error.code, message, feed }
}

/** The code of an error that a peer sent; one that this build does not know counts as `INVALID`. */
export function knownCode(code: string): ErrorCode {
  return errorCodes.find((each) => each === code) ?? 'INVALID'
}

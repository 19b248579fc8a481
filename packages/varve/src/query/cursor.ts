/** Keyset cursors: the position of the last document seen, as text that only fits the sort it was made for. */

import { concat, equalBytes, fromUtf8, utf8 } from '../encoding/bytes.ts'
import { isJsonArray, toJson, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import type { SortKey } from './sort-key.ts'
import { positionOf, type Position, type SortOrder } from './sort.ts'

const version = 1
const checksumBytes = 4
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The cursor after this document, for `after()` of the same sort. */
export function cursorAfter(order: SortOrder, doc: JsonObject, id: string): string {
  return encodeCursor(order, positionOf(order, doc, id))
}

export function encodeCursor(order: SortOrder, position: Position): string {
  // An empty array has no JSON value of its own as a sort key: [] stands for it, [x] for every other.
  const keys = position.keys.map((key) => (key === undefined ? [] : [key]))
  const body = utf8(JSON.stringify([version, signature(order), keys, position.id]))
  return toBase64Url(concat(checksum(body), body))
}

/**
 * The position of a cursor. Throws `INVALID` for text that is damaged or no cursor, `STALE_CURSOR` for a
 * cursor of another sort or of another version of Varve.
 */
export function decodeCursor(order: SortOrder, cursor: string): Position {
  const [found, path, keys, id] = cursorParts(cursor)
  if (found !== version || path !== signature(order)) {
    throw new VarveError(
      'STALE_CURSOR',
      'The cursor belongs to another sort order: use it with its own, or start again',
      {
        details: { expected: signature(order), found: path },
      },
    )
  }
  if (!isJsonArray(keys) || keys.length !== order.length || typeof id !== 'string') return notCursor()
  return { keys: keys.map(keyOf), id }
}

function signature(order: SortOrder): string {
  return JSON.stringify(order.map((field) => [field.path, field.direction]))
}

function keyOf(wrapped: JsonValue): SortKey {
  return isJsonArray(wrapped) && wrapped.length <= 1 ? wrapped[0] : notCursor()
}

function cursorParts(cursor: string): readonly JsonValue[] {
  const bytes = fromBase64Url(cursor)
  const body = bytes.subarray(checksumBytes)
  if (!equalBytes(checksum(body), bytes.subarray(0, checksumBytes))) return notCursor()
  try {
    const parts = toJson(JSON.parse(fromUtf8(body)), 'cursor', 'refuse', 1)
    return isJsonArray(parts) ? parts : notCursor()
  } catch (cause) {
    return notCursor(cause)
  }
}

function notCursor(cause?: unknown): never {
  throw new VarveError('INVALID', 'The cursor is damaged or was not made by Varve: start again without it', { cause })
}

/** FNV-1a: finds damage, and keeps no secret, because a cursor only says where to go on in what one may read anyway. */
function checksum(body: Uint8Array): Uint8Array {
  let hash = 0x811c9dc5
  for (const byte of body) hash = Math.imul(hash ^ byte, 0x01000193)
  return Uint8Array.of(hash >>> 24, hash >>> 16, hash >>> 8, hash)
}

function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet.charAt((held >>> (bits - 6)) & 63)
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (6 - bits)) & 63)
}

function fromBase64Url(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8))
  let held = 0
  let bits = 0
  let length = 0
  for (const character of text) {
    const digit = alphabet.indexOf(character)
    if (digit < 0) return notCursor()
    held = ((held << 6) | digit) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[length++] = (held >>> bits) & 0xff
    }
  }
  // Leftover bits that are not zero would let two texts mean one cursor.
  if (bits >= 6 || (held & ((1 << bits) - 1)) !== 0) return notCursor()
  return bytes
}

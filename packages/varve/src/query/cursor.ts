/** Keyset cursors: the position of the last document seen, as text that only fits the sort it was made for. */

import { fromBase64url, toBase64url } from '../encoding/base64.ts'
import { concat, equalBytes, fromUtf8, utf8 } from '../encoding/bytes.ts'
import { isJsonArray, toJson, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import type { SortKey } from './sort-key.ts'
import { positionOf, type Position, type SortOrder } from './sort.ts'

const version = 1
const checksumBytes = 4

/** The cursor after this document, for `after()` of the same sort; `stored` as in `readsAsStored`. */
export function cursorAfter(order: SortOrder, doc: JsonObject, id: string, stored = false): string {
  return encodeCursor(order, positionOf(order, doc, id), stored)
}

export function encodeCursor(order: SortOrder, position: Position, stored = false): string {
  // An empty array has no JSON value of its own as a sort key: [] stands for it, [x] for every other.
  const keys = position.keys.map((key) => (key === undefined ? [] : [key]))
  const body = utf8(JSON.stringify([version, signature(order, stored), keys, position.id]))
  return toBase64url(concat(checksum(body), body))
}

/**
 * The position of a cursor; `stored` as in `readsAsStored`. Throws `INVALID` for text that is damaged or no cursor, `STALE_CURSOR` for a
 * cursor of another sort, of another way to go through documents that are not sorted, or of another version of Varve.
 */
export function decodeCursor(order: SortOrder, cursor: string, stored: boolean | 'either' = false): Position {
  const [found, path, keys, id] = cursorParts(cursor)
  const expected = signature(order, stored === 'either' ? path === signature(order, true) : stored)
  if (found !== version || path !== expected) {
    throw new VarveError(
      'STALE_CURSOR',
      'The cursor belongs to another sort order, or to a time before an index was there: use it with its own, or start again',
      {
        details: { expected, found: path },
      },
    )
  }
  if (!isJsonArray(keys) || keys.length !== order.length || typeof id !== 'string') return notCursor()
  return { keys: keys.map(keyOf), id }
}

/** Without a sort, what is read one after the other comes as stored, what an index or the filter names by id. */
function signature(order: SortOrder, stored: boolean): string {
  if (order.length === 0) return stored ? 'as stored' : 'by id'
  return JSON.stringify(order.map((field) => [field.path, field.direction]))
}

function keyOf(wrapped: JsonValue): SortKey {
  return isJsonArray(wrapped) && wrapped.length <= 1 ? wrapped[0] : notCursor()
}

function cursorParts(cursor: string): readonly JsonValue[] {
  const bytes = fromBase64url(cursor, 'The cursor')
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

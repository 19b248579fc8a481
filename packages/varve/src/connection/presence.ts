/** Presence: what members of a database tell each other while they are here, sealed like its data and never stored. */

import { nonceBytes, xaesKey, xaesOpen, xaesSeal } from '../crypto/xaes.ts'
import { primitives } from '../crypto/primitives.ts'
import { concat, fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'
import { toJson, type JsonValue } from '../encoding/json.ts'
import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { keyIdBytes } from '../log/header.ts'
import { assertLimit, limits } from '../limits.ts'
import { keyBytes, type KeyVersion } from '../keys/key.ts'

const domain = utf8('varve/presence/v1\0')

/** Where a presence belongs: nothing of it can be moved to another database or device. */
export interface PresencePlace {
  /** 16 bytes. */
  readonly database: Uint8Array
  /** Public key of the device, 32 bytes. */
  readonly device: Uint8Array
}

/** The body of a presence frame: key id, nonce and sealed JSON. Throws `INVALID`, `TOO_LARGE`. */
export function sealPresence(
  key: KeyVersion,
  place: PresencePlace,
  state: unknown,
  env: Pick<Env, 'random'>,
): Uint8Array {
  const nonce = env.random(nonceBytes)
  const plaintext = utf8(JSON.stringify(toJson(state, '')))
  const body = concat(key.id, nonce, xaesSeal(presenceKey(key), nonce, context(place), plaintext))
  assertLimit(body.length, limits.presenceBytes, 'The presence in bytes')
  return body
}

/** The state in a body, read with the keys held; null when it cannot be read: nobody has to be believed or waited for. */
export function openPresence(
  keyOf: (id: string) => KeyVersion | null,
  place: PresencePlace,
  body: Uint8Array,
): JsonValue | null {
  const key = keyOf(toHex(body.subarray(0, keyIdBytes)))
  const nonce = body.subarray(keyIdBytes, keyIdBytes + nonceBytes)
  if (key === null || nonce.length < nonceBytes) return null
  try {
    const plaintext = xaesOpen(presenceKey(key), nonce, context(place), body.subarray(keyIdBytes + nonceBytes))
    return parse(fromUtf8(plaintext))
  } catch (error) {
    if (isVarveError(error)) return null
    throw error
  }
}

function parse(text: string): JsonValue {
  try {
    const parsed: unknown = JSON.parse(text)
    return toJson(parsed, '')
  } catch (error) {
    throw new VarveError('INVALID', 'A presence is not JSON: its sender made it wrongly', { cause: error })
  }
}

function presenceKey(key: KeyVersion) {
  return xaesKey(primitives.hkdfSha256(key.bytes, 'varve/presence/v1', keyBytes))
}

function context({ database, device }: PresencePlace): Uint8Array {
  return concat(domain, database, device)
}

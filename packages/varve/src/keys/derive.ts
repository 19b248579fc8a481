/** Keys derived from one version of a named key, for one purpose each: no key is ever used in two ways. */

import { primitives } from '../crypto/primitives.ts'
import { xaesKey, type XaesKey } from '../crypto/xaes.ts'
import { keyBytes, type KeyVersion } from './key.ts'

/** The XAES key that seals entries under a key version; derived once and kept by the caller. */
export function sealingKey(key: KeyVersion): XaesKey {
  return xaesKey(primitives.hkdfSha256(key.bytes, 'varve/seal/v1', keyBytes))
}

/** The XAES key that seals single attributes under a key version. */
export function attributeKey(key: KeyVersion): XaesKey {
  return xaesKey(primitives.hkdfSha256(key.bytes, 'varve/attribute/v1', keyBytes))
}

/** What chunks of attachments are sealed with, and made nonces with. */
export interface ChunkKey {
  /** Id of the key version, 16 bytes. */
  readonly id: Uint8Array
  readonly sealing: XaesKey
  readonly nonces: Uint8Array
}

export function chunkKey(key: KeyVersion): ChunkKey {
  const sealing = xaesKey(primitives.hkdfSha256(key.bytes, 'varve/chunk/v1', keyBytes))
  return { id: key.id, sealing, nonces: primitives.hkdfSha256(key.bytes, 'varve/chunk-nonce/v1', keyBytes) }
}

/**
 * The HMAC key of collection and document tags. A database derives it from one key version for
 * ever: from a rotated one, documents would change their tags.
 */
export function tagKey(key: KeyVersion): Uint8Array {
  return primitives.hkdfSha256(key.bytes, 'varve/tag/v1', keyBytes)
}

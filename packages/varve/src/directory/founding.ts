/** The founding record of a tenant: what its id is derived from, and who its first recorder is. */

import { primitives } from '../crypto/primitives.ts'
import { toHex, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { checkName } from '../encoding/id.ts'
import { VarveError } from '../errors.ts'

const version = 1
const domain = utf8('varve/tenant/v1\0')

export interface Founding {
  readonly name: string
  readonly user: string
  /** Ed25519 public key of the founding device: admin of the directory and recorder of epoch 0. */
  readonly publicKey: Uint8Array
  readonly createdAt: number
  /** 16 random bytes. */
  readonly nonce: Uint8Array
  /** Id of the first version of the tenant's own key, 16 bytes: what everything of the tenant derives from. */
  readonly key: Uint8Array
}

export function encodeFounding(founding: Founding): Uint8Array {
  return encodeCbor([
    version,
    founding.name,
    founding.user,
    founding.publicKey,
    founding.createdAt,
    founding.nonce,
    founding.key,
  ])
}

/** Throws `INVALID` or `UNSUPPORTED_VERSION`. */
export function decodeFounding(bytes: Uint8Array): Founding {
  const [format, name, user, publicKey, createdAt, nonce, key] = listOf(
    decodeCbor(bytes, 'The founding record'),
    'The founding record',
  )
  if (format !== version)
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `The founding record has format ${String(format)}, this Varve reads ${version}: update Varve`,
    )
  return {
    name: checkName(name, 'tenant'),
    user: checkName(user, 'user'),
    publicKey: bytesOf(publicKey, 32, 'the founding device'),
    createdAt: wholeNumber(createdAt, 'the founding time'),
    nonce: bytesOf(nonce, 16, 'the founding nonce'),
    key: bytesOf(key, 16, 'the founding key'),
  }
}

/** SHA-256 of the founding record: all that a server needs of it to check the tenant's id. */
export function foundingDigest(founding: Founding): Uint8Array {
  return primitives.sha256(encodeFounding(founding))
}

/** The tenant's id: 32 hex digits, bound to its founding record and founding device. */
export function tenantId(founding: Founding): string {
  return tenantIdOf(founding.publicKey, foundingDigest(founding))
}

/** The same for a node that knows the record by its digest only. */
export function tenantIdOf(founder: Uint8Array, digest: Uint8Array): string {
  return toHex(primitives.sha256(domain, founder, digest).slice(0, 16))
}

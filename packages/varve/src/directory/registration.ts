/** The registration of a tenant: what a server without keys must know of it, signed by its founder (`spec/tenant.md`). */

import { primitives } from '../crypto/primitives.ts'
import { concat, equalBytes, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { assertMode } from '../log/database-id.ts'
import { foundingDigest, tenantIdOf, type Founding } from './founding.ts'

const version = 1
const domain = utf8('varve/registration/v1\0')
const what = 'The registration of the tenant'

export interface Registration {
  /** 32 hex digits, computed from the two fields below. */
  readonly tenant: string
  /** Ed25519 public key of the founding device: the first admin, and recorder of epoch 0. */
  readonly founder: Uint8Array
  /** SHA-256 of the founding record, which itself names tenant and user. */
  readonly founding: Uint8Array
  /** Id of the directory's database, 16 bytes. */
  readonly directory: Uint8Array
  /** Tag of its collection `databases`, 16 bytes. */
  readonly databases: Uint8Array
}

/** Makes and signs the registration as the founding device. */
export function encodeRegistration(
  founding: Founding,
  { directory, databases }: Pick<Registration, 'directory' | 'databases'>,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const { publicKey: founder } = founding
  const body = encodeBody({ founder, founding: foundingDigest(founding), directory, databases })
  return encodeCbor([body, sign(concat(domain, body))])
}

/** Reads a registration; throws `INVALID`, `TOO_LARGE`, `UNSUPPORTED_VERSION`, or `TAMPERED` when the founder has not signed it. */
export function decodeRegistration(bytes: Uint8Array): Registration {
  assertLimit(bytes.length, limits.registrationBytes, `${what} in bytes`)
  const [signedBody, signed] = listOf(decodeCbor(bytes, what), 'the registration')
  const body = bytesOf(signedBody, null, 'the body of the registration')
  const signature = bytesOf(signed, 64, 'the signature of the registration')
  const read = decodeBody(body)
  if (!equalBytes(encodeCbor([encodeBody(read), signature]), bytes))
    throw new VarveError('INVALID', `${what} is not in its canonical form: it was damaged or made by something else`)
  if (!primitives.ed25519.verify(read.founder, concat(domain, body), signature))
    throw new VarveError('TAMPERED', `${what} is not signed by its founder: it was altered, do not use it`)
  assertMode(read.directory, 'sealed')
  return { ...read, tenant: tenantIdOf(read.founder, read.founding) }
}

type Body = Omit<Registration, 'tenant'>

function encodeBody({ founder, founding, directory, databases }: Body): Uint8Array {
  return encodeCbor([version, founder, founding, directory, databases])
}

function decodeBody(bytes: Uint8Array): Body {
  const [format, founder, founding, directory, databases] = listOf(decodeCbor(bytes, what), 'the registration')
  if (format !== version) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `${what} has format ${String(format)}, this Varve reads ${version}: update Varve`,
    )
  }
  return {
    founder: bytesOf(founder, 32, 'the founder of the registration'),
    founding: bytesOf(founding, 32, 'the digest of the founding record'),
    directory: bytesOf(directory, 16, 'the id of the directory'),
    databases: bytesOf(databases, 16, 'a collection tag'),
  }
}

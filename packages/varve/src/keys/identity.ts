/** A device's identity: an Ed25519 key that signs its feeds and an age X25519 key that receives secrets. */

import { primitives } from '../crypto/primitives.ts'
import { x25519PublicKey } from '../crypto/x25519.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf } from '../encoding/decode.ts'
import { checkName } from '../encoding/id.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { toBech32 } from '../encoding/base64.ts'
import { readFormat } from './format.ts'

/** Everything secret about a device; stored sealed, never sent. */
export interface DeviceIdentity {
  readonly user: string
  readonly signing: {
    /** 32-byte Ed25519 seed; never changed in place, the native signer keeps it ready. */
    readonly secret: Uint8Array
    /** 32-byte public key: the device's name in feeds and the directory. */
    readonly publicKey: Uint8Array
  }
  readonly age: {
    /** 32-byte X25519 secret. */
    readonly secret: Uint8Array
    /** The same secret as age writes it: `AGE-SECRET-KEY-1…`. */
    readonly identity: string
    /** The public key as age writes it: `age1…`. */
    readonly recipient: string
  }
}

const format = 'varve-identity'
const formatVersion = 1

/** A new identity from the injected randomness; throws `INVALID` or `RESERVED_NAME` for the user name. */
export function createIdentity(user: string, env: Pick<Env, 'random'>): DeviceIdentity {
  return makeIdentity(user, env.random(32), env.random(32))
}

/** Deterministic CBOR with the secrets in it: seal it before it is stored. */
export function encodeIdentity(identity: DeviceIdentity): Uint8Array {
  return encodeCbor([format, formatVersion, identity.user, identity.signing.secret, identity.age.secret])
}

/** The identity of `encodeIdentity`; throws `INVALID` or `UNSUPPORTED_VERSION`. */
export function decodeIdentity(bytes: Uint8Array): DeviceIdentity {
  const what = 'The device identity'
  const [user, signing, age] = readFormat(decodeCbor(bytes, what), format, formatVersion, 3, what)
  const identity = makeIdentity(
    checkName(user, 'user'),
    bytesOf(signing, 32, 'the signing key of the device identity'),
    bytesOf(age, 32, 'the age key of the device identity'),
  )
  if (!equalBytes(encodeIdentity(identity), bytes)) {
    throw new VarveError('INVALID', `${what} is not in its canonical form: it was damaged or made by something else`)
  }
  return identity
}

function makeIdentity(user: string, signing: Uint8Array, age: Uint8Array): DeviceIdentity {
  const secret = signing.slice()
  return {
    user: checkName(user, 'user'),
    signing: { secret, publicKey: primitives.ed25519.publicKey(secret) },
    age: ageKey(age.slice()),
  }
}

/** The texts are made when they are asked for: joining needs them, and opening a tenant would take a tenth longer. */
function ageKey(secret: Uint8Array): DeviceIdentity['age'] {
  return {
    secret,
    get identity() {
      return toBech32('age-secret-key-', secret).toUpperCase()
    },
    get recipient() {
      return toBech32('age', x25519PublicKey(secret))
    },
  }
}

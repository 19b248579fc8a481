/** The primitives in plain TypeScript over the noble libraries, for browsers and everything without node:crypto. */

import { ecb, gcm } from '@noble/ciphers/aes.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { concat, equalBytes, utf8 } from '../encoding/bytes.ts'
import { tagBytes, type Primitives } from './contract.ts'
import { isUsablePoint } from './ed25519.ts'

const { Point } = ed25519

/** The primitives over @noble/ciphers, @noble/curves and @noble/hashes. */
export const portable: Primitives = {
  name: 'portable',

  sha256(...parts) {
    const [first] = parts
    if (first !== undefined && parts.length === 1) return sha256(first)
    const hash = sha256.create()
    for (const part of parts) hash.update(part)
    return hash.digest()
  },

  hmacSha256(key, ...parts) {
    const mac = hmac.create(sha256, key)
    for (const part of parts) mac.update(part)
    return mac.digest()
  },

  hkdfSha256: (key, info, length) => hkdf(sha256, key, undefined, utf8(info), length),

  aesGcmSeal(key, nonce, aad, plaintext, target) {
    const sealed = gcm(key, nonce, aad).encrypt(plaintext)
    if (target === undefined) return sealed
    target.set(sealed)
    return target
  },

  aesGcmOpen(key, nonce, aad, sealed) {
    if (sealed.length < tagBytes) return null
    const cipher = gcm(key, nonce, aad)
    try {
      return cipher.decrypt(sealed)
    } catch {
      return null
    }
  },

  aesBlock: (key, blocks) => ecb(key, { disablePadding: true }).encrypt(blocks),

  ed25519: {
    publicKey: (secret) => ed25519.getPublicKey(secret),
    sign: (secret, message) => ed25519.sign(message, secret),
    verify,
  },
}

/**
 * RFC 8032 §5.1.7 in the cofactorless form R = [S]B - [k]A, which is what OpenSSL computes; noble's
 * own `verify` multiplies by the cofactor and so accepts signatures that node:crypto refuses.
 */
function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, 32)
  if (signature.length !== 64 || !isUsablePoint(publicKey) || !isUsablePoint(r)) return false
  const s = bytesToNumberLE(signature.subarray(32))
  if (s >= Point.Fn.ORDER) return false
  const a = decodePoint(publicKey)
  if (a === null) return false
  const k = Point.Fn.create(bytesToNumberLE(sha512(concat(r, publicKey, message))))
  const expected = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k))
  return equalBytes(expected.toBytes(), r)
}

function decodePoint(bytes: Uint8Array) {
  try {
    return Point.fromBytes(bytes)
  } catch {
    return null
  }
}

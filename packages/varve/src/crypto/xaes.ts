/** XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM with a 256-bit key and a 192-bit nonce that may be random. */

import { concat, writeUint64 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Primitives } from './contract.ts'
import { primitives as chosen } from './primitives.ts'

/** A key ready for use: K, the K1 derived from it, and the primitives that compute with it. */
export interface XaesKey {
  readonly key: Uint8Array
  readonly k1: Uint8Array
  readonly primitives: Primitives
}

/** Seals and opens the entries of one commit under one derived key. */
export interface Sealer {
  /** Ciphertext and tag of entry `index`, in `target` when given. Never seal twice under one salt and index. */
  seal(index: number, aad: Uint8Array, plaintext: Uint8Array, target?: Uint8Array): Uint8Array
  /** The plaintext of entry `index`; throws `TAMPERED` when it does not authenticate. */
  open(index: number, aad: Uint8Array, sealed: Uint8Array): Uint8Array
}

/** Bytes of a salt: with an 8-byte entry index it makes the 24-byte nonce. */
const saltBytes = 16
/** Bytes of a whole nonce. */
export const nonceBytes = 24

/** Precomputes K1 of a 32-byte key; throws `INVALID` for another length. */
export function xaesKey(key: Uint8Array, primitives: Primitives = chosen): XaesKey {
  assertLength(key, 32, 'key')
  const copy = key.slice()
  return { key: copy, k1: double(primitives.aesBlock(copy, new Uint8Array(16))), primitives }
}

/** Multiplication by x in GF(2^128), as CMAC derives its subkey (NIST SP 800-38B §6.1). */
function double(block: Uint8Array): Uint8Array {
  const doubled = new Uint8Array(16)
  for (let i = 0; i < 16; i++) doubled[i] = ((block[i] ?? 0) << 1) | ((block[i + 1] ?? 0) >>> 7)
  // A mask instead of a branch: the top bit belongs to a secret.
  doubled[15] = (doubled[15] ?? 0) ^ (0x87 & -((block[0] ?? 0) >>> 7))
  return doubled
}

/** The AES-256-GCM key that the first 12 bytes of a nonce select: AES_K(M1 xor K1) || AES_K(M2 xor K1). */
export function subkey(key: XaesKey, prefix: Uint8Array): Uint8Array {
  assertLength(prefix, 12, 'nonce prefix')
  const blocks = new Uint8Array(32)
  blocks[1] = 1
  blocks[17] = 2
  blocks[2] = blocks[18] = 0x58
  blocks.set(prefix, 4)
  blocks.set(prefix, 20)
  for (let i = 0; i < 32; i++) blocks[i] = (blocks[i] ?? 0) ^ (key.k1[i & 15] ?? 0)
  return key.primitives.aesBlock(key.key, blocks)
}

/**
 * A sealer for the nonces salt || uint64(index). The subkey depends on the salt alone, so it is
 * derived once here however many entries follow. The salt must be random and new for each commit.
 */
export function sealer(key: XaesKey, salt: Uint8Array): Sealer {
  assertLength(salt, saltBytes, 'salt')
  const derived = subkey(key, salt.subarray(0, 12))
  const nonce = concat(salt.subarray(12), new Uint8Array(8))
  const nonceOf = (index: number): Uint8Array => {
    if (!Number.isSafeInteger(index) || index < 0) {
      throw new VarveError('INVALID', 'The entry index of a nonce must be a whole number: count entries from 0')
    }
    writeUint64(nonce, 4, index)
    return nonce
  }
  return {
    seal: (index, aad, plaintext, target) => key.primitives.aesGcmSeal(derived, nonceOf(index), aad, plaintext, target),
    open: (index, aad, sealed) => opened(key.primitives.aesGcmOpen(derived, nonceOf(index), aad, sealed)),
  }
}

/** Seals one message under a whole 24-byte nonce, which must be random or never used before. */
export function xaesSeal(key: XaesKey, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  assertLength(nonce, nonceBytes, 'nonce')
  return key.primitives.aesGcmSeal(subkey(key, nonce.subarray(0, 12)), nonce.subarray(12), aad, plaintext)
}

/** The plaintext of `xaesSeal`; throws `TAMPERED` when it does not authenticate. */
export function xaesOpen(key: XaesKey, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  assertLength(nonce, nonceBytes, 'nonce')
  return opened(key.primitives.aesGcmOpen(subkey(key, nonce.subarray(0, 12)), nonce.subarray(12), aad, sealed))
}

function opened(plaintext: Uint8Array | null): Uint8Array {
  if (plaintext === null) {
    throw new VarveError(
      'TAMPERED',
      'A sealed value does not authenticate: it was changed, moved or sealed under another key; fetch it again',
    )
  }
  return plaintext
}

function assertLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw new VarveError('INVALID', `The XAES-256-GCM ${what} has ${bytes.length} bytes: it must have ${length}`)
  }
}

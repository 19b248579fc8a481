/** The primitives: published vectors, and agreement of the native and the portable implementation on everything. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Primitives } from '../src/crypto/contract.ts'
import { findNative } from '../src/crypto/native.ts'
import { portable } from '../src/crypto/portable.ts'
import { primitives } from '../src/crypto/primitives.ts'
import { concat, fromHex, toHex, utf8 } from '../src/encoding/bytes.ts'

function foundNative(): Primitives {
  const native = findNative()
  if (native === null) throw new Error('node:crypto was not found in Node')
  return native
}

const native = foundNative()
const both = [native, portable]
const none = new Uint8Array(0)

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyBytes = fc.uint8Array({ maxLength: 300 })

test('Node gets the native implementation, other hosts none', () => {
  expect(primitives.name).toBe('native')
  expect(findNative({})).toBeNull()
  expect(findNative({ process: {} })).toBeNull()
  expect(findNative({ process: { getBuiltinModule: () => undefined } })).toBeNull()
  expect(findNative({ process: { getBuiltinModule: () => ({ createHash: () => none }) } })).toBeNull()
})

describe.each(both)('$name', (p) => {
  test('SHA-256 of "abc" (FIPS 180-4), whole and in parts', () => {
    const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(toHex(p.sha256(utf8('abc')))).toBe(expected)
    expect(toHex(p.sha256(utf8('a'), none, utf8('bc')))).toBe(expected)
    expect(toHex(p.sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  test('HMAC-SHA-256 (RFC 4231 case 2)', () => {
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    expect(toHex(p.hmacSha256(utf8('Jefe'), utf8('what do ya want '), utf8('for nothing?')))).toBe(expected)
  })

  test('HKDF-SHA-256 (RFC 5869 case 3: no salt, no info)', () => {
    const expected = '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'
    expect(toHex(p.hkdfSha256(new Uint8Array(22).fill(0x0b), '', 42))).toBe(expected)
  })

  test('AES-256 block (FIPS 197 C.3), one and several', () => {
    const key = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f')
    const block = fromHex('00112233445566778899aabbccddeeff')
    expect(toHex(p.aesBlock(key, block))).toBe('8ea2b7ca516745bfeafc49904b496089')
    expect(toHex(p.aesBlock(key, concat(block, block)))).toBe('8ea2b7ca516745bfeafc49904b496089'.repeat(2))
  })

  test('AES-256-GCM (NIST test case 14), with and without a ciphertext', () => {
    const sealed = p.aesGcmSeal(new Uint8Array(32), new Uint8Array(12), none, new Uint8Array(16))
    expect(toHex(sealed)).toBe('cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919')
    expect(toHex(p.aesGcmSeal(new Uint8Array(32), new Uint8Array(12), none, none))).toBe(
      '530f8afbc74536b9a963b4f1c4cb738b',
    )
    expect(p.aesGcmOpen(new Uint8Array(32), new Uint8Array(12), none, none)).toBeNull()
  })

  test('Ed25519 (RFC 8032 §7.1 tests 1 and 3)', () => {
    const first = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
    expect(toHex(p.ed25519.publicKey(first))).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
    expect(toHex(p.ed25519.sign(first, none))).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
    const third = fromHex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7')
    const message = fromHex('af82')
    const signature = p.ed25519.sign(third, message)
    expect(toHex(signature)).toBe(
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    )
    const key = p.ed25519.publicKey(third)
    expect(p.ed25519.verify(key, message, signature)).toBe(true)
    expect(p.ed25519.verify(key, fromHex('af83'), signature)).toBe(false)
    expect(p.ed25519.verify(key, message, signature.subarray(1))).toBe(false)
    expect(p.ed25519.verify(key.subarray(1), message, signature)).toBe(false)
  })

  test('results are plain byte arrays', () => {
    const results = [
      p.sha256(none),
      p.sha256(none, none),
      p.hmacSha256(none, none),
      p.hkdfSha256(new Uint8Array(32), 'x', 32),
      p.aesBlock(new Uint8Array(32), new Uint8Array(16)),
      p.ed25519.sign(new Uint8Array(32), none),
      p.ed25519.publicKey(new Uint8Array(32)),
    ]
    for (const result of results) expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype)
  })
})

describe('native and portable agree', () => {
  test('hashes', () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 4 }), anyBytes, fc.string(), (parts, key, info) => {
        expect(native.sha256(...parts)).toEqual(portable.sha256(...parts))
        expect(native.hmacSha256(key, ...parts)).toEqual(portable.hmacSha256(key, ...parts))
        const wellFormed = info.isWellFormed() ? info : ''
        expect(native.hkdfSha256(key, wellFormed, 40)).toEqual(portable.hkdfSha256(key, wellFormed, 40))
      }),
    )
  })

  test('AES', () => {
    fc.assert(
      fc.property(bytes(32), bytes(12), anyBytes, anyBytes, fc.nat(), (key, nonce, aad, plaintext, at) => {
        const sealed = native.aesGcmSeal(key, nonce, aad, plaintext)
        expect(portable.aesGcmSeal(key, nonce, aad, plaintext)).toEqual(sealed)
        sealed[at % sealed.length] = (sealed[at % sealed.length] ?? 0) ^ (1 << (at % 8))
        for (const p of both) expect(p.aesGcmOpen(key, nonce, aad, sealed)).toBeNull()
        sealed[at % sealed.length] = (sealed[at % sealed.length] ?? 0) ^ (1 << (at % 8))
        for (const p of both) expect(p.aesGcmOpen(key, nonce, aad, sealed)).toEqual(plaintext)
        expect(native.aesBlock(key, key)).toEqual(portable.aesBlock(key, key))
      }),
    )
  })

  test('signatures, sound and damaged', () => {
    fc.assert(
      fc.property(bytes(32), anyBytes, fc.nat(), (secret, message, at) => {
        const key = native.ed25519.publicKey(secret)
        expect(portable.ed25519.publicKey(secret)).toEqual(key)
        const signature = native.ed25519.sign(secret, message)
        expect(portable.ed25519.sign(secret, message)).toEqual(signature)
        for (const p of both) expect(p.ed25519.verify(key, message, signature)).toBe(true)
        signature[at % 64] = (signature[at % 64] ?? 0) ^ (1 << (at % 8))
        for (const p of both) expect(p.ed25519.verify(key, message, signature)).toBe(false)
        expect(portable.ed25519.verify(secret, message, signature)).toBe(
          native.ed25519.verify(secret, message, signature),
        )
      }),
    )
  })

  test('more public keys than the cache holds', () => {
    const secret = new Uint8Array(32)
    const sign = (i: number) => {
      const seed = secret.slice()
      seed[0] = i & 255
      seed[1] = i >> 8
      const message = utf8(String(i))
      return native.ed25519.verify(native.ed25519.publicKey(seed), message, native.ed25519.sign(seed, message))
    }
    for (let i = 0; i < 1100; i++) expect(sign(i)).toBe(true)
    expect(sign(0)).toBe(true)
  })
})

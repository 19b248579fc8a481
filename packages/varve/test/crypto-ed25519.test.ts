/** Odd Ed25519 keys and signatures: the cases on which libraries are known to disagree, on which ours must not. */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { expect, test } from 'vitest'
import { findNative } from '../src/crypto/native.ts'
import { isUsablePoint } from '../src/crypto/ed25519.ts'
import { portable } from '../src/crypto/portable.ts'
import { concat, toHex, utf8 } from '../src/encoding/bytes.ts'

const { Point } = ed25519
const message = utf8('varve')

function little(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0, rest = value; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}

function number(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** The eight points of small order: multiples of a point of order 8. */
function torsion() {
  for (let y = 2n; y < 100n; y++) {
    const point = decode(little(y))
    // noble takes scalars below the order only, so the order is reached in two steps.
    const small = point?.multiplyUnsafe(Point.Fn.ORDER - 1n).add(point)
    if (small !== undefined && !small.multiplyUnsafe(4n).is0()) {
      return Array.from({ length: 8 }, (_, k) => small.multiplyUnsafe(BigInt(k)))
    }
  }
  throw new Error('no point of order 8 found')
}

function decode(bytes: Uint8Array) {
  try {
    return Point.fromBytes(bytes)
  } catch {
    return undefined
  }
}

/** What both say, which must be the same. */
function verdict(publicKey: Uint8Array, signature: Uint8Array): boolean {
  const said = portable.ed25519.verify(publicKey, message, signature)
  expect(findNative()?.ed25519.verify(publicKey, message, signature)).toBe(said)
  return said
}

/** A signature by scalar `a` over public key bytes that may lie about it, with R shifted by `shift`. */
function forge(a: bigint, publicKey: Uint8Array, shift = Point.ZERO): Uint8Array {
  const r = 123456789n
  const rBytes = Point.BASE.multiply(r).add(shift).toBytes()
  const k = Point.Fn.create(number(sha512(concat(rBytes, publicKey, message))))
  return concat(rBytes, little(Point.Fn.create(r + k * a)))
}

const a = 987654321n
const honest = Point.BASE.multiply(a)

test('the hand-made signature is a good one', () => {
  expect(verdict(honest.toBytes(), forge(a, honest.toBytes()))).toBe(true)
})

test('public keys of small order are refused in every encoding', () => {
  const points = torsion()
  expect(new Set(points.map((point) => toHex(point.toBytes()))).size).toBe(8)
  for (const point of points) {
    const canonical = point.toBytes()
    const otherSign = canonical.slice()
    otherSign[31] = (otherSign[31] ?? 0) ^ 0x80
    for (const key of [canonical, otherSign]) {
      expect(isUsablePoint(key)).toBe(false)
      expect(verdict(key, forge(0n, key))).toBe(false)
    }
  }
})

test('public keys with a coordinate above the field are refused', () => {
  const p = 2n ** 255n - 19n
  for (let i = 0n; i < 19n; i++) {
    for (const sign of [0n, 2n ** 255n])
      expect(verdict(little(p + i + sign), forge(0n, little(p + i + sign)))).toBe(false)
  }
  expect(isUsablePoint(little(p - 2n))).toBe(true)
})

test('keys and signatures with a torsion part get one verdict everywhere', () => {
  const verdicts = torsion().flatMap((point) => {
    const mixed = honest.add(point).toBytes()
    return [verdict(mixed, forge(a, mixed)), verdict(honest.toBytes(), forge(a, honest.toBytes(), point))]
  })
  expect(verdicts).toContain(true)
  expect(verdicts).toContain(false)
})

test('a scalar above the group order is refused', () => {
  const signature = forge(a, honest.toBytes())
  const s = number(signature.subarray(32))
  expect(verdict(honest.toBytes(), concat(signature.subarray(0, 32), little(s + Point.Fn.ORDER)))).toBe(false)
})

test('R of small order is refused, canonical or not', () => {
  // With s = k·a the equation gives the neutral point, whose encoding is 1; p + 1 names it a second time.
  const withNeutral = (r: Uint8Array): Uint8Array => {
    const k = Point.Fn.create(number(sha512(concat(r, honest.toBytes(), message))))
    return concat(r, little(Point.Fn.create(k * a)))
  }
  expect(verdict(honest.toBytes(), withNeutral(little(1n)))).toBe(false)
  expect(verdict(honest.toBytes(), withNeutral(little(2n ** 255n - 18n)))).toBe(false)
})

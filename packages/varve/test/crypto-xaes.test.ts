/** XAES-256-GCM against the vectors of the specification, in both implementations of the primitives. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { shake128 } from '@noble/hashes/sha3.js'
import { describe, expect, test } from 'vitest'
import type { Primitives } from '../src/crypto/contract.ts'
import { findNative } from '../src/crypto/native.ts'
import { portable } from '../src/crypto/portable.ts'
import { sealer, subkey, xaesKey, xaesOpen, xaesSeal } from '../src/crypto/xaes.ts'
import { concat, fromHex, toHex, uint64, utf8 } from '../src/encoding/bytes.ts'
import { VarveError } from '../src/errors.ts'

interface Sealed {
  readonly name: string
  readonly key: string
  readonly nonce: string
  readonly aad: string
  readonly sealed: string
}
interface Vectors {
  readonly valid: readonly (Sealed &
    Readonly<Record<'l' | 'k1' | 'm1' | 'm2' | 'subkey' | 'gcmNonce' | 'plaintext', string>>)[]
  readonly accumulated: { readonly stream: string; readonly results: readonly { iterations: number; result: string }[] }
  readonly invalid: readonly Sealed[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/xaes-256-gcm.json', import.meta.url), 'utf8'),
)
const native = findNative()
if (native === null) throw new Error('node:crypto was not found in Node')
const both: readonly Primitives[] = [native, portable]

/** The slow, obvious form of the derivation, straight from the text of the specification. */
function obviousSubkey(p: Primitives, key: Uint8Array, nonce: Uint8Array): { l: string; k1: string; subkey: string } {
  const l = p.aesBlock(key, new Uint8Array(16))
  let k1 = BigInt(`0x${toHex(l)}`) << 1n
  if (k1 >> 128n !== 0n) k1 = (k1 & (2n ** 128n - 1n)) ^ 0x87n
  const half = (i: number) => {
    const m = BigInt(`0x${toHex(concat(new Uint8Array([0, i, 0x58, 0]), nonce.subarray(0, 12)))}`) ^ k1
    return toHex(p.aesBlock(key, fromHex(m.toString(16).padStart(32, '0'))))
  }
  return { l: toHex(l), k1: k1.toString(16).padStart(32, '0'), subkey: half(1) + half(2) }
}

function accumulate(p: Primitives, iterations: number): string {
  const random = shake128.create({})
  const results = shake128.create({ dkLen: 32 })
  const read = (length: number) => (length === 0 ? new Uint8Array(0) : random.xof(length))
  for (let i = 0; i < iterations; i++) {
    const key = read(32)
    const nonce = read(24)
    const plaintext = read(read(1)[0] ?? 0)
    const aad = read(read(1)[0] ?? 0)
    const sealed = xaesSeal(xaesKey(key, p), nonce, aad, plaintext)
    results.update(sealed)
    if (i % 100 === 0) expect(xaesOpen(xaesKey(key, p), nonce, aad, sealed)).toEqual(plaintext)
  }
  return toHex(results.digest())
}

describe.each(both)('$name', (p) => {
  test.each(vectors.valid)('$name', (v) => {
    const key = xaesKey(fromHex(v.key), p)
    const nonce = fromHex(v.nonce)
    expect(obviousSubkey(p, fromHex(v.key), nonce)).toEqual({ l: v.l, k1: v.k1, subkey: v.subkey })
    expect(toHex(key.k1)).toBe(v.k1)
    expect(toHex(subkey(key, nonce.subarray(0, 12)))).toBe(v.subkey)
    expect(toHex(nonce.subarray(12))).toBe(v.gcmNonce)
    expect(toHex(xaesSeal(key, nonce, fromHex(v.aad), fromHex(v.plaintext)))).toBe(v.sealed)
    expect(toHex(xaesOpen(key, nonce, fromHex(v.aad), fromHex(v.sealed)))).toBe(v.plaintext)
  })

  test.each(vectors.invalid)('refused: $name', (v) => {
    const open = () => xaesOpen(xaesKey(fromHex(v.key), p), fromHex(v.nonce), fromHex(v.aad), fromHex(v.sealed))
    expect(open).toThrow(expect.objectContaining({ code: 'TAMPERED' }))
  })

  test('accumulated randomized vectors', { timeout: 600_000 }, () => {
    expect(toHex(shake128.create({}).xof(16))).toBe(vectors.accumulated.stream)
    const most = process.env['VARVE_LONG_VECTORS'] === undefined ? 10_000 : 1_000_000
    const cases = vectors.accumulated.results.filter(({ iterations }) => iterations <= most)
    for (const { iterations, result } of cases) expect(accumulate(p, iterations)).toBe(result)
  })

  test('wrong lengths and indexes are refused before anything is sealed', () => {
    const key = xaesKey(new Uint8Array(32), p)
    const invalid = expect.objectContaining({ code: 'INVALID' })
    expect(() => xaesKey(new Uint8Array(16), p)).toThrow(invalid)
    expect(() => sealer(key, new Uint8Array(12))).toThrow(invalid)
    expect(() => xaesSeal(key, new Uint8Array(12), utf8(''), utf8(''))).toThrow(invalid)
    expect(() => xaesOpen(key, new Uint8Array(25), utf8(''), utf8(''))).toThrow(invalid)
    expect(() => subkey(key, new Uint8Array(11))).toThrow(invalid)
    for (const index of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => sealer(key, new Uint8Array(16)).seal(index, utf8(''), utf8(''))).toThrow(invalid)
    }
  })
})

test('a sealer is XAES under salt || uint64(index), in both implementations', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const any = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes(32), bytes(16), fc.maxSafeNat(), any, any, (key, salt, index, aad, plaintext) => {
      const sealed = both.map((p) => sealer(xaesKey(key, p), salt).seal(index, aad, plaintext))
      const [first = new Uint8Array(0)] = sealed
      expect(sealed).toEqual([first, first])
      for (const p of both) {
        expect(xaesSeal(xaesKey(key, p), concat(salt, uint64(index)), aad, plaintext)).toEqual(first)
        expect(sealer(xaesKey(key, p), salt).open(index, aad, first)).toEqual(plaintext)
        expect(() => sealer(xaesKey(key, p), salt).open(index === 0 ? 1 : index - 1, aad, first)).toThrow(VarveError)
      }
    }),
  )
})

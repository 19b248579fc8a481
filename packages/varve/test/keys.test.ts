/** Named keys, the keyring, the device identity and the text encodings under them. */

import fc from 'fast-check'
import { identityToRecipient } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { toHex, utf8 } from '../src/encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../src/encoding/cbor.ts'
import { fromBase64, fromBase64url, toBase64, toBase64url, toBech32 } from '../src/encoding/base64.ts'
import { sealingKey, tagKey } from '../src/keys/derive.ts'
import { createIdentity, decodeIdentity, encodeIdentity } from '../src/keys/identity.ts'
import { makeKey } from '../src/keys/key.ts'
import { KeyringState } from '../src/keys/keyring.ts'
import { coded, worldFrom } from './keys-world.ts'

const env = worldFrom(1)

describe('keyring', () => {
  test('create, rotate, look up, remove; the old value never changes', () => {
    const empty = KeyringState.empty
    const one = empty.create('default', env)
    const two = one.rotate('default', env).create('audit', env)
    expect(empty.names()).toEqual([])
    expect(one.current('default').version).toBe(1)
    expect(two.names()).toEqual(['audit', 'default'])
    expect(two.versions('default').map((key) => key.version)).toEqual([1, 2])
    expect(two.current('default').version).toBe(2)
    expect(two.byId(one.current('default').hex)).toEqual(one.current('default'))
    expect(two.byId('00'.repeat(16))).toBeUndefined()
    const removed = two.remove('default')
    expect(removed.names()).toEqual(['audit'])
    expect(removed.byId(one.current('default').hex)).toBeUndefined()
    expect(two.has('default')).toBe(true)
  })

  test('errors name the key and what to do', () => {
    const ring = KeyringState.empty.create('default', env)
    expect(() => ring.create('default', env)).toThrow(coded('EXISTS'))
    expect(() => ring.create('', env)).toThrow(coded('INVALID'))
    expect(() => ring.create('_x', env)).toThrow(coded('RESERVED_NAME'))
    for (const absent of ['other', '__proto__', 'constructor']) {
      expect(ring.has(absent)).toBe(false)
      expect(() => ring.current(absent)).toThrow(coded('KEY_MISSING'))
      expect(() => ring.rotate(absent, env)).toThrow(coded('KEY_MISSING'))
      expect(() => ring.remove(absent)).toThrow(coded('KEY_MISSING'))
    }
  })

  test('merging is a union: any order, any repetition, one result', () => {
    const random = worldFrom(2)
    const base = KeyringState.empty.create('k', random)
    const left = base.rotate('k', random).create('left', random)
    const right = base.rotate('k', random).rotate('k', random)
    const all = [...left.versions('k'), ...left.versions('left'), ...right.versions('k')]
    const expected = KeyringState.empty.merge(all)
    expect(expected.versions('k').map((key) => key.version)).toEqual([1, 2, 2, 3])
    const [, a, b] = expected.versions('k')
    expect((a?.hex ?? '') < (b?.hex ?? '')).toBe(true)
    fc.assert(
      fc.property(fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }), (keys) => {
        expect(KeyringState.empty.merge(keys).encode()).toEqual(expected.encode())
      }),
    )
    expect(left.merge(right.versions('k')).encode()).toEqual(
      right.merge([...left.versions('k'), ...left.versions('left')]).encode(),
    )
  })

  test('encode and decode are inverse, and only canonical bytes are read', () => {
    const random = worldFrom(3)
    const ring = KeyringState.empty.create('b', random).create('a', random).rotate('b', random)
    const bytes = ring.encode()
    expect(KeyringState.decode(bytes).encode()).toEqual(bytes)
    expect(KeyringState.decode(bytes).current('b')).toEqual(ring.current('b'))
    const value = decodeCbor(bytes, 'test')
    if (!Array.isArray(value) || !Array.isArray(value[2])) throw new Error('not a keyring')
    const [name, version, rows]: unknown[] = value
    const changed = (...parts: unknown[]) => encodeCbor(parts)
    const reversed = value[2].toReversed()
    expect(() => KeyringState.decode(changed(name, version, reversed))).toThrow(coded('INVALID'))
    expect(() => KeyringState.decode(changed(name, version, [...value[2], ...value[2]]))).toThrow(coded('INVALID'))
    expect(() => KeyringState.decode(changed(name, version, rows, 1))).toThrow(coded('INVALID'))
    expect(() => KeyringState.decode(changed('varve-other', version, rows))).toThrow(coded('INVALID'))
    expect(() => KeyringState.decode(changed(name, 2, rows))).toThrow(coded('UNSUPPORTED_VERSION'))
    expect(() => KeyringState.decode(changed(name, 0, rows))).toThrow(coded('INVALID'))
    for (let end = 0; end < bytes.length; end++) {
      expect(() => KeyringState.decode(bytes.subarray(0, end))).toThrow(coded('INVALID'))
    }
  })

  test('any bit flipped gives a typed error or another keyring, never a crash', () => {
    const bytes = KeyringState.empty.create('key', worldFrom(4)).encode()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice()
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      try {
        KeyringState.decode(damaged)
      } catch (error) {
        expect(error).toMatchObject({ name: 'VarveError' })
      }
    }
  })
})

test('a key is refused without being shown', () => {
  const secret = new Uint8Array(31).fill(0xab)
  for (const make of [
    () => makeKey('k', 1, secret, 0),
    () => makeKey('k', 0, new Uint8Array(32), 0),
    () => makeKey('k', 1.5, new Uint8Array(32), 0),
    () => makeKey('k', 1, new Uint8Array(32), -1),
    () => makeKey('k', 1, new Uint8Array(32), Number.MAX_SAFE_INTEGER),
    () => makeKey(3, 1, new Uint8Array(32), 0),
    () => makeKey('k', 1, 'text', 0),
  ]) {
    expect(make).toThrow(coded('INVALID'))
  }
  expect(() => makeKey('k', 1, secret, 0)).not.toThrow(/abab|q6ur/)
})

test('derived keys differ by purpose and from the key itself', () => {
  const key = makeKey('k', 1, new Uint8Array(32).fill(7), 0)
  const values = [toHex(key.bytes), toHex(sealingKey(key).key), toHex(tagKey(key))]
  expect(new Set(values).size).toBe(3)
})

describe('device identity', () => {
  test('comes from the injected randomness alone and survives encoding', () => {
    const identity = createIdentity('ada', worldFrom(5))
    expect(createIdentity('ada', worldFrom(5))).toEqual(identity)
    expect(createIdentity('ada', worldFrom(6))).not.toEqual(identity)
    expect(decodeIdentity(encodeIdentity(identity))).toEqual(identity)
  })

  test('its age keys are those of the age library', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { age } = createIdentity('ada', worldFrom(seed))
      expect(await identityToRecipient(age.identity)).toBe(age.recipient)
    }
  })

  test('bad names and bad bytes are refused', () => {
    expect(() => createIdentity('', env)).toThrow(coded('INVALID'))
    const good = [`varve-identity`, 1, 'ada', new Uint8Array(32), new Uint8Array(32)]
    expect(decodeIdentity(encodeCbor(good)).user).toBe('ada')
    expect(() => decodeIdentity(encodeCbor(good.with(1, 2)))).toThrow(coded('UNSUPPORTED_VERSION'))
    expect(() => decodeIdentity(encodeCbor(good.with(2, '')))).toThrow(coded('INVALID'))
    expect(() => decodeIdentity(encodeCbor(good.with(3, new Uint8Array(31))))).toThrow(coded('INVALID'))
    expect(() => decodeIdentity(encodeCbor(good.with(4, 'x')))).toThrow(coded('INVALID'))
    expect(() => decodeIdentity(encodeCbor(good.slice(0, 4)))).toThrow(coded('INVALID'))
    expect(() => decodeIdentity(utf8('hello'))).toThrow(coded('INVALID'))
  })
})

describe('text encodings', () => {
  test('base64 is that of Node, and only canonical text is read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
        expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromBase64(toBase64(bytes), 'it')).toEqual(bytes)
        expect(fromBase64url(toBase64url(bytes), 'it')).toEqual(bytes)
      }),
    )
    for (const text of ['A', 'AA', 'AB==', 'AA=', 'AA==\n', 'AA===', '=', 'A A=', 'AA-_', '====', 'QUJ=']) {
      expect(() => fromBase64(text, 'it')).toThrow(coded('INVALID'))
    }
    for (const text of ['A', 'AB', 'AA==', 'AA+/', 'é'])
      expect(() => fromBase64url(text, 'it')).toThrow(coded('INVALID'))
  })

  test('Bech32 (BIP 173 and age)', () => {
    expect(toBech32('a', new Uint8Array(0))).toBe('a12uel5l')
    const program = '751e76e8199196d454941c45d1b3a323f1433bd6'
    expect(toBech32('bc', Uint8Array.from(Buffer.from(program, 'hex')))).toMatch(/^bc1w508d6qejxtdg4y5r3zarvary0c5xw7k/)
  })
})

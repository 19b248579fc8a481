/** The vectors of spec/keys.md, valid and invalid, run as they are. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import type { ErrorCode } from '../src/errors.ts'
import { decryptWithPassphrase } from '../src/keys/age.ts'
import { sealingKey, tagKey } from '../src/keys/derive.ts'
import { formatKeys, importKeys, parseKeys } from '../src/keys/export.ts'
import { decodeIdentity, encodeIdentity } from '../src/keys/identity.ts'
import { openJoinResponse, parseJoinRequest } from '../src/keys/join.ts'
import { makeKey, type KeyVersion } from '../src/keys/key.ts'
import { KeyringState } from '../src/keys/keyring.ts'
import { openLock, openSecret, pageKey } from '../src/keys/lock.ts'
import { coded } from './keys-world.ts'

interface Cases<V, I> {
  readonly valid: readonly V[]
  readonly invalid: readonly (I & { readonly name: string; readonly code: ErrorCode })[]
}
interface Key {
  readonly name: string
  readonly version: number
  readonly id: string
  readonly bytes: string
  readonly createdAt: number
}
interface Response {
  readonly text: string
  readonly identity: string
  readonly password?: string
}
interface Vectors {
  readonly derived: readonly Record<'bytes' | 'id' | 'sealingKey' | 'tagKey', string>[]
  readonly keyrings: Cases<{ encoded: string; keys: Key[]; current: Record<string, string> }, { encoded: string }>
  readonly exports: Cases<{ text: string; keys: Key[] }, { text: string }> & {
    readonly file: { readonly file: string; readonly password: string; readonly text: string }
  }
  readonly locks: Cases<{ file: string; passphrase: string; root: string }, { file: string; passphrase: string }>
  readonly pageKeys: readonly { readonly root: string; readonly storeId: string; readonly key: string }[]
  readonly secrets: Cases<
    Record<'root' | 'label' | 'plaintext' | 'sealed', string>,
    Record<'root' | 'label' | 'sealed', string>
  >
  readonly identities: Cases<
    Record<'encoded' | 'user' | 'publicKey' | 'recipient' | 'identity', string>,
    { encoded: string }
  >
  readonly joinRequests: Cases<
    Record<'text' | 'user' | 'publicKey' | 'recipient' | 'fingerprint', string> & { createdAt: number },
    { text: string }
  >
  readonly joinResponses: Cases<Response & { payload: string }, Response>
}

const vectors: Vectors = JSON.parse(readFileSync(new URL('../../../spec/vectors/keys.json', import.meta.url), 'utf8'))

const shown = (keys: readonly KeyVersion[]): Key[] =>
  keys.map(({ name, version, hex, bytes, createdAt }) => ({ name, version, id: hex, bytes: toHex(bytes), createdAt }))

test.each(vectors.derived)('key $id and what is derived from it', (v) => {
  const key = makeKey('k', 1, fromHex(v.bytes), 0)
  expect([key.hex, toHex(key.id)]).toEqual([v.id, v.id])
  expect(toHex(sealingKey(key).key)).toBe(v.sealingKey)
  expect(toHex(tagKey(key))).toBe(v.tagKey)
})

describe('keyrings', () => {
  test.each(vectors.keyrings.valid)('$current', (v) => {
    const ring = KeyringState.decode(fromHex(v.encoded))
    expect(shown(ring.names().flatMap((name) => ring.versions(name)))).toEqual(v.keys)
    expect(Object.fromEntries(ring.names().map((name) => [name, ring.current(name).hex]))).toEqual(v.current)
    expect(toHex(ring.encode())).toBe(v.encoded)
  })
  test.each(vectors.keyrings.invalid)('$name: $code', ({ encoded, code }) => {
    expect(() => KeyringState.decode(fromHex(encoded))).toThrow(coded(code))
  })
})

describe('exports', () => {
  test.each(vectors.exports.valid)('$text', (v) => {
    expect(shown(parseKeys(v.text))).toEqual(v.keys)
  })
  test.each(vectors.exports.invalid)('$name: $code', ({ text, code }) => {
    expect(() => parseKeys(text)).toThrow(coded(code))
  })
  test('as an age file', async () => {
    const { file, password, text } = vectors.exports.file
    expect(formatKeys(await importKeys(file, password))).toBe(text)
    expect(new TextDecoder().decode(await decryptWithPassphrase(file, password))).toBe(text)
  })
})

describe('locks', () => {
  test.each(vectors.locks.valid)('$passphrase', async (v) => {
    expect(toHex(await openLock(v.file, v.passphrase))).toBe(v.root)
  })
  test.each(vectors.locks.invalid)('$name: $code', async ({ file, passphrase, code }) => {
    await expect(openLock(file, passphrase)).rejects.toThrow(coded(code))
  })
  test.each(vectors.pageKeys)('page key of "$storeId"', ({ root, storeId, key }) => {
    expect(pageKey(fromHex(root), storeId)).toBe(key)
  })
})

describe('sealed values', () => {
  test.each(vectors.secrets.valid)('$label', (v) => {
    expect(toHex(openSecret(fromHex(v.root), v.label, fromHex(v.sealed)))).toBe(v.plaintext)
  })
  test.each(vectors.secrets.invalid)('$name: $code', ({ root, label, sealed, code }) => {
    expect(() => openSecret(fromHex(root), label, fromHex(sealed))).toThrow(coded(code))
  })
})

describe('identities', () => {
  test.each(vectors.identities.valid)('$user', (v) => {
    const identity = decodeIdentity(fromHex(v.encoded))
    expect(identity.user).toBe(v.user)
    expect(toHex(identity.signing.publicKey)).toBe(v.publicKey)
    expect(identity.age).toMatchObject({ recipient: v.recipient, identity: v.identity })
    expect(toHex(encodeIdentity(identity))).toBe(v.encoded)
  })
  test.each(vectors.identities.invalid)('$name: $code', ({ encoded, code }) => {
    expect(() => decodeIdentity(fromHex(encoded))).toThrow(coded(code))
  })
})

describe('joining', () => {
  test.each(vectors.joinRequests.valid)('request of $user', ({ text, publicKey, ...rest }) => {
    expect(parseJoinRequest(text)).toEqual({ ...rest, publicKey: fromHex(publicKey) })
  })
  test.each(vectors.joinRequests.invalid)('request, $name: $code', ({ text, code }) => {
    expect(() => parseJoinRequest(text)).toThrow(coded(code))
  })
  test.each(vectors.joinResponses.valid)(
    'response, password $password',
    async ({ text, identity, password, payload }) => {
      expect(toHex(await openJoinResponse(text, decodeIdentity(fromHex(identity)), password))).toBe(payload)
    },
  )
  test.each(vectors.joinResponses.invalid)('response, $name: $code', async ({ text, identity, password, code }) => {
    await expect(openJoinResponse(text, decodeIdentity(fromHex(identity)), password)).rejects.toThrow(coded(code))
  })
})

/** The vectors of spec/sync.md, valid and invalid, run as they are. */

import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { concat, fromHex, toHex } from '../src/encoding/bytes.ts'
import { decodeFrame } from '../src/sync/decode-frame.ts'
import { encodeFrame, frameTypes } from '../src/sync/frames.ts'
import { authMessage, type Role } from '../src/sync/handshake.ts'
import { plain, syncVectors } from '../../../spec/tools/sync-vectors.ts'
import { coded } from './keys-world.ts'
import { vectorText, type Invalid } from './vectors-world.ts'

interface Vectors {
  readonly frames: {
    readonly valid: readonly { readonly frame: { readonly type: string }; readonly encoded: string }[]
    readonly invalid: readonly (Invalid & { readonly encoded: string })[]
  }
  readonly auth: readonly {
    readonly role: Role
    readonly tenant: string
    readonly initiatorNonce: string
    readonly acceptorNonce: string
    readonly acceptorKey: string
    readonly publicKey: string
    readonly signingKey: string
    readonly signed: string
    readonly signature: string
  }[]
}

const text = vectorText('sync')
const { frames, auth }: Vectors = JSON.parse(text)

test('the generator makes the committed file', () => {
  expect(`${JSON.stringify(syncVectors(), null, 2)}\n`).toBe(text)
})

describe('frames', () => {
  test('there is one of every type', () => {
    expect([...new Set(frames.valid.map(({ frame }) => frame.type))]).toEqual([...frameTypes])
  })
  test.each(frames.valid)('$frame.type $encoded', ({ frame, encoded }) => {
    const decoded = decodeFrame(fromHex(encoded))
    expect(plain(decoded)).toEqual(frame)
    expect(toHex(encodeFrame(decoded))).toBe(encoded)
  })
  test.each(frames.invalid)('$name: $code', ({ encoded, code }) => {
    expect(() => decodeFrame(fromHex(encoded))).toThrow(coded(code))
  })
  test('a frame above the limit of its time is refused before it is read', () => {
    const [first] = frames.valid
    const bytes = fromHex(first?.encoded ?? '')
    expect(() => decodeFrame(bytes, bytes.length - 1)).toThrow(coded('TOO_LARGE'))
  })
})

describe('the handshake', () => {
  test.each(auth)('what the $role signs', (vector) => {
    const [tenant, initiator, acceptor] = [vector.tenant, vector.initiatorNonce, vector.acceptorNonce].map(fromHex)
    const [acceptorKey, publicKey] = [fromHex(vector.acceptorKey), fromHex(vector.publicKey)]
    if (tenant === undefined || initiator === undefined || acceptor === undefined)
      throw new Error('A vector lacks parts')
    const domain = new TextEncoder().encode('varve/sync-auth/v1\0')
    const side = Uint8Array.of(vector.role === 'initiator' ? 0 : 1)
    const signed = concat(domain, side, tenant, initiator, acceptor, acceptorKey, publicKey)
    expect(toHex(signed)).toBe(vector.signed)
    expect(toHex(authMessage(vector.role, { tenant, initiator, acceptor, acceptorKey }, publicKey))).toBe(vector.signed)
    expect(toHex(primitives.ed25519.sign(fromHex(vector.signingKey), signed))).toBe(vector.signature)
    expect(primitives.ed25519.verify(publicKey, signed, fromHex(vector.signature))).toBe(true)
  })
})

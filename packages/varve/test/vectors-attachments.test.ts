/** The vectors of spec/attachments.md, valid and invalid, run as they are. */

import { expect, test } from 'vitest'
import { attachmentVectors } from '../../../spec/tools/attachment-vectors.ts'
import { chunkId, openChunk, sealChunk } from '../src/attachments/chunk.ts'
import { xaesKey } from '../src/crypto/xaes.ts'
import { decodeManifest, encodeManifest } from '../src/document/file.ts'
import { decodeOperation, encodeOperation } from '../src/document/operation.ts'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../src/encoding/cbor.ts'
import { coded } from './keys-world.ts'
import { vectorText, type Invalid } from './vectors-world.ts'

interface Stored {
  readonly object: string
  readonly id: string
}

interface Vectors {
  readonly tenant: string
  readonly key: { readonly id: string; readonly sealing: string; readonly nonces: string }
  readonly chunks: readonly { readonly chunk: string; readonly sealed: Stored; readonly open: Stored }[]
  readonly files: readonly { readonly manifest: string; readonly value: object; readonly operation: string }[]
  readonly invalid: readonly (Invalid & { readonly manifest: string })[]
}

const text = vectorText('attachments')
const vectors: Vectors = JSON.parse(text)
const tenant = fromHex(vectors.tenant)
const { id, sealing, nonces } = vectors.key
const key = { id: fromHex(id), sealing: xaesKey(fromHex(sealing)), nonces: fromHex(nonces) }

test('the generator makes the committed file', () => {
  expect(`${JSON.stringify(attachmentVectors(), null, 2)}\n`).toBe(text)
})

test.each(vectors.chunks)('a chunk is stored as $sealed.id or $open.id, and read back', ({ chunk, sealed, open }) => {
  for (const [how, stored] of [
    [key, sealed],
    [null, open],
  ] as const) {
    const made = sealChunk(tenant, how, fromHex(chunk))
    expect([toHex(made.bytes), toHex(made.id)]).toEqual([stored.object, stored.id])
    expect(toHex(chunkId(tenant, fromHex(stored.object)))).toBe(stored.id)
    expect(toHex(openChunk(tenant, how, fromHex(stored.object)))).toBe(chunk)
  }
})

test('a sealed chunk opens neither for another tenant, nor under another key, nor when a bit is changed', () => {
  for (const { sealed } of vectors.chunks) {
    const object = fromHex(sealed.object)
    const other = { ...key, id: tenant }
    expect(() => openChunk(key.id, key, object)).toThrow(coded('TAMPERED'))
    expect(() => openChunk(tenant, other, object)).toThrow(coded('TAMPERED'))
    for (let bit = 0; bit < object.length * 8; bit++) {
      const flipped = object.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => openChunk(tenant, key, flipped)).toThrow(coded('TAMPERED'))
    }
  }
})

test.each(vectors.files)('a list of chunks gives $value', ({ manifest, value, operation }) => {
  expect(toHex(encodeManifest(decodeManifest(fromHex(manifest))))).toBe(manifest)
  const decoded = decodeOperation(decodeCbor(fromHex(operation), 'The operation'))
  expect(decoded).toMatchObject({ op: 'file', path: ['scans', '0'], value })
  expect(toHex(encodeCbor(encodeOperation(decoded)))).toBe(operation)
})

test.each(vectors.invalid)('a list of chunks with $name is refused', ({ code, manifest }) => {
  expect(() => decodeManifest(fromHex(manifest))).toThrow(coded(code))
})

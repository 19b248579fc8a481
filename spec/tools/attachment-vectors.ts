/** The vectors of spec/attachments.md: chunks as they are stored, and lists of chunks, valid and invalid. */

import { sealChunk } from '../../packages/varve/src/attachments/chunk.ts'
import { encodeManifest, fileOf } from '../../packages/varve/src/document/file.ts'
import { encodeOperation } from '../../packages/varve/src/document/operation.ts'
import { concat, toHex, utf8 } from '../../packages/varve/src/encoding/bytes.ts'
import { encodeCbor } from '../../packages/varve/src/encoding/cbor.ts'
import { chunkKey } from '../../packages/varve/src/keys/derive.ts'
import { makeKey } from '../../packages/varve/src/keys/key.ts'
import { seededRandom } from './seeded.ts'

export function attachmentVectors() {
  const random = seededRandom('attachments')
  const tenant = random(16)
  const key = makeKey('tenant', 1, random(32), Date.UTC(2026, 0, 1))
  const derived = chunkKey(key)
  const plain = [new Uint8Array([0]), utf8('varve'), random(100)]
  const chunks = plain.map((chunk) => {
    const [sealed, open] = [sealChunk(tenant, derived, chunk), sealChunk(tenant, null, chunk)]
    return {
      chunk: toHex(chunk),
      sealed: { object: toHex(sealed.bytes), id: toHex(sealed.id) },
      open: { object: toHex(open.bytes), id: toHex(open.id) },
    }
  })
  const ids = concat(...plain.slice(1).map((chunk) => sealChunk(tenant, derived, chunk).id))
  const files = [
    { name: 'empty', type: 'text/plain', chunkBytes: 1024, size: 0, key: null, chunks: new Uint8Array(0) },
    { name: 'two chunks.bin', type: 'application/octet-stream', chunkBytes: 100, size: 105, key: key.id, chunks: ids },
  ].map(({ name, type, ...list }) => {
    const manifest = encodeManifest(list)
    const value = fileOf(name, type, manifest)
    const operation = encodeCbor(encodeOperation({ op: 'file', path: ['scans', '0'], value, manifest }))
    return { manifest: toHex(manifest), value, operation: toHex(operation) }
  })
  const invalid = (
    [
      ['too few ids for its size', 'INVALID', [1, 100, 201, key.id, ids]],
      ['too many ids for its size', 'INVALID', [1, 100, 100, key.id, ids]],
      ['ids that are cut', 'INVALID', [1, 100, 105, key.id, ids.subarray(1)]],
      ['chunks of nothing', 'INVALID', [1, 0, 0, null, new Uint8Array(0)]],
      ['chunks above the limit', 'TOO_LARGE', [1, 1024 * 1024 + 1, 1, null, ids.subarray(32)]],
      ['a key that is no id', 'INVALID', [1, 100, 105, key.id.subarray(1), ids]],
      ['a size that is no whole number', 'INVALID', [1, 100, 105.5, key.id, ids]],
      ['more than belongs there', 'INVALID', [1, 100, 105, key.id, ids, 0]],
      ['a later version', 'UNSUPPORTED_VERSION', [2, 100, 105, key.id, ids]],
    ] as const
  ).map(([name, code, list]) => ({ name, code, manifest: toHex(encodeCbor(list)) }))
  return {
    tenant: toHex(tenant),
    key: { id: key.hex, bytes: toHex(key.bytes), sealing: toHex(derived.sealing.key), nonces: toHex(derived.nonces) },
    chunks,
    files,
    invalid,
  }
}

/** Chunks as object storage has them: sealed where their database is, and named by the hash of what is stored. */

import { primitives } from '../crypto/primitives.ts'
import { tagBytes } from '../crypto/contract.ts'
import { nonceBytes, xaesOpen, xaesSeal } from '../crypto/xaes.ts'
import { concat, equalBytes, toHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { ChunkKey } from '../keys/derive.ts'

const idDomain = utf8('varve/chunk-id/v1\0')
const sealDomain = utf8('varve/chunk/v1\0')

/** A chunk as it is stored. */
export interface ChunkObject {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly bytes: Uint8Array
}

/** The id of a stored chunk: who holds it can check it, with keys or without. `tenant` is the id of the tenant, 16 bytes. */
export function chunkId(tenant: Uint8Array, object: Uint8Array): Uint8Array {
  return primitives.sha256(idDomain, tenant, object)
}

/** Key in object storage of a chunk of a tenant, both ids in hex. */
export function chunkPlace(tenant: string, id: string): string {
  return `${chunksOfTenant(tenant)}${id.slice(0, 2)}/${id}`
}

/** What the keys of all chunks of a tenant begin with. */
export function chunksOfTenant(tenant: string): string {
  return `${tenant}/chunks/`
}

/**
 * A chunk as it is stored. The nonce is a keyed hash of the chunk: equal chunks of a tenant under one key are equal
 * objects, and no nonce ever seals two different ones. `key` is null in open databases.
 */
export function sealChunk(tenant: Uint8Array, key: ChunkKey | null, chunk: Uint8Array): ChunkObject {
  const bytes = key === null ? chunk : sealed(tenant, key, chunk)
  return { id: chunkId(tenant, bytes), bytes }
}

function sealed(tenant: Uint8Array, key: ChunkKey, chunk: Uint8Array): Uint8Array {
  const data = associated(tenant, key)
  const nonce = primitives.hmacSha256(key.nonces, data, chunk).subarray(0, nonceBytes)
  return concat(nonce, xaesSeal(key.sealing, nonce, data, chunk))
}

/** The chunk in an object whose id was checked; throws `TAMPERED` when the key does not open it. */
export function openChunk(tenant: Uint8Array, key: ChunkKey | null, object: Uint8Array): Uint8Array {
  if (key === null) return object
  if (object.length < nonceBytes + tagBytes)
    throw new VarveError('TAMPERED', 'A stored chunk is too short to be sealed: attach the file again')
  const nonce = object.subarray(0, nonceBytes)
  return xaesOpen(key.sealing, nonce, associated(tenant, key), object.subarray(nonceBytes))
}

function associated(tenant: Uint8Array, key: ChunkKey): Uint8Array {
  return concat(sealDomain, tenant, key.id)
}

/** Whether an object is the one that an id, in hex, stands for. */
export function isChunk(tenant: Uint8Array, id: string, object: Uint8Array): boolean {
  return toHex(chunkId(tenant, object)) === id
}

/** Throws `INVALID` unless the bytes that a device brings are those of the id. */
export function checkChunk(tenant: Uint8Array, id: Uint8Array, object: Uint8Array): void {
  if (equalBytes(chunkId(tenant, object), id)) return
  throw new VarveError('TAMPERED', 'The bytes of a chunk are not those of its id: send it again', {
    details: { chunk: toHex(id) },
  })
}

/** What a node keeps of a chunk beside its bytes: when it was last wanted, its size, and on whose account it is. */

import {
  bytesOf,
  decodeCbor,
  encodeCbor,
  fromHex,
  listOf,
  toHex,
  VarveError,
  wholeNumber,
  type Store,
} from 'varve/engine'
import { readStored } from '../stored.ts'

export interface ChunkRecord {
  /** When it was last brought, or asked for by whoever was going to bring it, in Unix milliseconds. */
  readonly at: number
  /** Bytes as they were counted. */
  readonly size: number
  /** Public key, in hex, of the device that brought it; null when it came from another node, or before this was noted. */
  readonly device: string | null
  /** False while no device has brought it here, or asked for it here, that the node which is followed does not know of. */
  readonly wanted: boolean
}

const version = 1

export function recordName(tenant: string, id: string): string {
  return `chunk/${tenant}/${id}`
}

/** Names of what devices have wanted here that the node which is followed has not heard of. */
export function upName(tenant: string, id: string): string {
  return `up/${tenant}/${id}`
}

/** Null when nothing is known of a chunk. */
export async function readRecord(store: Store, tenant: string, id: string): Promise<ChunkRecord | null> {
  const stored = await store.value(recordName(tenant, id))
  return stored === null ? null : readStored(decodeRecord, stored)
}

export function encodeRecord({ at, size, device, wanted }: ChunkRecord): Uint8Array {
  return encodeCbor([version, at, size, device === null ? null : fromHex(device), wanted])
}

function decodeRecord(stored: Uint8Array): ChunkRecord {
  const [given, at, size, device, wanted] = listOf(decodeCbor(stored, 'The record of a chunk'), 'the record of a chunk')
  if (given !== version) throw new VarveError('UNSUPPORTED_VERSION', 'The record of a chunk is of another version')
  return {
    at: wholeNumber(at, 'the time of a chunk'),
    size: wholeNumber(size, 'the size of a chunk'),
    device: device === null ? null : toHex(bytesOf(device, 32, 'the device of a chunk')),
    wanted: wanted === true,
  }
}

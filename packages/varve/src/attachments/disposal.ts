/** Disposals: what an admin signs when chunks at a node are nobody's any more, so that the node and its mirrors remove them. */

import { primitives } from '../crypto/primitives.ts'
import { chunkIdBytes } from '../document/file.ts'
import { concat, equalBytes, fromHex, toHex, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Device } from '../replica/context.ts'

const version = 1
const domain = utf8('varve/disposal/v1\0')
const what = 'The disposal'
/** Room for what stands beside the ids: keys, times and a signature. */
const overhead = 512

/** A list of chunks that no version names, as of a time. */
export interface Disposal {
  /** Id of the tenant, 16 bytes. */
  readonly tenant: Uint8Array
  /** Public key of the node it is for. */
  readonly node: Uint8Array
  /** Since when by the node's clock it was worked out what is named, in Unix milliseconds. */
  readonly at: number
  /** Milliseconds before it in which nobody may have brought a chunk, or asked for it. */
  readonly olderThanMs: number
  /** Ids in hex, ascending; 1 to `limits.chunksAsked`. */
  readonly ids: readonly string[]
}

export interface SignedDisposal extends Disposal {
  /** Public key of the device that signed it. */
  readonly device: Uint8Array
}

/** Signs a disposal as an admin's device. */
export function encodeDisposal({ tenant, node, at, olderThanMs, ids }: Disposal, device: Device): Uint8Array {
  const body = encodeCbor([version, tenant, node, at, olderThanMs, concat(...ids.map(fromHex))])
  return encodeCbor([body, device.publicKey, device.sign(concat(domain, body))])
}

/**
 * Reads a disposal; whether its device is an admin is for the reader to find out. Throws `INVALID`, `TOO_LARGE`,
 * `UNSUPPORTED_VERSION`, or `TAMPERED` when the device has not signed it.
 */
export function decodeDisposal(bytes: Uint8Array): SignedDisposal {
  assertLimit(bytes.length, limits.chunksAsked * chunkIdBytes + overhead, `${what} in bytes`)
  const [signedBody, publicKey, signed] = listOf(decodeCbor(bytes, what), 'the disposal')
  const body = bytesOf(signedBody, null, 'the body of the disposal')
  const device = bytesOf(publicKey, 32, 'the device of the disposal')
  const signature = bytesOf(signed, 64, 'the signature of the disposal')
  const read = decodeBody(body)
  if (!equalBytes(encodeCbor([body, device, signature]), bytes))
    throw new VarveError('INVALID', `${what} is not in its canonical form: it was made by something else`)
  if (!primitives.ed25519.verify(device, concat(domain, body), signature))
    throw new VarveError('TAMPERED', `${what} is not signed by its device: it was altered`)
  return { ...read, device }
}

function decodeBody(bytes: Uint8Array): Disposal {
  const [format, tenant, node, at, olderThanMs, ids] = listOf(decodeCbor(bytes, what), 'the disposal')
  if (format !== version) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `${what} has format ${String(format)}, this Varve reads ${version}: update Varve`,
    )
  }
  const age = wholeNumber(olderThanMs, 'the age of chunks')
  if (age < limits.garbageMinimumMs)
    throw new VarveError('INVALID', `Garbage must be ${limits.garbageMinimumMs} milliseconds old at least: a day`)
  return {
    tenant: bytesOf(tenant, 16, 'the tenant of the disposal'),
    node: bytesOf(node, 32, 'the node of the disposal'),
    at: wholeNumber(at, 'the time of the disposal'),
    olderThanMs: age,
    ids: idsOf(bytesOf(ids, null, 'the ids of the disposal')),
  }
}

function idsOf(bytes: Uint8Array): readonly string[] {
  const count = bytes.length / chunkIdBytes
  const ids = Array.from({ length: Math.floor(count) }, (_, i) =>
    toHex(bytes.subarray(i * chunkIdBytes, (i + 1) * chunkIdBytes)),
  )
  if (count >= 1 && count <= limits.chunksAsked && Number.isInteger(count) && isAscending(ids)) return ids
  throw new VarveError('INVALID', `${what} should name 1 to ${limits.chunksAsked} chunks, each once, in order`)
}

function isAscending(ids: readonly string[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] ?? '') < id)
}

/** The edge of a document: the oldest version that pruning left, kept as a named value with the state it made. */

import { primitives } from '../crypto/primitives.ts'
import { nonceBytes, xaesOpen, xaesSeal } from '../crypto/xaes.ts'
import { absentHead, decodeHead, encodeHead, isoTime, type Head, type Order } from '../document/head.ts'
import { concat, fromHex, fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { parseStamp } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import type { ReplicaContext, SealKey } from './context.ts'

/** Versions below `ov` are gone. */
export interface Edge {
  readonly ov: number
  readonly cv: number
  /** Record number of version `ov`. */
  readonly record: number
  /** Trusted times of version `ov` and of version 0, Unix milliseconds. */
  readonly at: number
  readonly createdAt: number
  /** Where the last entry of them stands in time: everything that is kept comes after it. */
  readonly order: Order
  /** The fold of every version up to and with `ov`; counts alone while it is locked. */
  readonly head: Head
  /** Id in hex of the key that its state is sealed under; null in open databases. */
  readonly sealedBy: string | null
  /** True while that key is not held. */
  readonly isLocked: boolean
}

/** An edge as it is stored: what is signed, and by this device. */
export interface EdgeMark {
  readonly edge: Edge
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

/** What edges are made and read with. */
export type EdgeContext = Pick<ReplicaContext, 'id' | 'device' | 'keys' | 'env'>

const version = 1
const domain = utf8('varve/pruned-edge/v1\0')
const stateDomain = utf8('varve/pruned-state/v1\0')
const keyIdBytes = 16
const what = 'The edge of a pruned document'

/** Local number of a document to the name under which its edge is kept. */
export function edgeName(document: number): string {
  return `pruned/${document}`
}

/** The edge of a document as it is stored, its state sealed when `key` is given. */
export function encodeEdge(context: EdgeContext, document: number, edge: Edge, key: SealKey | null): Uint8Array {
  const { ov, cv, record, at, createdAt, order, head } = edge
  const state = encodeHead(head)
  const kept = key === null ? state : sealState(context, document, key, state)
  const body = encodeCbor([version, ov, cv, record, at, createdAt, fromHex(order.stamp), order.feed, kept])
  return encodeCbor([body, context.device.sign(signed(context, document, body))])
}

/** Throws `TAMPERED` or `INVALID` for damaged bytes and `UNSUPPORTED_VERSION` for those of a newer Varve. */
export function decodeEdge(context: EdgeContext, document: number, bytes: Uint8Array): EdgeMark {
  const [first, signature] = listOf(decodeCbor(bytes, what), what)
  const body = bytesOf(first, null, what)
  const [format, ov, cv, record, at, createdAt, stamp, feed, state] = listOf(decodeCbor(body, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(format)}: update Varve`)
  const numbers = {
    ov: wholeNumber(ov, what),
    cv: wholeNumber(cv, what),
    record: wholeNumber(record, what),
    at: wholeNumber(at, what),
    createdAt: wholeNumber(createdAt, what),
  }
  const order = { stamp: parseStamp(toHex(bytesOf(stamp, 8, what))), feed: wholeNumber(feed, what) }
  const sealed = typeof state === 'string' ? null : bytesOf(state, null, what)
  const text = sealed === null ? textOf(state, what) : openState(context, document, sealed)
  const edge: Edge = {
    ...numbers,
    order,
    head: text === null ? countsOf(numbers) : decodeHead(text),
    sealedBy: sealed === null ? null : toHex(sealed.subarray(0, keyIdBytes)),
    isLocked: text === null,
  }
  return { edge, body, signature: bytesOf(signature, 64, what) }
}

/** As a document of which nothing can be read looks. */
function countsOf({ ov, cv, at, createdAt }: Pick<Edge, 'ov' | 'cv' | 'at' | 'createdAt'>): Head {
  return { ...absentHead, recorded: ov + 1, cv, insertedAt: createdAt, updatedAt: at }
}

/** Sealed like everything the key protects, so that it goes with the key and comes back with it. */
function sealState({ id, env }: EdgeContext, document: number, key: SealKey, state: string): Uint8Array {
  const nonce = env.random(nonceBytes)
  return concat(key.id, nonce, xaesSeal(key.key, nonce, associated(id, key.id, document), utf8(state)))
}

/** Null without the key. */
function openState({ id, keys }: EdgeContext, document: number, sealed: Uint8Array): string | null {
  const keyId = sealed.subarray(0, keyIdBytes)
  const key = keys.byId(toHex(keyId))
  if (key === null) return null
  const nonce = sealed.subarray(keyIdBytes, keyIdBytes + nonceBytes)
  const body = sealed.subarray(keyIdBytes + nonceBytes)
  return fromUtf8(xaesOpen(key.key, nonce, associated(id, keyId, document), body))
}

function associated(database: Uint8Array, key: Uint8Array, document: number): Uint8Array {
  return concat(stateDomain, database, key, encodeCbor(document))
}

function signed({ id }: EdgeContext, document: number, body: Uint8Array): Uint8Array {
  return concat(domain, id, encodeCbor([document, body]))
}

/** Whether this device signed the edge for this document. */
export function isOwnEdge(
  context: EdgeContext,
  document: number,
  { body, signature }: Pick<EdgeMark, 'body' | 'signature'>,
): boolean {
  return primitives.ed25519.verify(context.device.publicKey, signed(context, document, body), signature)
}

/** What is asked for lies below the edge. */
export function prunedBelow(edge: Edge): VarveError {
  const { id } = edge.head.state
  return new VarveError(
    'PRUNED',
    `The past of "${id}" before version ${edge.ov} of ${isoTime(edge.at)} has been pruned: ask for that version or a later one`,
    { details: placeOf(edge) },
  )
}

/** A commit of another device, accepted by another recorder, that would have to be folded into what is gone. */
export function arrivesBelow(edge: Edge): VarveError {
  const { id } = edge.head.state
  return new VarveError(
    'PRUNED',
    `A change belongs into the past of "${id}" before version ${edge.ov} of ${isoTime(edge.at)}, which has been pruned here: nothing was taken over; make this copy anew from one that holds it`,
    { details: placeOf(edge) },
  )
}

function placeOf({ ov, at, record, head }: Edge): Readonly<Record<string, unknown>> {
  return { id: head.state.id, ov, at: isoTime(at), record }
}

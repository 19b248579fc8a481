/** What a node answers over HTTP, read strictly: every field is checked, and fields that later versions add are passed over. */

import { chunkIdBytes } from '../document/file.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import { fromBase64url } from '../encoding/base64.ts'
import { decodeCbor } from '../encoding/cbor.ts'
import type { FeedEnd } from '../attachments/collect-node.ts'
import { bytesOf, listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { errorCodes, VarveError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'

/** Who a node is. */
export interface NodeInfo {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Of its software. */
  readonly version: string
  /** Unix milliseconds by its clock. */
  readonly now: number
  /** Versions of its HTTP side. */
  readonly http: readonly number[]
  /** Whether a tenant needs a token to be taken in. */
  readonly needsToken: boolean
}

/** What a session is used with; none of it is stored. */
export interface Tokens {
  readonly access: string
  readonly refresh: string
  /** Session id in hex. */
  readonly session: string
}

/** A request to join as the node holds it. */
export interface HeldRequest {
  /** 32 hex digits. */
  readonly id: string
  readonly body: Uint8Array
}

export function decodeInfo(value: unknown): NodeInfo {
  const what = 'the node'
  const { publicKey, version, now, protocols, publish } = fieldsOf(value, what)
  const { http } = fieldsOf(protocols, 'the protocols of the node')
  if (publish !== 'open' && publish !== 'token') invalid('how the node takes tenants in', '"open" or "token"')
  return {
    publicKey: hexOf(publicKey, 32, 'the public key of the node'),
    version: textOf(version, 'the version of the node'),
    now: wholeNumber(now, 'the clock of the node'),
    http: listOf(http, 'its versions').map((each) => wholeNumber(each, 'a version of the node')),
    needsToken: publish === 'token',
  }
}

/** The id of the tenant that was taken in, in hex. */
export function decodeRegistered(value: unknown): string {
  return idOf(fieldsOf(value, 'the registration').tenant, 'the tenant')
}

export function decodeAppointments(value: unknown): readonly Uint8Array[] {
  const { appointments } = fieldsOf(value, 'the appointments')
  const list = listOf(appointments, 'the appointments')
  if (list.length > limits.appointments) invalid('the appointments', `at most ${limits.appointments}`)
  return list.map((each) => base64urlOf(each, null, 'an appointment'))
}

/** A nonce to be signed, as text and as bytes. */
export function decodeChallenge(value: unknown): { readonly text: string; readonly bytes: Uint8Array } {
  const text = textOf(fieldsOf(value, 'the challenge').nonce, 'the nonce')
  return { text, bytes: base64urlOf(text, null, 'the nonce') }
}

export function decodeTokens(value: unknown): Tokens {
  const { access, refresh, session } = fieldsOf(value, 'the session')
  return {
    access: tokenOf(access, 'the access token'),
    refresh: tokenOf(refresh, 'the refresh token'),
    session: textOf(session, 'the id of the session'),
  }
}

/** The hashes of a proof of consistency. */
export function decodeHashes(value: unknown): readonly Uint8Array[] {
  const list = listOf(fieldsOf(value, 'the proof').hashes, 'the hashes of the proof')
  if (list.length > limits.proofHashes) invalid('the hashes of the proof', `at most ${limits.proofHashes}`)
  return list.map((each) => base64urlOf(each, 32, 'a hash of the proof'))
}

export function decodeRecord(value: unknown): number {
  return wholeNumber(fieldsOf(value, 'the commit').record, 'the record number of the commit')
}

/** The id under which the node holds a request to join. */
export function decodeAsked(value: unknown): string {
  return idOf(fieldsOf(value, 'the request').request, 'the id of the request')
}

export function decodeRequests(value: unknown): readonly HeldRequest[] {
  return listOf(fieldsOf(value, 'the requests').requests, 'the requests').map((each) => {
    const { id, body } = fieldsOf(each, 'a request')
    return { id: idOf(id, 'the id of a request'), body: base64urlOf(body, null, 'the body of a request') }
  })
}

/** Chunk ids in hex from one after the other. */
export function decodeChunkIds(bytes: Uint8Array): readonly string[] {
  if (bytes.length % chunkIdBytes !== 0 || bytes.length > limits.chunksAsked * chunkIdBytes)
    invalid('the chunks it lacks', `at most ${limits.chunksAsked} ids`)
  return Array.from({ length: bytes.length / chunkIdBytes }, (_, i) =>
    toHex(bytes.subarray(i * chunkIdBytes, (i + 1) * chunkIdBytes)),
  )
}

/** What a collection of chunks begins with; ids of databases in hex. */
export interface Begun {
  /** Unix milliseconds by the clock of the node. */
  readonly at: number
  readonly databases: readonly string[]
}

export function decodeBegun(value: unknown): Begun {
  const { at, databases } = fieldsOf(value, 'the collection')
  return {
    at: wholeNumber(at, 'the clock of the node'),
    databases: listOf(databases, 'its databases').map((each) => idOf(each, 'a database')),
  }
}

/** How far the feeds of a database go. */
export function decodeFeeds(value: unknown): readonly FeedEnd[] {
  return listOf(fieldsOf(value, 'the database').feeds, 'the feeds').map((each) => {
    const { feed, length, head } = fieldsOf(each, 'a feed')
    return {
      feed: idOf(feed, 'the id of a feed'),
      length: wholeNumber(length, 'the length of a feed'),
      head: toHex(hexOf(head, 32, 'the head of a feed')),
    }
  })
}

export function decodeDisposed(value: unknown): { readonly removed: number; readonly bytes: number } {
  const { removed, bytes } = fieldsOf(value, 'the disposal')
  return { removed: wholeNumber(removed, 'the removed chunks'), bytes: wholeNumber(bytes, 'the bytes removed') }
}

/** A disposal with its number; null when there is none. Whether it is one, its reader finds out. */
export function decodeNumbered(bytes: Uint8Array): NumberedDisposal | null {
  if (bytes.length === 0) return null
  const [number, disposal] = listOf(decodeCbor(bytes, 'The disposal'), 'the disposal')
  return { number: wholeNumber(number, 'its number'), disposal: bytesOf(disposal, null, 'its bytes') }
}

/** A disposal as a node keeps it for its mirrors. */
export interface NumberedDisposal {
  readonly number: number
  readonly disposal: Uint8Array
}

/** The error in the words of the node (RFC 9457); null when these are not the words of a node. */
export function decodeProblem(value: unknown): VarveError | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { code, retryable, message, details } = fieldsOf(value, 'the problem')
  const known = errorCodes.find((each): each is ErrorCode => each === code)
  if (known === undefined || typeof message !== 'string') return null
  return new VarveError(known, message.slice(0, limits.answerMessageCharacters), {
    ...(typeof retryable === 'boolean' ? { retryable } : {}),
    ...(typeof details === 'object' && details !== null ? { details: { ...details } } : {}),
  })
}

/** The fields of a JSON object. */
function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid(what, 'an object')
  return { ...value }
}

function hexOf(value: unknown, bytes: number, what: string): Uint8Array {
  const text = textOf(value, what)
  if (!/^[0-9a-f]*$/.test(text) || text.length !== 2 * bytes) return invalid(what, `${2 * bytes} lower-case hex digits`)
  return fromHex(text)
}

function idOf(value: unknown, what: string): string {
  hexOf(value, 16, what)
  return textOf(value, what)
}

function base64urlOf(value: unknown, bytes: number | null, what: string): Uint8Array {
  return bytesOf(fromBase64url(textOf(value, what), what), bytes, what)
}

/** What may stand in a header. */
function tokenOf(value: unknown, what: string): string {
  const token = textOf(value, what)
  return /^[\x21-\x7e]{1,512}$/.test(token) ? token : invalid(what, 'visible ASCII characters')
}

function invalid(what: string, expected: string): never {
  throw new VarveError('INVALID', `The node answered wrongly: ${what} should be ${expected}`, { details: { what } })
}

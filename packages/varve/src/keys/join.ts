/** Joining a tenant by two texts that people carry: a signed request without secrets, and a sealed response to it. */

import { primitives } from '../crypto/primitives.ts'
import { concat, equalBytes, fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { checkName } from '../encoding/id.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { assertLimit } from '../limits.ts'
import {
  decryptWithIdentity,
  decryptWithPassphrase,
  encryptToRecipients,
  encryptWithPassphrase,
  isPassphraseFile,
} from './age.ts'
import { fromBase64url, toBase64url } from '../encoding/base64.ts'
import { assertVersion, readFormat } from './format.ts'
import type { DeviceIdentity } from './identity.ts'

/** What a join request says about the device that made it. */
export interface JoinRequest {
  readonly user: string
  /** 32-byte Ed25519 public key of the device. */
  readonly publicKey: Uint8Array
  /** The device's age public key. */
  readonly recipient: string
  /** Unix milliseconds by the device's clock. */
  readonly createdAt: number
  /**
   * 16 hex digits of the whole request. The signature only shows that nobody changed the request;
   * somebody could replace all of it, so people should compare this over another channel.
   */
  readonly fingerprint: string
}

const requestVersion = 1
const requestText = /^varve-join-request-v([1-9][0-9]{0,8})\.([A-Za-z0-9_-]*)$/
const requestDomain = utf8('varve/join-request/v1\0')
const requestCharacters = 4096
const responseFormat = 'varve-join-response'
const responseVersion = 1
const recipientText = /^age1[02-9ac-hj-np-z]{58}$/

/** The text by which this device asks to join as `user`; it holds no secret. */
export function encodeJoinRequest(identity: DeviceIdentity, user: string, env: Pick<Env, 'now'>): string {
  const { publicKey, secret } = identity.signing
  const { recipient } = identity.age
  const body = encodeBody({ user: checkName(user, 'user'), publicKey, recipient, createdAt: env.now() })
  const signature = primitives.ed25519.sign(secret, concat(requestDomain, body))
  return `varve-join-request-v${requestVersion}.${toBase64url(encodeCbor([body, signature]))}`
}

/** Reads a join request; throws `INVALID`, `TAMPERED` when its signature is wrong, `UNSUPPORTED_VERSION` or `TOO_LARGE`. */
export function parseJoinRequest(text: string): JoinRequest {
  const what = 'The join request'
  assertLimit(text.length, requestCharacters, `${what} in characters`)
  const [, version, encoded] = requestText.exec(text.trim()) ?? []
  if (version === undefined || encoded === undefined) malformed()
  assertVersion(Number(version), requestVersion, what)
  const outer = fromBase64url(encoded, what)
  const [signedBody, signed] = listOf(decodeCbor(outer, what), 'the join request')
  const body = bytesOf(signedBody, null, 'the body of the join request')
  const signature = bytesOf(signed, 64, 'the signature of the join request')
  const request = readBody(body)
  if (!primitives.ed25519.verify(request.publicKey, concat(requestDomain, body), signature)) {
    throw new VarveError('TAMPERED', `${what} is not signed by the device it names: it was altered, ask for a new one`)
  }
  if (!equalBytes(encodeCbor([encodeBody(request), signature]), outer)) malformed()
  return { ...request, fingerprint: toHex(primitives.sha256(concat(requestDomain, body))).slice(0, 16) }
}

/**
 * An armored age file with `payload` for the requesting device only, wrapped once more under
 * `password` when one is given. It does not say who made it: the payload must carry its own proof.
 */
export async function sealJoinResponse(
  request: JoinRequest,
  payload: Uint8Array,
  password: string | undefined,
  work: number,
): Promise<string> {
  const plaintext = encodeCbor([responseFormat, responseVersion, request.publicKey, payload])
  const file = await encryptToRecipients(plaintext, [request.recipient])
  return password === undefined ? file : encryptWithPassphrase(utf8(file), password, work)
}

/**
 * The payload of a response to this device. Throws `WRONG_PASSPHRASE` for a wrong or missing
 * password, `KEY_MISSING` for a response to another device, `INVALID`, `UNSUPPORTED_VERSION`.
 */
export async function openJoinResponse(text: string, identity: DeviceIdentity, password?: string): Promise<Uint8Array> {
  const what = 'The join response'
  const file = password === undefined ? text : await unwrap(text, password)
  const plaintext = await decryptWithIdentity(file, identity.age.identity)
  const [publicKey, payload] = readFormat(decodeCbor(plaintext, what), responseFormat, responseVersion, 2, what)
  if (!equalBytes(bytesOf(publicKey, 32, 'the public key of the join response'), identity.signing.publicKey)) {
    throw new VarveError('KEY_MISSING', `${what} answers another device's request: ask for one made for this device`)
  }
  return bytesOf(payload, null, 'the payload of the join response')
}

/** A password was agreed, so a response that lacks it may be a forgery and is refused. */
async function unwrap(text: string, password: string): Promise<string> {
  if (!(await isPassphraseFile(text))) {
    throw new VarveError('INVALID', 'The join response is not protected by the password given: ask its maker about it')
  }
  return fromUtf8(await decryptWithPassphrase(text, password))
}

type Body = Omit<JoinRequest, 'fingerprint'>

function encodeBody({ user, publicKey, recipient, createdAt }: Body): Uint8Array {
  return encodeCbor([user, publicKey, recipient, createdAt])
}

function readBody(bytes: Uint8Array): Body {
  const body = listOf(decodeCbor(bytes, 'The join request'), 'the body of the join request')
  const recipient = textOf(body[2], 'the recipient of the join request')
  if (!recipientText.test(recipient)) malformed()
  return {
    user: checkName(body[0], 'user'),
    publicKey: bytesOf(body[1], 32, 'the public key of the join request'),
    recipient,
    createdAt: wholeNumber(body[3], 'the time of the join request'),
  }
}

function malformed(): never {
  throw new VarveError('INVALID', 'The text is not a whole join request (varve-join-request-v1.…): copy it again')
}

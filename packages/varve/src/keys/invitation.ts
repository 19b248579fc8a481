/** Invitations: a link whose secret stays in its fragment, under which request and response pass a server unread. */

import { primitives } from '../crypto/primitives.ts'
import { nonceBytes, xaesKey, xaesOpen, xaesSeal } from '../crypto/xaes.ts'
import { concat, fromHex, fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'
import { fromBase64url, toBase64url } from '../encoding/base64.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { assertVersion } from './format.ts'

export interface Invitation {
  /** Where the invited device goes, without the fragment. */
  readonly url: string
  /** The tenant's id, 32 hex digits: the joining device expects no other. */
  readonly tenant: string
  /** 32 hex digits derived from the secret; all that the server knows of it. */
  readonly id: string
  /** 32 bytes that inviter and invited share. Never sent, never logged. */
  readonly secret: Uint8Array
}

const linkVersion = 1
const linkText = /^(https?:\/\/[^#\s]+)#v([1-9][0-9]{0,8})\.([0-9a-f]{32})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/
const linkCharacters = 2048
const sealedVersion = 1
const secretBytes = 32
const idBytes = 16
const idLabel = 'varve/invitation-id/v1'
const requestLabel = 'varve/invitation-request/v1'
const responseLabel = 'varve/invitation-response/v1'

/** A new invitation to a tenant; `url` is an http(s) address without a fragment. Throws `INVALID`. */
export function createInvitation(url: string, tenant: string, env: Pick<Env, 'random'>): Invitation {
  const secret = env.random(secretBytes)
  const invitation = { url, tenant, id: invitationId(secret), secret }
  return parseInvitation(formatInvitation(invitation))
}

/** The link to send over a channel that only the invited person reads: whoever has it can join in his place. */
export function formatInvitation({ url, tenant, id, secret }: Invitation): string {
  return `${url}#v${linkVersion}.${tenant}.${id}.${toBase64url(secret)}`
}

/** Reads a link; throws `INVALID`, `TOO_LARGE` or `UNSUPPORTED_VERSION` without showing its secret. */
export function parseInvitation(link: string): Invitation {
  const what = 'The invitation'
  assertLimit(link.length, linkCharacters, `${what} in characters`)
  const [, url, version, tenant, id, encoded] = linkText.exec(link.trim()) ?? []
  if (url === undefined || tenant === undefined || id === undefined || encoded === undefined) malformed()
  assertVersion(Number(version), linkVersion, what)
  const secret = fromBase64url(encoded, 'The secret of the invitation')
  if (invitationId(secret) !== id) malformed()
  return { url, tenant, id, secret }
}

/** The join request as the server carries it: 1, a random nonce, and the text under a key of the secret. */
export function sealRequest(invitation: Invitation, request: string, env: Pick<Env, 'random'>): Uint8Array {
  return seal(invitation, requestLabel, [], request, env)
}

/**
 * The join request inside. Only who was given the link can have made it, so an admin's device may approve it without
 * comparing fingerprints. Throws `TAMPERED` when it was made or changed by someone else, `INVALID`, `TOO_LARGE`.
 */
export function openRequest(invitation: Invitation, sealed: Uint8Array): string {
  return open(invitation, requestLabel, [], sealed, limits.invitationRequestBytes)
}

/** The response to a sealed request: it opens for that request alone. */
export function sealResponse(
  invitation: Invitation,
  request: Uint8Array,
  response: string,
  env: Pick<Env, 'random'>,
): Uint8Array {
  return seal(invitation, responseLabel, [primitives.sha256(request)], response, env)
}

/** The join response inside; throws `TAMPERED` for one to another request or from someone else, `INVALID`, `TOO_LARGE`. */
export function openResponse(invitation: Invitation, request: Uint8Array, sealed: Uint8Array): string {
  return open(invitation, responseLabel, [primitives.sha256(request)], sealed, limits.invitationResponseBytes)
}

function invitationId(secret: Uint8Array): string {
  return toHex(primitives.hkdfSha256(secret, idLabel, idBytes))
}

function seal(
  { tenant, id, secret }: Invitation,
  label: string,
  bound: readonly Uint8Array[],
  text: string,
  env: Pick<Env, 'random'>,
): Uint8Array {
  const nonce = env.random(nonceBytes)
  const key = xaesKey(primitives.hkdfSha256(secret, label, 32))
  const data = context(label, tenant, id, bound)
  return concat(new Uint8Array([sealedVersion]), nonce, xaesSeal(key, nonce, data, utf8(text)))
}

function open(
  { tenant, id, secret }: Invitation,
  label: string,
  bound: readonly Uint8Array[],
  sealed: Uint8Array,
  limit: number,
): string {
  const what = 'What came through the invitation'
  assertLimit(sealed.length, limit, `${what} in bytes`)
  assertVersion(sealed[0], sealedVersion, what)
  const nonce = sealed.subarray(1, 1 + nonceBytes)
  if (nonce.length !== nonceBytes) throw new VarveError('INVALID', `${what} was cut off: fetch it again`)
  const key = xaesKey(primitives.hkdfSha256(secret, label, 32))
  return fromUtf8(xaesOpen(key, nonce, context(label, tenant, id, bound), sealed.subarray(1 + nonceBytes)))
}

function context(label: string, tenant: string, id: string, bound: readonly Uint8Array[]): Uint8Array {
  return concat(utf8(`${label}\0`), fromHex(tenant), fromHex(id), ...bound)
}

/** The text is not shown: it holds a secret. */
function malformed(): never {
  throw new VarveError(
    'INVALID',
    'The text is not a whole invitation (https://…#v1.…): copy the link again, to its last character',
  )
}

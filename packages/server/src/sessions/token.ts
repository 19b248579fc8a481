/** Access and refresh tokens: which session they are of, and a secret that the server keeps only as a hash. */

import { concat, fromBase64url, primitives, toBase64url, toHex, utf8, VarveError } from 'varve/engine'

/** `va_` and `vr_` let people and scanners of leaked secrets see what a text is. */
const prefixes = { access: 'va_', refresh: 'vr_' } as const
export type TokenKind = keyof typeof prefixes

const tenantBytes = 16
/** The first 8 bytes are those of the hash of the device's key, so that its sessions stand together. */
export const sessionBytes = 24
export const secretBytes = 32

export interface Token {
  /** Tenant id in hex. */
  readonly tenant: string
  /** Session id in hex. */
  readonly session: string
  readonly secret: Uint8Array
}

/** The text of a token. */
export function writeToken(kind: TokenKind, tenant: Uint8Array, session: Uint8Array, secret: Uint8Array): string {
  return prefixes[kind] + toBase64url(concat(tenant, session, secret))
}

/** The parts of a token's text; null for anything that `writeToken` would not write. */
export function readToken(kind: TokenKind, text: string): Token | null {
  const length = Math.ceil(((tenantBytes + sessionBytes + secretBytes) * 4) / 3)
  const prefix = prefixes[kind]
  if (!text.startsWith(prefix) || text.length !== prefix.length + length || !/^[\w-]+$/.test(text)) return null
  const bytes = fromBase64url(text.slice(prefix.length), `The ${kind} token`)
  return {
    tenant: toHex(bytes.subarray(0, tenantBytes)),
    session: toHex(bytes.subarray(tenantBytes, tenantBytes + sessionBytes)),
    secret: bytes.slice(tenantBytes + sessionBytes),
  }
}

/** What is stored of a secret. */
export function secretHash(secret: Uint8Array): Uint8Array {
  return primitives.sha256(utf8('varve/session-secret/v1\0'), secret)
}

/**
 * The secret that follows `secret`. The salt is random and stored until the new secret was used: with it,
 * and only with it, whoever still has the old secret gets the same new one again.
 */
export function nextSecret(kind: TokenKind, secret: Uint8Array, salt: Uint8Array): Uint8Array {
  return primitives.hmacSha256(secret, utf8(`varve/session-next/v1\0${kind}\0`), salt)
}

/** The bytes that a device signs to open a session. */
export function openingMessage(node: Uint8Array, tenant: Uint8Array, nonce: Uint8Array): Uint8Array {
  return concat(utf8('varve/session/v1\0'), node, tenant, nonce)
}

/** The bytes that a device signs to refresh a session: `token` is the text of the refresh token. */
export function refreshMessage(node: Uint8Array, nonce: Uint8Array, token: string): Uint8Array {
  return concat(utf8('varve/session-refresh/v1\0'), node, nonce, primitives.sha256(utf8(token)))
}

/** Equality in a time that does not depend on where the difference is. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

/** Credentials that are missing, wrong or over: the HTTP side answers 401, and the device may sign in again. */
export function unauthenticated(message: string): VarveError {
  return new VarveError('FORBIDDEN', message, { details: { credentials: 'refused' } })
}

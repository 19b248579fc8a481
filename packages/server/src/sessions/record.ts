/** A session as it is stored: whose it is, until when, and hashes of the tokens that are valid. */

import { bytesOf, decodeCbor, encodeCbor, listOf, VarveError, wholeNumber } from 'varve/engine'
import { secretBytes } from './token.ts'

interface AccessRecord {
  readonly hash: Uint8Array
  /** Unix milliseconds. */
  readonly expiresAt: number
}

/** All times in Unix milliseconds. */
export interface SessionRecord {
  /** Public key of the device. */
  readonly device: Uint8Array
  readonly createdAt: number
  /** When tokens were last given out. */
  readonly refreshedAt: number
  readonly expiresAt: number
  /** Hash of the refresh token that is valid now. */
  readonly refresh: Uint8Array
  /**
   * The refresh token before it, by its hash, with the salt that led from it to the valid pair: until
   * that one is used, the one before may ask for it again.
   */
  readonly previous: { readonly hash: Uint8Array; readonly salt: Uint8Array } | null
  /** Access tokens that have not expired, newest first. */
  readonly access: readonly AccessRecord[]
}

const version = 1

export function encodeSession(session: SessionRecord): Uint8Array {
  const { device, createdAt, refreshedAt, expiresAt, refresh, previous, access } = session
  return encodeCbor([
    version,
    device,
    createdAt,
    refreshedAt,
    expiresAt,
    refresh,
    previous === null ? null : [previous.hash, previous.salt],
    access.map((each) => [each.hash, each.expiresAt]),
  ])
}

/** Throws `INVALID` for damaged bytes, `UNSUPPORTED_VERSION` for those of a later server. */
export function decodeSession(bytes: Uint8Array): SessionRecord {
  const [found, device, createdAt, refreshedAt, expiresAt, refresh, previous, access] = listOf(
    decodeCbor(bytes, 'A session'),
    'a session',
  )
  if (found !== version) {
    throw new VarveError('UNSUPPORTED_VERSION', 'A stored session is of another version of the server: update it')
  }
  return {
    device: bytesOf(device, 32, 'the device of a session'),
    createdAt: wholeNumber(createdAt, 'the beginning of a session'),
    refreshedAt: wholeNumber(refreshedAt, 'the last refresh of a session'),
    expiresAt: wholeNumber(expiresAt, 'the end of a session'),
    refresh: bytesOf(refresh, 32, 'the refresh token of a session'),
    previous: previous === null ? null : decodePrevious(previous),
    access: listOf(access, 'the access tokens of a session').map(decodeAccess),
  }
}

function decodePrevious(value: unknown): { readonly hash: Uint8Array; readonly salt: Uint8Array } {
  const [hash, salt] = listOf(value, 'the refresh token before')
  return {
    hash: bytesOf(hash, 32, 'the hash of the refresh token before'),
    salt: bytesOf(salt, secretBytes, 'the salt after the refresh token before'),
  }
}

function decodeAccess(value: unknown): AccessRecord {
  const [hash, expiresAt] = listOf(value, 'an access token')
  return {
    hash: bytesOf(hash, 32, 'the hash of an access token'),
    expiresAt: wholeNumber(expiresAt, 'the end of an access token'),
  }
}

/** What the mailbox stores: an invitation with the ids of its requests, and each request with its answer. */

import { bytesOf, decodeCbor, encodeCbor, listOf, textOf, VarveError, wholeNumber } from 'varve/engine'

/** All times in Unix milliseconds. */
export interface InvitationRecord {
  readonly createdAt: number
  readonly expiresAt: number
  /** How many requests may be made in all; one that an admin drops does not count. */
  readonly uses: number
  /** Ids of the requests made, oldest first. */
  readonly requests: readonly string[]
}

export interface RequestRecord {
  readonly createdAt: number
  /** Sealed by the one who wants to join; the server cannot read it. */
  readonly body: Uint8Array
  /** Sealed by the admin; null until it is there. */
  readonly response: Uint8Array | null
}

const version = 1

export function encodeInvitation({ createdAt, expiresAt, uses, requests }: InvitationRecord): Uint8Array {
  return encodeCbor([version, createdAt, expiresAt, uses, requests])
}

/** Throws `INVALID` for damaged bytes, `UNSUPPORTED_VERSION` for those of a later server. */
export function decodeInvitation(bytes: Uint8Array): InvitationRecord {
  const [found, createdAt, expiresAt, uses, requests] = listOf(decodeCbor(bytes, 'An invitation'), 'an invitation')
  checkVersion(found, 'invitation')
  return {
    createdAt: wholeNumber(createdAt, 'the beginning of an invitation'),
    expiresAt: wholeNumber(expiresAt, 'the end of an invitation'),
    uses: wholeNumber(uses, 'the uses of an invitation'),
    requests: listOf(requests, 'the requests of an invitation').map((id) => textOf(id, 'a request of an invitation')),
  }
}

export function encodeRequest({ createdAt, body, response }: RequestRecord): Uint8Array {
  return encodeCbor([version, createdAt, body, response])
}

/** Throws like `decodeInvitation`. */
export function decodeRequest(bytes: Uint8Array): RequestRecord {
  const [found, createdAt, body, response] = listOf(decodeCbor(bytes, 'A request to join'), 'a request to join')
  checkVersion(found, 'request to join')
  return {
    createdAt: wholeNumber(createdAt, 'the time of a request to join'),
    body: bytesOf(body, null, 'the body of a request to join'),
    response: response === null ? null : bytesOf(response, null, 'the answer to a request to join'),
  }
}

function checkVersion(found: unknown, what: string): void {
  if (found === version) return
  throw new VarveError('UNSUPPORTED_VERSION', `A stored ${what} is of another version of the server: update it`)
}

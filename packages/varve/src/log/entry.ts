/** The plaintext body of an entry: document id, words and operations, as CBOR (`spec/commit.md`). */

import { decodeCbor, encodeOrdered } from '../encoding/cbor.ts'
import { listOf, textOrNull, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

export interface EntryBody {
  /** Id of the document and name of its collection: in `put` entries, null elsewhere. */
  readonly id: string | null
  readonly collection: string | null
  readonly actor: string | null
  readonly reason: string | null
  /** Operations in their encoded form; `document/operation.ts` reads them. */
  readonly operations: readonly unknown[]
}

const bodyVersion = 1

export function encodeEntry(body: EntryBody): Uint8Array {
  assertLimit(body.operations.length, limits.entryOperations, 'The number of operations in one change')
  const bytes = encodeOrdered([bodyVersion, body.id, body.collection, body.actor, body.reason, body.operations])
  assertLimit(bytes.length, limits.entryBytes, 'The change in bytes')
  return bytes
}

/** Throws `INVALID`, `TOO_LARGE` or `UNSUPPORTED_VERSION`. */
export function decodeEntry(bytes: Uint8Array): EntryBody {
  assertLimit(bytes.length, limits.entryBytes, 'The entry in bytes')
  const fields = listOf(decodeCbor(bytes, 'The entry'), 'The entry')
  const version = wholeNumber(fields[0], 'the version of the entry')
  if (version !== bodyVersion) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `The entry has format ${version}, this Varve reads ${bodyVersion}: update Varve`,
    )
  }
  const operations = listOf(fields[5], 'the operations')
  assertLimit(operations.length, limits.entryOperations, 'The number of operations')
  return {
    id: textOrNull(fields[1], 'the document id'),
    collection: textOrNull(fields[2], 'the collection name'),
    actor: textOrNull(fields[3], 'the actor'),
    reason: textOrNull(fields[4], 'the reason'),
    operations,
  }
}

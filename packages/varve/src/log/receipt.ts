/** Receipts: the recorder's word on a commit, chained into the record (`spec/receipt.md`). */

import { concat, uint64, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, textOrNull, wholeNumber } from '../encoding/decode.ts'
import { primitives } from '../crypto/primitives.ts'
import { errorCodes, VarveError, type ErrorCode } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

const receiptVersion = 1
const receiptDomain = utf8('varve/receipt/v1\0')
const recordHeadDomain = utf8('varve/record-head/v1\0')

/** The id before the first receipt of every record. */
export const noReceipt: Uint8Array = new Uint8Array(32)

export interface Receipt {
  /** Trusted time in Unix milliseconds; never decreases along the record. */
  readonly at: number
  /** Null when accepted. */
  readonly refused: { readonly code: ErrorCode; readonly reason: string } | null
  /** The version each entry made of its document, in entry order; empty when refused. */
  readonly ovs: readonly number[]
  /** For each collection of the header, the `cv` of its first entry; its entries count up from there. */
  readonly cvs: readonly number[]
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  return encodeCbor([
    receiptVersion,
    receipt.at,
    receipt.refused === null ? null : [receipt.refused.code, receipt.refused.reason],
    packOvs(receipt.ovs),
    receipt.cvs,
  ])
}

/** A list of equal versions, as bulk creation makes them, is one pair of value and count. */
function packOvs(ovs: readonly number[]): readonly number[] | readonly [readonly [number, number]] {
  const first = ovs[0]
  return first !== undefined && ovs.length > 2 && ovs.every((ov) => ov === first) ? [[first, ovs.length]] : ovs
}

/**
 * Reads a receipt of a commit with `entries` entries, or with as many as the receipt says when the commit
 * is not at hand (null). Throws `INVALID`, `TOO_LARGE` or `UNSUPPORTED_VERSION`.
 */
export function decodeReceipt(bytes: Uint8Array, entries: number | null): Receipt {
  const fields = listOf(decodeCbor(bytes, 'The receipt'), 'The receipt')
  if (fields[0] !== receiptVersion) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `The receipt has format ${String(fields[0])}, this Varve reads ${receiptVersion}: update Varve`,
    )
  }
  const refused = decodeRefusal(fields[2])
  const ovs = unpackOvs(listOf(fields[3], 'the versions'), entries)
  if (ovs.length !== (refused === null ? (entries ?? ovs.length) : 0))
    throw new VarveError('INVALID', 'The receipt does not fit its commit')
  return {
    at: timeOf(fields[1]),
    refused,
    ovs,
    cvs: listOf(fields[4], 'the collection versions').map((cv) => wholeNumber(cv, 'a collection version')),
  }
}

/** The same 48 bits as in stamps: later times have no date. */
function timeOf(value: unknown): number {
  const at = wholeNumber(value, 'the trusted time')
  if (at > 0xffff_ffff_ffff) throw new VarveError('INVALID', 'The trusted time of a receipt is beyond the year 10889')
  return at
}

function unpackOvs(list: readonly unknown[], entries: number | null): readonly number[] {
  const only = list[0]
  if (list.length !== 1 || !Array.isArray(only)) return list.map((ov) => wholeNumber(ov, 'a version'))
  const [ov, count] = [wholeNumber(only[0], 'a version'), wholeNumber(only[1], 'a count')]
  if (entries !== null && count !== entries) throw new VarveError('INVALID', 'The receipt does not fit its commit')
  assertLimit(count, limits.commitEntries, 'The number of versions in a receipt')
  return Array.from({ length: count }, () => ov)
}

function decodeRefusal(value: unknown): Receipt['refused'] {
  if (value === null) return null
  const [code, reason] = listOf(value, 'the refusal')
  const known = errorCodes.find((candidate) => candidate === code)
  return { code: known ?? 'INVALID', reason: textOrNull(reason, 'the reason') ?? '' }
}

/** Place of a receipt in the record; hashed in front of it. */
export interface ReceiptPlace {
  readonly database: Uint8Array
  readonly record: number
  /** Id of the previous receipt. */
  readonly previous: Uint8Array
  /** Id of the commit it speaks of. */
  readonly commit: Uint8Array
}

/** SHA-256 over place and receipt. */
export function receiptId(place: ReceiptPlace, bytes: Uint8Array): Uint8Array {
  return primitives.sha256(receiptDomain, place.database, uint64(place.record), place.previous, place.commit, bytes)
}

/** What the recorder's signature is over. */
export function recordHeadMessage(database: Uint8Array, record: number, id: Uint8Array): Uint8Array {
  return concat(recordHeadDomain, database, uint64(record), id)
}

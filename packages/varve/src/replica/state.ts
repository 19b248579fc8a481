/** The counters of one replica: small, loaded when it opens, rewritten inside every write. */

import { fromHex, toHex } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, textOrNull, wholeNumber } from '../encoding/decode.ts'
import { parseStamp, zeroStamp, type Stamp } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { noReceipt } from '../log/receipt.ts'

export interface IndexState {
  readonly no: number
  readonly path: string
  /** False while existing documents are still being indexed. */
  readonly ready: boolean
  /** True once a document had several keys: the planner must then be more careful. */
  readonly multikey: boolean
}

export interface CollectionState {
  readonly no: number
  readonly tag: Uint8Array
  /** Null while only entries that cannot be read have been seen. */
  readonly name: string | null
  /** Counter of the next document number. */
  readonly documents: number
  /** Accepted entries recorded so far: the next `cv`. */
  readonly recorded: number
  /** Entries not yet recorded. */
  readonly pending: number
  readonly indexes: readonly IndexState[]
}

export interface RecordState {
  /** Receipts held: records 0 … length − 1. */
  readonly length: number
  /** Id of the last receipt. */
  readonly head: Uint8Array
  /** Trusted time of the last receipt. */
  readonly at: number
}

export interface ReplicaState {
  /** The last position given to a commit or a touch. */
  readonly position: number
  readonly clock: Stamp
  /** The highest stamp of an accepted, recorded commit: where the clock goes back to when it was refused as ahead. */
  readonly recordedClock: Stamp
  /** Local number of the feed this replica writes; null before its first write. */
  readonly ownFeed: number | null
  readonly feeds: number
  readonly collections: readonly CollectionState[]
  readonly record: RecordState
  /** Local numbers of commits held back without a verdict, to be judged again. */
  readonly held: readonly number[]
  /** Own commits and bytes since the feed's head was last signed, and receipts since the record's was. */
  readonly unsigned: { readonly commits: number; readonly bytes: number; readonly receipts: number }
}

export const stateName = 'state'

export const initialState: ReplicaState = {
  position: 0,
  clock: zeroStamp,
  recordedClock: zeroStamp,
  ownFeed: null,
  feeds: 0,
  collections: [],
  record: { length: 0, head: noReceipt, at: 0 },
  held: [],
  unsigned: { commits: 0, bytes: 0, receipts: 0 },
}

const version = 1

export function encodeState(state: ReplicaState): Uint8Array {
  return encodeCbor([
    version,
    state.position,
    fromHex(state.clock),
    fromHex(state.recordedClock),
    state.ownFeed,
    state.feeds,
    state.collections.map((c) => [
      c.no,
      c.tag,
      c.name,
      c.documents,
      c.recorded,
      c.pending,
      c.indexes.map((i) => [i.no, i.path, i.ready, i.multikey]),
    ]),
    [state.record.length, state.record.head, state.record.at],
    state.held,
    [state.unsigned.commits, state.unsigned.bytes, state.unsigned.receipts],
  ])
}

/** Throws `INVALID` for damaged bytes and `UNSUPPORTED_VERSION` for a replica of a newer Varve. */
export function decodeState(bytes: Uint8Array): ReplicaState {
  const what = 'The state of the replica'
  const fields = listOf(decodeCbor(bytes, what), what)
  if (fields[0] !== version) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `The replica has format ${String(fields[0])}, this Varve reads ${version}: update Varve`,
    )
  }
  const [length, head, at] = listOf(fields[7], 'the record')
  const [commits, size, receipts] = listOf(fields[9], 'the unsigned counts')
  return {
    position: wholeNumber(fields[1], 'the position'),
    clock: parseStamp(toHex(bytesOf(fields[2], 8, 'the clock'))),
    recordedClock: parseStamp(toHex(bytesOf(fields[3], 8, 'the recorded clock'))),
    ownFeed: fields[4] === null ? null : wholeNumber(fields[4], 'the own feed'),
    feeds: wholeNumber(fields[5], 'the feeds'),
    collections: listOf(fields[6], 'the collections').map(decodeCollection),
    record: {
      length: wholeNumber(length, 'the record length'),
      head: bytesOf(head, 32, 'the record head'),
      at: wholeNumber(at, 'the record time'),
    },
    held: listOf(fields[8], 'the held commits').map((no) => wholeNumber(no, 'a held commit')),
    unsigned: {
      commits: wholeNumber(commits, 'a count'),
      bytes: wholeNumber(size, 'a count'),
      receipts: wholeNumber(receipts, 'a count'),
    },
  }
}

function decodeCollection(value: unknown): CollectionState {
  const [no, tag, name, documents, recorded, pending, indexes] = listOf(value, 'a collection')
  return {
    no: wholeNumber(no, 'a collection number'),
    tag: bytesOf(tag, 16, 'a collection tag'),
    name: textOrNull(name, 'a collection name'),
    documents: wholeNumber(documents, 'a document count'),
    recorded: wholeNumber(recorded, 'a collection version'),
    pending: wholeNumber(pending, 'a pending count'),
    indexes: listOf(indexes, 'the indexes').map((index) => {
      const [indexNo, path, ready, multikey] = listOf(index, 'an index')
      return {
        no: wholeNumber(indexNo, 'an index number'),
        path: textOf(path, 'an index path'),
        ready: ready === true,
        multikey: multikey !== false,
      }
    }),
  }
}

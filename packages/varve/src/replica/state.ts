/** The counters of one replica: small, loaded when it opens, rewritten inside every write. */

import { fromHex, toHex } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, textOrNull, wholeNumber } from '../encoding/decode.ts'
import { parseStamp, zeroStamp, type Stamp } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { noReceipt } from '../log/receipt.ts'

export interface IndexState {
  readonly no: number
  readonly paths: readonly string[]
  /** Writes that give a document a key another document has are refused, as far as this replica can see. */
  readonly unique: boolean
  /** False while existing documents are still being indexed. */
  readonly ready: boolean
  /** For each path, true once a document had several keys under it: the planner must then be more careful. */
  readonly multikey: readonly boolean[]
}

/** A declared search index. */
export interface SearchState {
  readonly no: number
  /** Paths and their weights, in the order of the columns. */
  readonly fields: readonly (readonly [path: string, weight: number])[]
  /** Media types that were extracted when it was made. */
  readonly types: readonly string[]
  /** False while existing documents are still being indexed. */
  readonly ready: boolean
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
  /** Dotted paths at which sealed values were ever seen; `''` alone when they were too many to tell. */
  readonly sealed: readonly string[]
  readonly search?: SearchState
}

/** Recorded versions that count, by what they do: enriching and restoring are updates. */
export interface CollectionTotals {
  readonly created: number
  readonly updated: number
  readonly deleted: number
  /** Trusted time of the last of them; 0 when there is none. */
  readonly at: number
}

export interface TotalsState {
  /** Receipts whose commits are counted: all of them, unless an older Varve wrote here. */
  readonly counted: number
  /** By collection number, less one; collections without versions may be absent. */
  readonly collections: readonly CollectionTotals[]
}

interface RecordState {
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
  readonly totals: TotalsState
}

export const stateName = 'state'

export const noTotals: TotalsState = { counted: 0, collections: [] }

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
  totals: noTotals,
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
      c.indexes.map(encodeIndex),
      ...(c.sealed.length === 0 && c.search === undefined ? [] : [c.sealed]),
      ...(c.search === undefined ? [] : [encodeSearch(c.search)]),
    ]),
    [state.record.length, state.record.head, state.record.at],
    state.held,
    [state.unsigned.commits, state.unsigned.bytes, state.unsigned.receipts],
    encodeTotals(state.totals),
  ])
}

function encodeSearch({ no, fields, types, ready }: SearchState): readonly unknown[] {
  return [no, fields, types, ready]
}

function encodeTotals({ counted, collections }: TotalsState): readonly unknown[] {
  return [counted, collections.map(({ created, updated, deleted, at }) => [created, updated, deleted, at])]
}

/** Replicas whose indexes have one path and are not unique stay as they always were. */
function encodeIndex({ no, paths, unique, ready, multikey }: IndexState): readonly unknown[] {
  const first = [no, paths[0] ?? '', ready, multikey[0] ?? true]
  return paths.length === 1 && !unique ? first : [...first, paths.slice(1), multikey.slice(1), unique]
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
    totals: fields[10] === undefined ? noTotals : decodeTotals(fields[10]),
  }
}

function decodeTotals(value: unknown): TotalsState {
  const [counted, collections] = listOf(value, 'the totals')
  return {
    counted: wholeNumber(counted, 'a count'),
    collections: listOf(collections, 'the totals').map((totals) => {
      const [created, updated, deleted, at] = listOf(totals, 'the totals of a collection')
      return {
        created: wholeNumber(created, 'a count'),
        updated: wholeNumber(updated, 'a count'),
        deleted: wholeNumber(deleted, 'a count'),
        at: wholeNumber(at, 'a time'),
      }
    }),
  }
}

function decodeCollection(value: unknown): CollectionState {
  const [no, tag, name, documents, recorded, pending, indexes, sealed = [], search] = listOf(value, 'a collection')
  return {
    no: wholeNumber(no, 'a collection number'),
    tag: bytesOf(tag, 16, 'a collection tag'),
    name: textOrNull(name, 'a collection name'),
    documents: wholeNumber(documents, 'a document count'),
    recorded: wholeNumber(recorded, 'a collection version'),
    pending: wholeNumber(pending, 'a pending count'),
    indexes: listOf(indexes, 'the indexes').map(decodeIndex),
    sealed: listOf(sealed, 'the sealed paths').map((path) => textOf(path, 'a sealed path')),
    ...(search === undefined ? {} : { search: decodeSearch(search) }),
  }
}

function decodeSearch(value: unknown): SearchState {
  const [no, fields, types, ready] = listOf(value, 'a search index')
  return {
    no: wholeNumber(no, 'a search index number'),
    fields: listOf(fields, 'the fields of a search index').map((field) => {
      const [path, weight] = listOf(field, 'a field')
      if (typeof weight !== 'number') throw new VarveError('INVALID', 'The weight of a field is no number')
      return [textOf(path, 'a path'), weight]
    }),
    types: listOf(types, 'the types of a search index').map((type) => textOf(type, 'a type')),
    ready: ready === true,
  }
}

function decodeIndex(value: unknown): IndexState {
  const [no, path, ready, multikey, morePaths = [], moreMultikey = [], unique] = listOf(value, 'an index')
  const paths = [path, ...listOf(morePaths, 'the paths of an index')].map((each) => textOf(each, 'an index path'))
  const several = [multikey, ...listOf(moreMultikey, 'the keys of an index')]
  return {
    no: wholeNumber(no, 'an index number'),
    paths,
    unique: unique === true,
    ready: ready === true,
    multikey: paths.map((_, i) => several[i] !== false),
  }
}

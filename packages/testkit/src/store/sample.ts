/** Plain rows for store tests: every field has a value, and any can be given. */

import {
  firstDocument,
  makeStamp,
  type CommitHead,
  type CommitRow,
  type DocumentRow,
  type EntryRow,
  type FeedRow,
  type IndexRow,
  type ReceiptRow,
} from 'varve/engine'

/** `length` bytes that differ by `seed` and position. */
export function sampleBytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (i >> 8)) & 0xff)
}

/** Bytes of 16 that are unique per number, as tags are. */
export function sampleTag(no: number): Uint8Array {
  const tag = sampleBytes(16, no & 0xff)
  new DataView(tag.buffer).setFloat64(8, no)
  return tag
}

export function feedRow(no: number, given: Partial<FeedRow> = {}): FeedRow {
  return {
    no,
    id: sampleBytes(16, no),
    publicKey: sampleBytes(32, no + 1),
    length: 3,
    head: sampleBytes(32, no + 2),
    listed: 1,
    recorded: 1,
    ...given,
  }
}

export function commitRow(no: number, given: Partial<CommitRow> = {}): CommitRow {
  return {
    no,
    feed: 1,
    seq: no,
    stamp: makeStamp(1000 + no, no & 0xff),
    id: sampleBytes(32, no),
    header: sampleBytes(90, no + 3),
    bodies: sampleBytes(200, no + 5),
    signature: null,
    record: null,
    at: null,
    refused: null,
    ...given,
  }
}

export function withoutBodies({ bodies, ...head }: CommitRow): CommitHead {
  return { ...head, size: bodies.length }
}

export function receiptRow(record: number, given: Partial<ReceiptRow> = {}): ReceiptRow {
  return {
    record,
    commit: record + 1,
    at: 5000 + record * 10,
    bytes: sampleBytes(60, record),
    signature: null,
    ...given,
  }
}

/** Document `counter` of collection 1. */
export function documentRow(counter: number, given: Partial<DocumentRow> = {}): DocumentRow {
  const no = given.no ?? firstDocument(1) + counter
  return { no, tag: sampleTag(no), state: `{"n":${counter}}`, changed: counter, ...given }
}

export function entryRow(document: number, place: number, index = 0, given: Partial<EntryRow> = {}): EntryRow {
  return { document, place, index, commit: place + 1, ov: place, cv: place * 2, ...given }
}

export function indexRow(index: number, key: readonly number[], id: string, document = firstDocument(1)): IndexRow {
  return { index, key: Uint8Array.from(key), id, document }
}

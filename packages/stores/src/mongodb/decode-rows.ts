/** Rows as the contract speaks of them; what their keys hold stands in no field. */

import {
  parseStamp,
  type CommitHead,
  type DocumentRow,
  type EntryRow,
  type FeedRow,
  type ReceiptRow,
  type TouchRow,
} from 'varve/engine'
import { bytesIn, bytesOrNullIn, numberIn, numberOrNullIn, textIn, textOrNullIn } from './cells.ts'
import { KeyReader } from './keys.ts'
import type { Found } from './rows.ts'

/** The only number of a key. */
export function numberOf(name: string): number {
  return new KeyReader(name).number()
}

export function feedOf([name, row]: Found): FeedRow {
  return {
    no: numberOf(name),
    id: bytesIn(row, 'id'),
    publicKey: bytesIn(row, 'publicKey'),
    length: numberIn(row, 'length'),
    head: bytesIn(row, 'head'),
    listed: numberIn(row, 'listed'),
    recorded: numberIn(row, 'recorded'),
  }
}

export function headOf([name, row]: Found): CommitHead {
  return {
    no: numberOf(name),
    feed: numberIn(row, 'feed'),
    seq: numberIn(row, 'seq'),
    stamp: parseStamp(textIn(row, 'stamp')),
    id: bytesIn(row, 'id'),
    header: bytesIn(row, 'header'),
    size: numberIn(row, 'size'),
    signature: bytesOrNullIn(row, 'signature'),
    record: numberOrNullIn(row, 'record'),
    at: numberOrNullIn(row, 'at'),
    refused: textOrNullIn(row, 'refused'),
  }
}

export function receiptOf([name, row]: Found): ReceiptRow {
  return {
    record: numberOf(name),
    commit: numberIn(row, 'commit'),
    at: numberIn(row, 'at'),
    bytes: bytesIn(row, 'bytes'),
    signature: bytesOrNullIn(row, 'signature'),
  }
}

/** Of a row whose state is in its place. */
export function documentOf([name, row]: Found): DocumentRow {
  return {
    no: numberOf(name),
    tag: bytesIn(row, 'tag'),
    state: textOrNullIn(row, 'state'),
    changed: numberIn(row, 'changed'),
  }
}

export function entryOf([name, row]: Found): EntryRow {
  const reader = new KeyReader(name)
  return {
    document: reader.number(),
    place: reader.number(),
    index: reader.number(),
    commit: numberIn(row, 'commit'),
    ov: numberIn(row, 'ov'),
    cv: numberIn(row, 'cv'),
  }
}

export function touchOf([name, row]: Found): TouchRow {
  return { position: numberOf(name), document: numberIn(row, 'document') }
}

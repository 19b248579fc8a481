/** The column lists of the reads, and the contract's rows made of them. */

import {
  parseStamp,
  type CommitHead,
  type CommitRow,
  type DocumentRow,
  type EntryRow,
  type FeedRow,
  type ReceiptRow,
} from 'varve/engine'
import { bytesAt, bytesOrNullAt, numberAt, numberOrNullAt, textAt, textOrNullAt } from './cells.ts'
import { textOfCells } from './heads.ts'
import type { Row } from './pipeline.ts'

export const feedColumns = 'no, id, public_key, length, head, listed, recorded'

export function feedOf(row: Row): FeedRow {
  return {
    no: numberAt(row, 0),
    id: bytesAt(row, 1),
    publicKey: bytesAt(row, 2),
    length: numberAt(row, 3),
    head: bytesAt(row, 4),
    listed: numberAt(row, 5),
    recorded: numberAt(row, 6),
  }
}

const logColumns = 'no, feed, seq, stamp, id, signature, record, at, refused, header'
export const headColumns = `${logColumns}, size`
export const commitColumns = `${logColumns}, bodies`
export const bodilessColumns = `${logColumns}, ''::bytea`

export function headOf(row: Row): CommitHead {
  return { ...logOf(row), size: numberAt(row, 10) }
}

export function commitOf(row: Row): CommitRow {
  return { ...logOf(row), bodies: bytesAt(row, 10) }
}

function logOf(row: Row): Omit<CommitRow, 'bodies'> {
  return {
    no: numberAt(row, 0),
    feed: numberAt(row, 1),
    seq: numberAt(row, 2),
    stamp: parseStamp(textAt(row, 3)),
    id: bytesAt(row, 4),
    header: bytesAt(row, 9),
    signature: bytesOrNullAt(row, 5),
    record: numberOrNullAt(row, 6),
    at: numberOrNullAt(row, 7),
    refused: textOrNullAt(row, 8),
  }
}

export const receiptColumns = 'record, commit_no, at, bytes, signature'

export function receiptOf(row: Row): ReceiptRow {
  return {
    record: numberAt(row, 0),
    commit: numberAt(row, 1),
    at: numberAt(row, 2),
    bytes: bytesAt(row, 3),
    signature: bytesOrNullAt(row, 4),
  }
}

export const documentColumns = 'no, tag, changed, state, state_bytes'

export function documentOf(row: Row): DocumentRow {
  return { no: numberAt(row, 0), tag: bytesAt(row, 1), state: textOfCells(row, 3), changed: numberAt(row, 2) }
}

export const entryColumns = 'document, place, idx, commit_no, ov, cv'

export function entryOf(row: Row): EntryRow {
  return {
    document: numberAt(row, 0),
    place: numberAt(row, 1),
    index: numberAt(row, 2),
    commit: numberAt(row, 3),
    ov: numberAt(row, 4),
    cv: numberAt(row, 5),
  }
}

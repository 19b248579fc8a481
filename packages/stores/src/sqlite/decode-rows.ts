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
import {
  bytesAt,
  bytesColumns,
  bytesOrNullAt,
  numberAt,
  numberColumns,
  numberOrNullAt,
  textAt,
  textOrNullAt,
} from './cells.ts'
import type { Row } from './connection.ts'

export const feedColumns = `no, ${bytesColumns('id', 'public_key')}, ${numberColumns('length')},
  ${bytesColumns('head')}, ${numberColumns('listed', 'recorded')}`

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

const logColumns = `c.no, ${numberColumns('c.feed', 'c.seq')}, ${bytesColumns('c.stamp', 'c.id', 'c.signature')},
  ${numberColumns('c.record', 'c.at')}, ${bytesColumns('c.refused', 'p.header')}`
export const headColumns = `${logColumns}, ${numberColumns('p.size')}`
export const commitColumns = `${logColumns}, ${bytesColumns('p.bodies')}`

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

export const receiptColumns = `record, ${numberColumns('commit_no', 'at')}, ${bytesColumns('bytes', 'signature')}`

export function receiptOf(row: Row): ReceiptRow {
  return {
    record: numberAt(row, 0),
    commit: numberAt(row, 1),
    at: numberAt(row, 2),
    bytes: bytesAt(row, 3),
    signature: bytesOrNullAt(row, 4),
  }
}

export const documentColumns = `d.no, ${bytesColumns('d.tag', 'd.state')}, ${numberColumns('d.changed')}`

export function documentOf(row: Row): DocumentRow {
  return { no: numberAt(row, 0), tag: bytesAt(row, 1), state: textOrNullAt(row, 2), changed: numberAt(row, 3) }
}

/** The row of an outer join, whose cells are null when there is no document. */
export function documentOrNullOf(row: Row | undefined): DocumentRow | null {
  return row === undefined || row[0] === null ? null : documentOf(row)
}

export const entryColumns = numberColumns('document', 'place', 'idx', 'commit_no', 'ov', 'cv')

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

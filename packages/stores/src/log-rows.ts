/** Rows of the log, made of the cells of an SQL engine's rows: which cell is which is the same for all. */

import { parseStamp, type CommitHead, type CommitRow, type FeedRow, type ReceiptRow } from 'varve/engine'

/** An engine's cells as the types they must have. */
export interface Cells<Row> {
  readonly numberAt: (row: Row, column: number) => number
  readonly numberOrNullAt: (row: Row, column: number) => number | null
  readonly bytesAt: (row: Row, column: number) => Uint8Array
  readonly bytesOrNullAt: (row: Row, column: number) => Uint8Array | null
  readonly textAt: (row: Row, column: number) => string
  readonly textOrNullAt: (row: Row, column: number) => string | null
}

/** Each for rows whose cells are in the order that is named here. */
export interface LogRows<Row> {
  /** no, id, public_key, length, head, listed, recorded. */
  readonly feedOf: (row: Row) => FeedRow
  /** no, feed, seq, stamp, id, signature, record, at, refused, header, size. */
  readonly headOf: (row: Row) => CommitHead
  /** The same, with the bodies instead of their size. */
  readonly commitOf: (row: Row) => CommitRow
  /** record, commit_no, at, bytes, signature. */
  readonly receiptOf: (row: Row) => ReceiptRow
}

/**
 * Where a process has several engines, they share what the compiler learns of these functions, so that calls of `cells`
 * are not inlined. Rows without bytes would notice: an entry takes twice as long. So each engine reads those by itself.
 */
export function logRows<Row>(cells: Cells<Row>): LogRows<Row> {
  const { numberAt, numberOrNullAt, bytesAt, bytesOrNullAt, textAt, textOrNullAt } = cells
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
  return {
    feedOf: (row) => ({
      no: numberAt(row, 0),
      id: bytesAt(row, 1),
      publicKey: bytesAt(row, 2),
      length: numberAt(row, 3),
      head: bytesAt(row, 4),
      listed: numberAt(row, 5),
      recorded: numberAt(row, 6),
    }),
    headOf: (row) => ({ ...logOf(row), size: numberAt(row, 10) }),
    commitOf: (row) => ({ ...logOf(row), bodies: bytesAt(row, 10) }),
    receiptOf: (row) => ({
      record: numberAt(row, 0),
      commit: numberAt(row, 1),
      at: numberAt(row, 2),
      bytes: bytesAt(row, 3),
      signature: bytesOrNullAt(row, 4),
    }),
  }
}

/** The column lists of the reads, and the contract's rows made of them. */

import type { DocumentRow, EntryRow } from 'varve/engine'
import { logRows } from '../log-rows.ts'
import * as cells from './cells.ts'
import { bytesAt, numberAt } from './cells.ts'
import { textOfCells } from './heads.ts'
import type { Row } from './pipeline.ts'

export const { feedOf, headOf, commitOf, receiptOf } = logRows<Row>(cells)

export const feedColumns = 'no, id, public_key, length, head, listed, recorded'

const logColumns = 'no, feed, seq, stamp, id, signature, record, at, refused, header'
export const headColumns = `${logColumns}, size`
export const commitColumns = `${logColumns}, bodies`
export const bodilessColumns = `${logColumns}, ''::bytea`

export const receiptColumns = 'record, commit_no, at, bytes, signature'

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

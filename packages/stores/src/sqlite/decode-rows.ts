/** The column lists of the reads, and the contract's rows made of them. */

import type { DocumentRow, EntryRow } from 'varve/engine'
import { logRows } from '../log-rows.ts'
import * as cells from './cells.ts'
import { bytesAt, bytesColumns, numberAt, numberColumns, textOrNullAt } from './cells.ts'
import type { Row } from './connection.ts'

export const { feedOf, headOf, commitOf, receiptOf } = logRows<Row>(cells)

export const feedColumns = `no, ${bytesColumns('id', 'public_key')}, ${numberColumns('length')},
  ${bytesColumns('head')}, ${numberColumns('listed', 'recorded')}`

const logColumns = `c.no, ${numberColumns('c.feed', 'c.seq')}, ${bytesColumns('c.stamp', 'c.id', 'c.signature')},
  ${numberColumns('c.record', 'c.at')}, ${bytesColumns('c.refused', 'p.header')}`
export const headColumns = `${logColumns}, ${numberColumns('p.size')}`
export const commitColumns = `${logColumns}, ${bytesColumns('p.bodies')}`

export const receiptColumns = `record, ${numberColumns('commit_no', 'at')}, ${bytesColumns('bytes', 'signature')}`

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

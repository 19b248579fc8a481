/** A receipt for a commit that is here already: its entries move to their place in the record, or leave. */

import type { CommitHeader, EntryKind } from '../log/header.ts'
import { rowTag } from '../log/tag.ts'
import type { Head } from '../document/head.ts'
import { stampMs } from '../encoding/stamp.ts'
import { limits } from '../limits.ts'
import { VarveError } from '../errors.ts'
import { pendingPlace, type CommitRow } from '../store/rows.ts'
import type { CheckedReceipt } from './check.ts'
import { checkCvs, miscounted } from './counting.ts'
import type { Replica } from './replica.ts'
import { enterStandings } from './standings.ts'
import type { Subject } from './subjects.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** Applies the verdict to its stored subject, whose documents must be loaded. */
export function applyVerdict(replica: Replica, set: WorkingSet, checked: CheckedReceipt): void {
  const { row, header } = subjectOf(checked)
  const { receipt, record } = checked
  const refused = receipt.refused?.code ?? null
  set.verdicts.push({ commit: row.no, record, at: receipt.at, refused })
  const folded = row.refused === null
  set.unhold(row.no)
  if (refused === 'CLOCK_AHEAD') set.leaveFuture(row.feed)
  if (refused === null) {
    checkCvs(set, header.collections, { record, receipt })
    set.seeStamp(row.stamp, true)
  }
  judgeStandings(replica, set, row, header, checked)
  header.entries.forEach(({ kind }, index) => {
    const document = documentOf(set, header, index)
    const move = { set, document, row, index, kind, collection: Math.floor(document.no / 0x1_0000_0000), folded }
    if (refused === null) accept(move, checked)
    else if (folded) withdraw(move)
  })
}

function judgeStandings(
  { feeds }: Replica,
  set: WorkingSet,
  row: CommitRow,
  header: CommitHeader,
  { record, receipt, feed }: CheckedReceipt,
): void {
  const publicKey = feeds.get(row.feed)?.publicKey ?? new Uint8Array()
  const counts = receipt.refused === null
  const recorded = { record, at: receipt.at }
  enterStandings(set, {
    commit: row.no,
    author: publicKey,
    stamp: row.stamp,
    feed,
    recorded,
    counts,
    changes: header.standings,
  })
}

interface Move {
  readonly set: WorkingSet
  readonly document: WorkingDocument
  readonly row: CommitRow
  readonly index: number
  readonly kind: EntryKind
  readonly collection: number
  /** False when the commit was held back until now. */
  readonly folded: boolean
}

function subjectOf({ subject, record }: CheckedReceipt): Subject {
  if (subject === null || subject.row.record !== null) {
    throw new VarveError('TAMPERED', `Receipt ${record} speaks of a commit that is absent or recorded already`, {
      details: { record },
    })
  }
  return subject
}

function documentOf(set: WorkingSet, header: CommitHeader, index: number): WorkingDocument {
  const entry = header.entries[index]
  const collection = entry === undefined ? undefined : header.collections[entry.collection]
  if (entry === undefined || collection === undefined)
    throw new VarveError('TAMPERED', 'A stored commit header is damaged: run verify')
  return set.document(rowTag(collection, entry.tag), set.collectionByTag(collection, null).no)
}

function accept(
  { set, document, row, index, kind, collection, folded }: Move,
  { record, receipt }: CheckedReceipt,
): void {
  const { head } = document
  const ov = head.recorded
  if (receipt.ovs[index] !== ov) throw miscounted(record, `version ${String(receipt.ovs[index])}`, ov)
  const counter = set.collection(collection)
  const cv = counter.recorded
  set.setCollection({ ...counter, recorded: cv + 1, pending: counter.pending - (folded ? 1 : 0) })
  if (folded) set.entriesRemoved.push({ document: document.no, place: pendingPlace + row.no, index })
  set.enter({ document: document.no, place: record, index, commit: row.no, ov, cv }, kind, receipt.at)
  document.touched = true
  const updatedAt = folded ? updatedThen(head, row, receipt.at) : null
  // What was held back, or was deleted, changes more than numbers.
  if (updatedAt === null || head.state.status !== 'live') {
    document.refold = true
    document.head = { ...head, recorded: ov + 1, pending: head.pending - (folded ? 1 : 0) }
    return
  }
  const insertedAt = ov === 0 ? receipt.at : head.insertedAt
  document.head = { ...head, recorded: ov + 1, pending: head.pending - 1, cv, insertedAt, updatedAt }
  set.folded(document, record)
}

/**
 * When a head was last updated, once one of its pending entries is recorded: then, or when the latest of those that
 * are still pending was authored. Null when that cannot be told from the head, or the head is due for a snapshot.
 */
function updatedThen({ recorded, pending, updatedAt }: Head, row: CommitRow, at: number): number | null {
  if (pending === 1 || updatedAt <= at) return pending > 1 && isSnapshotDue(recorded + 1) ? null : at
  // The later time may be that of the entry itself, which counts by its trusted time from now on.
  return stampMs(row.stamp) < updatedAt && !isSnapshotDue(recorded + 1) ? updatedAt : null
}

function isSnapshotDue(recorded: number): boolean {
  return recorded % limits.snapshotEvery === 0
}

function withdraw({ set, document, row, index, collection }: Move): void {
  const counter = set.collection(collection)
  set.setCollection({ ...counter, pending: counter.pending - 1 })
  set.entriesRemoved.push({ document: document.no, place: pendingPlace + row.no, index })
  document.head = { ...document.head, pending: document.head.pending - 1 }
  document.refold = true
}

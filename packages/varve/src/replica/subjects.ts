/** The stored commits that a run of receipts speaks of, read together. */

import { toHex } from '../encoding/bytes.ts'
import { decodeHeader, type CommitHeader } from '../log/header.ts'
import type { RecordRun } from '../log/unit.ts'
import type { CommitRow } from '../store/rows.ts'
import type { Replica } from './replica.ts'

/** A commit that is stored already. */
export interface Subject {
  readonly row: CommitRow
  readonly header: CommitHeader
}

/** By `subjectName`; commits that are neither stored nor wanted are absent. */
export async function storedSubjects(
  replica: Replica,
  receipts: RecordRun['receipts'],
  isInUnit: (name: string) => boolean,
): Promise<ReadonlyMap<string, Subject>> {
  const found = new Map<string, Subject>()
  const ranges = new Map<string, { feed: Uint8Array; from: number; end: number }>()
  for (const { feed, seq } of receipts) {
    const name = toHex(feed)
    if (isInUnit(`${name}/${seq}`)) continue
    const range = ranges.get(name)
    if (range === undefined) ranges.set(name, { feed, from: seq, end: seq + 1 })
    else ranges.set(name, { feed, from: Math.min(range.from, seq), end: Math.max(range.end, seq + 1) })
  }
  for (const [name, { feed, from, end }] of ranges) {
    const known = replica.feedById(feed)
    // A run that names far apart commits of a feed is wrong anyway: no more is read than it has receipts.
    const count = Math.min(end - from, receipts.length)
    const rows = known === undefined ? [] : await replica.store.commits(known.no, from, count)
    for (const row of rows) found.set(`${name}/${row.seq}`, { row, header: decodeHeader(row.header) })
  }
  return found
}

/** A commit by its feed and sequence, as a text for maps. */
export function subjectName(feed: Uint8Array, seq: number): string {
  return `${toHex(feed)}/${seq}`
}

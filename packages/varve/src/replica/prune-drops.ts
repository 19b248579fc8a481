/** Which commits may lose their bodies: those of which every entry lies below the edge of its document. */

import { rowTags } from '../log/tag.ts'
import type { EntryRow } from '../store/rows.ts'
import type { ReadCommit } from './reader.ts'
import type { Replica } from './replica.ts'

/** Record numbers of edges that are about to be made, by document. */
export type PlannedEdges = ReadonlyMap<number, number>

/** A commit whose bodies go. */
export interface DroppedCommit {
  readonly no: number
  readonly size: number
}

/** Edges asked for at once. */
const lanes = 32

/** Of the commits that these rows belong to, those of which nothing is kept once the planned edges are there. */
export async function droppedBy(
  replica: Replica,
  rows: readonly EntryRow[],
  planned: PlannedEdges,
): Promise<readonly DroppedCommit[]> {
  const { dropped } = replica.reader.pruned
  const found: DroppedCommit[] = []
  const nos = [...new Set(rows.map(({ commit }) => commit))].filter((no) => !dropped.has(no))
  // Few at a time: a header may name thousands of documents.
  for (let i = 0; i < nos.length; i += lanes) {
    for (const commit of (await replica.reader.commits(nos.slice(i, i + lanes))).values()) {
      const { no, size } = commit.head
      if (await isBelow(replica, commit, planned)) found.push({ no, size })
    }
  }
  return found
}

async function isBelow(replica: Replica, { head, header }: ReadCommit, planned: PlannedEdges): Promise<boolean> {
  const { record } = head
  if (record === null || head.refused !== null) return false
  // From its end: documents are pruned in the order of the record, so that the last of them decide.
  for (let end = header.entries.length; end > 0; end -= lanes) {
    const entries = header.entries.slice(Math.max(0, end - lanes), end)
    const documents = await replica.store.documents(rowTags({ ...header, entries }))
    const below = await Promise.all(
      documents.map(async (document) => {
        if (document === null) return false
        const edge = planned.get(document.no) ?? (await replica.reader.pruned.edge(document.no))?.record ?? -1
        return record < edge
      }),
    )
    if (below.includes(false)) return false
  }
  return true
}

/** Local numbers, those that follow each other in one range. */
export function rangesOf(commits: readonly number[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  for (const no of commits.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last.to === no - 1) last.to = no
    else ranges.push({ from: no, to: no })
  }
  return ranges
}

/** Where the past of one document is cut: at the newest version the rule lets go of everything before, if that can be. */

import { decodeHead, type Order } from '../document/head.ts'
import { toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { pendingPlace, type DocumentRow, type EntryRow } from '../store/rows.ts'
import { rowAtRecord, rowOfVersion } from './history.ts'
import type { Replica } from './replica.ts'

/** What goes: versions that stood before the last one at record `record` or earlier (−1: none for their age), and those before the newest `keep` (null: none for their number). */
export interface PruneRule {
  readonly record: number
  readonly keep: number | null
}

/** A part of a document's past that goes in one batch. */
export interface PrunePiece {
  readonly row: DocumentRow
  /** The first version that goes, and the one that becomes the edge. */
  readonly from: number
  readonly fromPlace: number
  readonly edge: EntryRow
}

/** Versions of one piece, about. */
const pieceVersions = 2048
const pageRows = 512

/** The pieces of a document, oldest first; `waits` when it has commits without receipts, which may still move. */
export async function planDocument(
  replica: Replica,
  row: DocumentRow,
  { record, keep }: PruneRule,
): Promise<readonly PrunePiece[] | 'waits'> {
  if (row.state === null) return []
  const head = decodeHead(row.state)
  const edge = await replica.reader.pruned.edge(row.no)
  const first = edge?.ov ?? 0
  const byAge = record < 0 ? 0 : ((await rowAtRecord(replica.store, row.no, record))?.ov ?? 0)
  const target = Math.max(byAge, keep === null ? 0 : head.recorded - keep)
  if (target <= first) return []
  if (head.pending > 0) return 'waits'
  const place = edge?.record ?? 0
  const cuts = isInOrder(replica)
    ? await evenCuts(replica, row.no, first, target)
    : await cleanCuts(replica, row.no, place, target)
  if (replica.context.mode === 'sealed' && !(await isUnderOneKey(replica, row.no, { place, cuts, name: head.key })))
    return []
  const pieces: PrunePiece[] = []
  let [from, fromPlace] = [first, place]
  for (const cut of cuts) {
    if (cut.ov <= from) continue
    pieces.push({ row, from, fromPlace, edge: cut })
    from = cut.ov
    fromPlace = cut.place
  }
  return pieces
}

/**
 * Whether everything up to the last cut is under the named key of the document: what is kept of it goes with that key.
 * Throws `KEY_MISSING` for what cannot be read.
 */
async function isUnderOneKey(
  { store, reader, context }: Replica,
  document: number,
  { place, cuts, name }: { readonly place: number; readonly cuts: readonly EntryRow[]; readonly name: string | null },
): Promise<boolean> {
  const end = cuts.at(-1)?.place ?? 0
  for (let next = place; next <= end;) {
    const rows = await store.entries(document, { from: next, to: end + 1, limit: pageRows })
    const commits = await reader.commits(rows.map(({ commit }) => commit))
    for (const { commit, index } of rows) {
      const { keys, entries } = commits.get(commit)?.header ?? { keys: [], entries: [] }
      const id = keys[entries[index]?.key ?? -1]
      // One that should be sealed and is not counts as a version and changes nothing.
      const key = id === undefined ? undefined : context.keys.byId(toHex(id))
      if (key === null) throw locked(context.name, id)
      if (key !== undefined && key.name !== (name ?? context.defaultKey)) return false
    }
    next = (rows.at(-1)?.place ?? end) + 1
  }
  return true
}

function locked(database: string, id: Uint8Array = new Uint8Array()): VarveError {
  return new VarveError(
    'KEY_MISSING',
    `"${database}" cannot be pruned here: it holds entries under a key that is not held; import it first`,
    { details: { keyId: toHex(id) } },
  )
}

/** Stamps of one feed ascend, and the record keeps its order. */
function isInOrder({ feeds }: Replica): boolean {
  let writing = 0
  for (const { length } of feeds.values()) if (length > 0) writing++
  return writing < 2
}

/** Every so many versions, and the last at the target. */
async function evenCuts(
  { store }: Replica,
  document: number,
  first: number,
  target: number,
): Promise<readonly EntryRow[]> {
  const cuts: EntryRow[] = []
  for (let ov = first; ov < target;) {
    ov = Math.min(target, ov + pieceVersions)
    const row = await rowOfVersion(store, document, ov)
    if (row !== null) cuts.push(row)
  }
  return cuts
}

/** Versions up to one of which everything is before everything later, in time too. */
interface Block {
  readonly max: Order
  readonly end: EntryRow
}

/**
 * Cuts that part the past cleanly: what comes after one in the record comes after it in time as well, or it could not be
 * folded on what is kept. Reads the headers of all that is kept.
 */
async function cleanCuts(
  replica: Replica,
  document: number,
  place: number,
  target: number,
): Promise<readonly EntryRow[]> {
  const { store, reader, compare } = replica
  const blocks: Block[] = []
  for (let next = place; ;) {
    const rows = await store.entries(document, { from: next, to: pendingPlace, limit: pageRows })
    const commits = await reader.commits(rows.map(({ commit }) => commit))
    for (const end of rows) {
      const head = commits.get(end.commit)?.head
      if (head === undefined) continue
      const order = { stamp: head.stamp, feed: head.feed }
      let max = order
      for (let top = blocks.at(-1); top !== undefined && compare(top.max, order) >= 0; top = blocks.at(-1)) {
        if (compare(top.max, max) > 0) max = top.max
        blocks.pop()
      }
      if (end.ov <= target) blocks.push({ max, end })
    }
    const last = rows.at(-1)
    if (last === undefined) break
    next = last.place + 1
  }
  return thinned(blocks.map(({ end }) => end))
}

/** As few as keep pieces small, the last among them. */
function thinned(cuts: readonly EntryRow[]): readonly EntryRow[] {
  const kept: EntryRow[] = []
  let from = cuts[0]?.ov ?? 0
  for (const [i, cut] of cuts.entries()) {
    const next = cuts[i + 1]
    if (next !== undefined && next.ov - from <= pieceVersions) continue
    kept.push(cut)
    from = cut.ov
  }
  return kept
}

/** One batch of pruning: edges are made, bodies dropped and what is known of it written, all or nothing. */

import type { Head } from '../document/head.ts'
import { toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { DocumentRow, EntryRow } from '../store/rows.ts'
import type { SealKey } from './context.ts'
import { edgeName, encodeEdge, type Edge } from './edge-mark.ts'
import { entryRows, foldBelow } from './history.ts'
import { droppedBy, rangesOf, type DroppedCommit, type PlannedEdges } from './prune-drops.ts'
import type { PrunePiece } from './prune-plan.ts'
import { encodePruned, prunedName, type PrunedState } from './pruned.ts'
import type { Replica } from './replica.ts'
import { newerFormat } from './reader.ts'
import { emptiedSnapshot } from './verify-pruned.ts'
import type { WorkingSet } from './working.ts'

/** What pruning took, or would take. */
export interface PruneReport {
  /** Versions that are gone. */
  readonly versions: number
  /** Commits whose bodies are gone, and how many bytes those had. */
  readonly commits: number
  readonly bytes: number
}

export const nothingPruned: PruneReport = { versions: 0, commits: 0, bytes: 0 }

export function sumOf(a: PruneReport, b: PruneReport): PruneReport {
  return { versions: a.versions + b.versions, commits: a.commits + b.commits, bytes: a.bytes + b.bytes }
}

/** How far pruning has gone once a batch is stored. */
export type Progress = Partial<Pick<PrunedState, 'days' | 'count' | 'kept'>>

/** Throws `FORBIDDEN` and `UNSUPPORTED`: what cannot be pruned here, or not yet. */
export async function assertPrunable({ context, records, store }: Replica): Promise<void> {
  const where = `"${context.name}" cannot be pruned here`
  if (!records)
    throw new VarveError('FORBIDDEN', `${where}: this device does not record it; prune where it is recorded`)
  if (context.keepStandings !== undefined)
    throw new VarveError('UNSUPPORTED', `${where}: who belongs to the tenant is told by its whole past`)
  if (context.blind === true || (await store.locked(newerFormat, 0, 1)).length > 0)
    throw new VarveError('UNSUPPORTED', `${where}: it holds entries that this Varve cannot read; update Varve first`)
}

/** What the pieces would take, with the edges that others planned so far. */
export async function measure(
  replica: Replica,
  pieces: readonly PrunePiece[],
  planned: PlannedEdges,
): Promise<PruneReport> {
  const rows: EntryRow[] = []
  for (const piece of pieces) rows.push(...(await goingRows(replica, piece)))
  return reportOf(rows, await droppedBy(replica, rows, planned))
}

/**
 * Prunes the pieces, the last of each document, in one write together with how far that goes. Null, and nothing is
 * written, when one of the documents has changed since it was planned.
 */
export async function pruneBatch(
  replica: Replica,
  pieces: readonly PrunePiece[],
  progress: Progress,
): Promise<PruneReport | null> {
  try {
    return await replica.update(async (set) => {
      // The record may have been handed over since, and entries may have come that cannot be read.
      await assertPrunable(replica)
      if (!(await areUnchanged(replica, pieces))) return null
      return collect(replica, set, pieces, progress)
    })
  } catch (error) {
    // Whether it was stored is not always known.
    await replica.reader.pruned.load().catch(() => undefined)
    throw error
  }
}

async function areUnchanged({ store, reader }: Replica, pieces: readonly PrunePiece[]): Promise<boolean> {
  const rows = await store.documentsByNo(pieces.map(({ row }) => row.no))
  for (const [i, { row, from }] of pieces.entries()) {
    const edge = await reader.pruned.edge(row.no)
    if (rows[i]?.state !== row.state || (edge?.ov ?? 0) !== from) return false
  }
  return true
}

async function collect(
  replica: Replica,
  set: WorkingSet,
  pieces: readonly PrunePiece[],
  progress: Progress,
): Promise<PruneReport> {
  const { pruned } = replica.reader
  const edges = new Map<number, Edge>()
  const planned = new Map(pieces.map(({ row, edge }) => [row.no, edge.place]))
  const going: EntryRow[] = []
  for (const piece of pieces) {
    going.push(...(await goingRows(replica, piece)))
    edges.set(piece.row.no, await makeEdge(replica, set, piece))
  }
  const drops = await droppedBy(replica, going, planned)
  const pages = pruned.dropped.with(drops.map(({ no }) => no))
  const report = reportOf(going, drops)
  const reach = Math.max(pruned.state.reach, ...[...edges.values()].map(({ record }) => record + 1))
  const state = { ...pruned.state, ...sumOf(pruned.state, report), ...progress, reach }
  for (const [name, page] of pages) set.values.set(name, page)
  set.values.set(prunedName, encodePruned(state))
  set.bodiesDropped.push(...rangesOf(drops.map(({ no }) => no)))
  set.pruning = { state, edges }
  pruned.expect(pages)
  return report
}

/** Versions of a piece: those below its edge that no earlier one took. */
function goingRows({ store }: Replica, { row, fromPlace, edge }: PrunePiece): Promise<readonly EntryRow[]> {
  return entryRows(store, row.no, fromPlace, edge.place)
}

async function makeEdge(replica: Replica, set: WorkingSet, { row, edge, fromPlace }: PrunePiece): Promise<Edge> {
  const { store, reader, compare, context } = replica
  const head = await foldBelow({ store, reader, compare }, row.no, edge.place + 1)
  const at = await timeOf(replica, edge, head)
  const { ov, cv, place: record } = edge
  const key = context.mode === 'open' ? null : keyOf(replica, head)
  const sealedBy = key === null ? null : toHex(key.id)
  const { insertedAt: createdAt, order } = head
  const made: Edge = { ov, cv, record, at, createdAt, order, head, sealedBy, isLocked: false }
  set.values.set(edgeName(row.no), encodeEdge(context, row.no, made, key))
  await emptySnapshots(replica, set, row, { from: fromPlace, to: edge.place })
  return made
}

/** The newest version of the document's own key. */
function keyOf({ context: { keys, defaultKey } }: Replica, head: Head): SealKey {
  const name = head.key ?? defaultKey
  const key = keys.current(name)
  if (key !== null) return key
  throw new VarveError('KEY_MISSING', `The key "${name}" is needed to prune what is under it: import it`, {
    details: { key: name },
  })
}

/** Throws `TAMPERED` when the log is not sound. */
async function timeOf({ reader }: Replica, { commit, ov }: EntryRow, head: Head): Promise<number> {
  const at = (await reader.commits([commit])).get(commit)?.head.at ?? null
  if (at !== null && head.recorded === ov + 1) return at
  throw new VarveError('TAMPERED', `Version ${ov} of "${head.state.id}" cannot become an edge: run verify`, {
    details: { id: head.state.id, ov },
  })
}

/** Snapshots hold what was: those up to the edge lose it. Their rows stay, since stores remove none below others. */
async function emptySnapshots(
  { store }: Replica,
  set: WorkingSet,
  { no: document }: DocumentRow,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  for (let below = to + 1; ;) {
    const snapshot = await store.snapshot(document, below)
    if (snapshot === null || snapshot.place < from) return
    set.snapshotsAnew.push({ document, place: snapshot.place, state: emptiedSnapshot })
    below = snapshot.place
  }
}

function reportOf(going: readonly EntryRow[], drops: readonly DroppedCommit[]): PruneReport {
  return { versions: going.length, commits: drops.length, bytes: drops.reduce((sum, { size }) => sum + size, 0) }
}

/** Checking the edges of pruned documents against what is left: rows, headers of commits, and the signature. */

import { VarveError } from '../errors.ts'
import { noOrder, type Order } from '../document/head.ts'
import { pendingPlace, type EntryRow } from '../store/rows.ts'
import { isOwnEdge, type EdgeMark } from './edge-mark.ts'
import type { ReadCommit } from './reader.ts'
import type { Replica } from './replica.ts'

/** What pruning left of a snapshot: its row stays until another takes its place. */
export const emptiedSnapshot = '[]'

/** What is wrong with the edge of the document with this local number; `rows` are all of its entries, in record order. */
export async function edgeProblems(
  replica: Replica,
  document: number,
  mark: EdgeMark,
  rows: readonly EntryRow[],
): Promise<readonly string[]> {
  const { edge } = mark
  const problems: string[] = []
  const row = rows[edge.ov]
  if (row === undefined || row.place >= pendingPlace || row.place !== edge.record || row.cv !== edge.cv)
    problems.push(`its edge is not version ${edge.ov}`)
  const { head } = edge
  if (head.recorded !== edge.ov + 1 || head.pending !== 0 || head.cv !== edge.cv)
    problems.push('the state at its edge is of another version')
  if (!isOwnEdge(replica.context, document, mark)) problems.push('its edge is not signed by this device')
  const { dropped } = replica.reader.pruned
  for (const { ov, place, commit } of rows)
    if (place >= edge.record && dropped.has(commit)) problems.push(`version ${ov} is kept, and its body was dropped`)
  const commits = await replica.reader.commits(rows.map(({ commit }) => commit))
  return [...problems, ...timeProblems(replica, mark, rows, commits)]
}

/** Times and places in time as the headers tell them. */
function timeProblems(
  { compare }: Replica,
  { edge }: EdgeMark,
  rows: readonly EntryRow[],
  commits: ReadonlyMap<number, ReadCommit>,
): readonly string[] {
  const headOf = ({ commit }: EntryRow): ReadCommit['head'] => {
    const found = commits.get(commit)?.head
    if (found === undefined) throw new VarveError('TAMPERED', `Commit ${commit} is missing from the store`)
    return found
  }
  const orderOf = (row: EntryRow): Order => ({ stamp: headOf(row).stamp, feed: headOf(row).feed })
  const { head } = edge
  const problems: string[] = []
  const [first, last] = [rows[0], rows[edge.ov]]
  if (last !== undefined && (headOf(last).at !== edge.at || head.updatedAt !== edge.at))
    problems.push('the time of its edge is not that of the receipt')
  if (first !== undefined && (headOf(first).at !== edge.createdAt || head.insertedAt !== edge.createdAt))
    problems.push('the state at its edge was created at another time')
  const orders = rows.map(orderOf)
  const latest = orders.slice(0, edge.ov + 1).reduce((a, b) => (compare(a, b) < 0 ? b : a), noOrder)
  if (compare(latest, edge.order) !== 0 || (!edge.isLocked && compare(edge.order, head.order) !== 0))
    problems.push('the state at its edge ends with another entry')
  if (orders.slice(edge.ov + 1).some((order) => compare(order, edge.order) <= 0))
    problems.push('an entry above its edge belongs below')
  return problems
}

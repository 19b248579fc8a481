/** Planning: which index, if any, reads the fewest documents for a predicate and a sort. */

import { compareText } from './compare.ts'
import { readIndex, targetOf, type IndexInfo, type IndexRead } from './plan-index.ts'
import type { Predicate } from './predicate.ts'
import { breadth } from './ranges.ts'
import type { SortOrder } from './sort.ts'
import type { QueryPlan } from './types.ts'

export type { IndexInfo } from './plan-index.ts'

const breadthWords = ['nothing can match', 'equality', 'range', 'open range'] as const

/**
 * The plan of a query. Ids named by the filter come first, then the index that leaves the fewest rows, then
 * one that gives the sort, then every document. Ranges cover a superset: the matcher decides.
 */
export function planQuery(predicate: Predicate, order: SortOrder, indexes: readonly IndexInfo[]): QueryPlan {
  const ids = namedIds(predicate)
  const byId = order.length === 0 || order[0]?.path === 'id'
  const idReverse = order[0]?.direction === -1
  const none = { index: null, path: null, paths: null, ranges: [], lead: [], exact: false, repeats: false } as const
  const reverse = byId && idReverse
  if (ids !== null) return { ...none, ids, reverse, sorted: byId, reason: 'the filter names ids' }
  const reads = indexes.map((info) => readIndex(targetOf(info), predicate, order))
  const narrow = cheapest(reads.filter(({ parts }) => parts.length > 0))
  if (narrow !== null) return planOf(narrow, byId, filterReason(narrow))
  const base = { ...none, ids: null, reverse }
  if (order.length === 0) return { ...base, sorted: true, reason: 'every document, as stored' }
  if (byId) return { ...base, reverse: false, sorted: false, reason: 'every document, then sorted by id' }
  const ordered = reads
    .filter(({ given }) => given > 0)
    .toSorted((a, b) => b.given - a.given || a.target.parts.length - b.target.parts.length)[0]
  if (ordered === undefined)
    return { ...base, sorted: false, reason: 'every document: no index has a path of the query' }
  return planOf(ordered, byId, `order of ${named(ordered.target.info.paths)}, every document`)
}

/** True when the filter names the ids that can match, so that no index is asked. */
export function namesIds(predicate: Predicate): boolean {
  return namedIds(predicate) !== null
}

/** True when documents come in the order in which they are stored, which only their place knows. */
export function readsAsStored(plan: QueryPlan, order: SortOrder): boolean {
  return order.length === 0 && plan.index === null && plan.ids === null
}

function cheapest(reads: readonly IndexRead[]): IndexRead | null {
  let best: IndexRead | null = null
  for (const read of reads) if (best === null || read.cost < best.cost) best = read
  return best
}

function planOf(read: IndexRead, byId: boolean, reason: string): QueryPlan {
  const { info } = read.target
  // Rows of one whole key come by id; beyond that only the order of the keys is known.
  const sorted = read.ranges.length === 0 || (byId && read.whole) || read.given > 0
  return {
    index: info.no,
    path: info.paths[0] ?? null,
    paths: info.paths,
    ranges: read.ranges,
    ids: null,
    reverse: sorted && read.reverse,
    sorted,
    lead: read.lead,
    exact: read.exact,
    repeats: read.repeats,
    reason,
  }
}

function filterReason({ target, parts }: IndexRead): string {
  return parts.map((ranges, i) => `${breadthWords[breadth(ranges)]} on "${target.info.paths[i] ?? ''}"`).join(', ')
}

function named(paths: readonly string[]): string {
  return paths.map((path) => `"${path}"`).join(', ')
}

/** The ids that a top-level condition on `id` allows, ascending; null when there is none. */
function namedIds(predicate: Predicate): readonly string[] | null {
  if (predicate.kind === 'and') {
    for (const part of predicate.of) {
      const ids = namedIds(part)
      if (ids !== null) return ids
    }
    return null
  }
  if (predicate.kind !== 'path' || predicate.segments.length !== 1 || predicate.segments[0] !== 'id') return null
  const { test } = predicate
  if (test.op === 'eq') return typeof test.value === 'string' ? [test.value] : []
  if (test.op !== 'in' || test.patterns.length > 0) return null
  return [...test.scalars].filter((value) => typeof value === 'string').toSorted(compareText)
}

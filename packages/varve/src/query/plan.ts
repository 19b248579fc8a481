/** Planning: which index, if any, reads the fewest documents for a predicate and a sort. */

import { joinPath, splitPath } from '../encoding/path.ts'
import { compareText } from './compare.ts'
import { arrayIndex } from './matcher.ts'
import { wholeRange } from './order-key.ts'
import type { Predicate } from './predicate.ts'
import { breadth, intersection, isPoint, testRanges, unionOf, type Ranges } from './ranges.ts'
import type { SortOrder } from './sort.ts'
import type { QueryPlan } from './types.ts'

/** An index as the planner knows it. */
export interface IndexInfo {
  readonly no: number
  readonly path: string
  /** False when every document has exactly one key, which allows tighter ranges; unknown counts as true. */
  readonly multikey?: boolean
}

/** An index prepared for one planning. */
interface Target {
  readonly info: IndexInfo
  readonly path: string
  readonly multikey: boolean
  readonly numeric: boolean
}

const breadthWords = ['nothing can match', 'equality', 'range', 'open range'] as const

/**
 * The plan of a query. Ids named by the filter come first, then the index with the narrowest ranges, then
 * one that gives the sort, then every document. Ranges cover a superset: the matcher decides.
 */
export function planQuery(predicate: Predicate, order: SortOrder, indexes: readonly IndexInfo[]): QueryPlan {
  const ids = namedIds(predicate)
  const byId = order.length === 0 || order[0]?.path === 'id'
  const idReverse = order[0]?.direction === -1
  const base = { index: null, path: null, ranges: [], ids: null, reverse: byId && idReverse, repeats: false } as const
  if (ids !== null) return { ...base, ids, sorted: byId, reason: 'the filter names ids' }
  const targets = indexes.map(targetOf)
  const narrow = narrowest(predicate, order, targets)
  if (narrow !== null) return narrow
  if (order.length === 0) return { ...base, sorted: true, reason: 'every document, as stored' }
  if (byId) return { ...base, reverse: false, sorted: false, reason: 'every document, then sorted by id' }
  const target = targets.find((candidate) => givesOrder(candidate, order))
  if (target === undefined)
    return { ...base, sorted: false, reason: 'every document: no index has a path of the query' }
  return {
    ...read(target, [wholeRange]),
    reverse: idReverse,
    sorted: true,
    reason: `order of "${target.info.path}", every document`,
  }
}

function targetOf(info: IndexInfo): Target {
  const segments = splitPath(info.path)
  return {
    info,
    path: joinPath(segments),
    multikey: info.multikey ?? true,
    numeric: segments.some((segment) => arrayIndex(segment) >= 0),
  }
}

function givesOrder(target: Target, order: SortOrder): boolean {
  const [first] = order
  return first !== undefined && joinPath(first.segments) === target.path
}

function read(target: Target, ranges: Ranges) {
  const single = ranges.length === 1 && ranges.every(isPoint)
  const repeats = target.multikey && !single
  return { index: target.info.no, path: target.info.path, ranges, ids: null, repeats }
}

function narrowest(predicate: Predicate, order: SortOrder, targets: readonly Target[]): QueryPlan | null {
  let best: { target: Target; ranges: Ranges; cost: number } | null = null
  for (const target of targets) {
    const ranges = rangesOn(target, predicate, [])
    if (ranges === null) continue
    const cost = breadth(ranges) * 1e6 + Math.min(ranges.length, 1e5) * 2 + (givesOrder(target, order) ? 0 : 1)
    if (best === null || cost < best.cost) best = { target, ranges, cost }
  }
  if (best === null) return null
  const { target, ranges } = best
  const [first] = ranges
  const single = first !== undefined && ranges.length === 1 && isPoint(first)
  // Rows of one key come by id; several keys of a document would disturb the order within ranges.
  const byId = (order.length === 0 || order[0]?.path === 'id') && single
  const sorted = ranges.length === 0 || byId || (givesOrder(target, order) && !target.multikey)
  return {
    ...read(target, ranges),
    reverse: sorted && order[0]?.direction === -1,
    sorted,
    reason: `${breadthWords[breadth(ranges)]} on "${target.info.path}"`,
  }
}

/** Ranges of the index that hold a key of every document the predicate can be true for; null for all. */
function rangesOn(target: Target, predicate: Predicate, prefix: readonly string[]): Ranges | null {
  switch (predicate.kind) {
    case 'not':
      return null
    case 'or':
      return unionOf(predicate.of.map((part) => rangesOn(target, part, prefix)))
    case 'and':
      return conjunction(target, predicate.of, prefix)
    case 'path': {
      const { test } = predicate
      const segments = [...prefix, ...predicate.segments]
      const path = joinPath(segments)
      if (path === target.path) return testRanges(test, target.numeric)
      const inside =
        test.op === 'element' && test.of === 'objects' && !target.numeric && target.path.startsWith(`${path}.`)
      return inside ? rangesOn(target, test.where, segments) : null
    }
  }
}

/** With several keys each condition may be met by another one, so only the narrowest condition counts. */
function conjunction(target: Target, parts: readonly Predicate[], prefix: readonly string[]): Ranges | null {
  let best: Ranges | null = null
  for (const part of parts) {
    const ranges = rangesOn(target, part, prefix)
    if (ranges === null) continue
    if (best === null) best = ranges
    else if (!target.multikey) best = intersection(best, ranges)
    else if (breadth(ranges) < breadth(best) || (breadth(ranges) === breadth(best) && ranges.length < best.length))
      best = ranges
  }
  return best
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

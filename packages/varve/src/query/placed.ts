/** A running query, and the step all its strategies share: matching a page and placing what matched. */

import { matches } from './matcher.ts'
import { readsAsStored } from './plan.ts'
import type { Predicate } from './predicate.ts'
import { comparePositions, positionOf, type Position, type SortOrder } from './sort.ts'
import type { Candidate, QuerySource } from './source.ts'
import type { QueryPlan } from './types.ts'

/** A query ready to run: what all strategies share. */
export interface Run {
  readonly source: QuerySource
  readonly plan: QueryPlan
  readonly predicate: Predicate
  readonly order: SortOrder
  readonly limit: number
  readonly position: Position | null
}

/** A matching document with its place in the order. */
export interface Placed extends Position {
  readonly candidate: Candidate
}

/** The matching documents of a page that come after the cursor, with their places. */
export function placeMatches(run: Run, page: readonly Candidate[]): Placed[] {
  const placed: Placed[] = []
  // A scan without a sort begins exactly after the cursor, in an order that only the source knows.
  const resumed = readsAsStored(run.plan, run.order)
  for (const candidate of page) {
    if (!matches(run.predicate, candidate.doc)) continue
    const { keys, id } = positionOf(run.order, candidate.doc, candidate.id)
    const item = { keys, id, candidate }
    if (run.position === null || resumed || comparePositions(run.order, item, run.position) > 0) placed.push(item)
  }
  return placed
}

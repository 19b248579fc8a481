/** What a query reads from: the contract between the query layer and whoever holds documents and index rows. */

import type { JsonObject } from '../encoding/json.ts'
import { compareBytes } from '../encoding/bytes.ts'
import { orderKey, type KeyRange } from './order-key.ts'
import { nextKey, type Ranges } from './ranges.ts'
import type { Position, SortOrder } from './sort.ts'
import type { QueryPlan } from './types.ts'

/** A document that may match, as the matcher wants it: `doc` is `{ ...attributes, id, _system }`. */
export interface Candidate {
  readonly id: string
  readonly doc: JsonObject
}

/** Where a scan begins: right after the document with id `after`, in the source's own lasting order. */
export interface ScanRange {
  readonly after?: string
}

/**
 * One unchanging state of a collection, read in pages. Deleted documents are left out unless the caller of
 * the query wants them. Iterators are returned early when enough was read.
 */
export interface QuerySource {
  /** Every document, in an order that is the same at every scan. */
  scan(range: ScanRange): AsyncIterable<readonly Candidate[]>
  /** The documents of these ids, in the order given; absent ones are left out. */
  byIds(ids: readonly string[]): AsyncIterable<readonly Candidate[]>
  /** Rows of an index in order of (key, id), both descending when `reverse`; a document once per row. */
  index(no: number, range: KeyRange, reverse: boolean): AsyncIterable<readonly Candidate[]>
}

/** The pages a plan reads, beginning near `position`: earlier documents may still come and must be skipped. */
export async function* readPlan(
  source: QuerySource,
  plan: QueryPlan,
  order: SortOrder,
  position: Position | null,
): AsyncGenerator<readonly Candidate[]> {
  if (plan.ids !== null) {
    yield* source.byIds(plan.reverse ? plan.ids.toReversed() : plan.ids)
  } else if (plan.index === null) {
    const after = plan.sorted && position !== null ? { after: position.id } : {}
    yield* source.scan(after)
  } else {
    const ranges = plan.sorted && position !== null ? rangesFrom(plan, order, position) : plan.ranges
    for (const range of plan.reverse ? ranges.toReversed() : ranges)
      yield* source.index(plan.index, range, plan.reverse)
  }
}

/** True when an index is read whose single key leaves the order to the ids. */
export function ordersById(plan: QueryPlan, order: SortOrder): boolean {
  return plan.sorted && (plan.index === null || order.length === 0 || order[0]?.path === 'id')
}

function rangesFrom(plan: QueryPlan, order: SortOrder, position: Position): Ranges {
  if (ordersById(plan, order)) {
    return plan.reverse ? plan.ranges : plan.ranges.map((range) => ({ ...range, afterId: position.id }))
  }
  const { bytes, truncated } = orderKey(position.keys[0])
  if (plan.reverse) return endBefore(plan.ranges, nextKey(bytes))
  const afterId = order.length === 1 && !truncated ? { afterId: position.id } : {}
  return startAt(plan.ranges, bytes).map((range) =>
    compareBytes(range.from, bytes) === 0 ? { ...range, ...afterId } : range,
  )
}

function startAt(ranges: Ranges, from: Uint8Array): Ranges {
  return ranges
    .filter((range) => compareBytes(range.to, from) > 0)
    .map((range) => (compareBytes(range.from, from) < 0 ? { from, to: range.to } : range))
}

/** The parts of ascending ranges below `to`. */
export function endBefore(ranges: Ranges, to: Uint8Array): Ranges {
  return ranges
    .filter((range) => compareBytes(range.from, to) < 0)
    .map((range) => (compareBytes(range.to, to) > 0 ? { from: range.from, to } : range))
}

/** What a query reads from: the contract between the query layer and whoever holds documents and index rows. */

import type { JsonObject } from '../encoding/json.ts'
import { compareBytes, concat } from '../encoding/bytes.ts'
import { orderKey, type KeyRange, type OrderKey } from './order-key.ts'
import type { Predicate } from './predicate.ts'
import { nextKey, type Ranges } from './ranges.ts'
import type { Sketches } from './sketch.ts'
import type { Position, SortOrder } from './sort.ts'
import type { QueryPlan } from './types.ts'

/** A document that may match, as the matcher wants it: `doc` is `{ ...attributes, id, _system }`. */
export interface Candidate {
  readonly id: string
  readonly doc: JsonObject
  /** Where it stands in the order of scans: grows along them. Only for live queries. */
  readonly place?: number
}

/** Where a scan begins: right after the document with id `after`, in the source's own lasting order. */
export interface ScanRange {
  readonly after?: string
}

/**
 * A collection, read in pages: each shows it as it is when it is read. Deleted documents are left out unless the caller
 * of the query wants them. Iterators are returned early when enough was read.
 */
export interface QuerySource {
  /** Every document, in an order that is the same at every scan. */
  scan(range: ScanRange): AsyncIterable<readonly Candidate[]>
  /** The documents of these ids, in the order given; absent ones are left out. */
  byIds(ids: readonly string[]): AsyncIterable<readonly Candidate[]>
  /**
   * Rows of an index in order of (key, id), both descending when `reverse`; a document once per row. `expected` is how
   * many the reader hopes to be enough: the first page should not hold many more.
   */
  index(no: number, range: KeyRange, reverse: boolean, expected?: number): AsyncIterable<readonly Candidate[]>
  /** The same for a query with this predicate: scans may leave out documents of which it is not true. */
  narrowed?(predicate: Predicate): QuerySource
  /** What a query with this predicate and order looks at first; null when it has to see whole documents. */
  sketches?(predicate: Predicate, order: SortOrder): Sketches | null
}

/**
 * The pages a plan reads, beginning near `position`: earlier documents may still come and must be skipped. `expected`
 * rows may be enough.
 */
export async function* readPlan(
  source: QuerySource,
  plan: QueryPlan,
  order: SortOrder,
  position: Position | null,
  expected?: number,
): AsyncGenerator<readonly Candidate[]> {
  if (plan.ids !== null) {
    yield* source.byIds(plan.reverse ? plan.ids.toReversed() : plan.ids)
  } else if (plan.index === null) {
    const after = plan.sorted && position !== null ? { after: position.id } : {}
    yield* source.scan(after)
  } else {
    const ranges = plan.sorted && position !== null ? rangesFrom(plan, order, position) : plan.ranges
    for (const range of plan.reverse ? ranges.toReversed() : ranges)
      yield* source.index(plan.index, range, plan.reverse, expected)
  }
}

/** True when documents come by id, each once: an index over the id and an array has several rows of one. */
export function ordersById(plan: QueryPlan, order: SortOrder): boolean {
  return plan.sorted && (plan.index === null || order.length === 0 || (order[0]?.path === 'id' && !plan.repeats))
}

function rangesFrom(plan: QueryPlan, order: SortOrder, position: Position): Ranges {
  if (ordersById(plan, order)) {
    return plan.reverse ? plan.ranges : plan.ranges.map((range) => ({ ...range, afterId: position.id }))
  }
  const { bytes, truncated } = leadKey(plan, position)
  if (plan.reverse) return endBefore(plan.ranges, nextKey(bytes))
  const afterId = plan.exact && !truncated ? { afterId: position.id } : {}
  return startAt(plan.ranges, bytes).map((range) =>
    compareBytes(range.from, bytes) === 0 ? { ...range, ...afterId } : range,
  )
}

/**
 * What the key of a document's row begins with, and the rows it shares a group with: up to the first value that was cut
 * off, because after that rows are not in order any more.
 */
export function leadKey({ lead }: QueryPlan, { keys }: Position): OrderKey {
  const [only] = lead
  if (typeof only === 'number' && lead.length === 1) return orderKey(keys[only])
  const parts: Uint8Array[] = []
  for (const part of lead) {
    if (typeof part !== 'number') parts.push(part)
    else {
      const { bytes, truncated } = orderKey(keys[part])
      parts.push(bytes)
      if (truncated) return { bytes: concat(...parts), truncated }
    }
  }
  return { bytes: concat(...parts), truncated: false }
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

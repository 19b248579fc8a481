/** Execution of queries over any source: the same results in the same order, whatever the plan. */

import type { JsonObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { decodeCursor } from './cursor.ts'
import { groupedPages } from './groups.ts'
import { matches } from './matcher.ts'
import { planQuery, readsAsStored, type IndexInfo } from './plan.ts'
import type { Predicate } from './predicate.ts'
import { placeMatches, type Placed, type Run } from './placed.ts'
import { firstOfSketches, worthSketching } from './sketch.ts'
import type { SortOrder } from './sort.ts'
import { ordersById, readPlan, type Candidate, type QuerySource } from './source.ts'
import { Top } from './top.ts'

/** Documents of one page of results that had to be sorted in memory. */
const pageSize = 256

export interface QuerySpec {
  readonly predicate: Predicate
  readonly order: SortOrder
  readonly indexes: readonly IndexInfo[]
  /** At most so many documents; all when absent. */
  readonly limit?: number
  /** Cursor of the last document already seen. */
  readonly after?: string
}

/** The matching documents in order, one by one. Throws like `queryPages`. */
export async function* runQuery(source: QuerySource, spec: QuerySpec): AsyncGenerator<JsonObject> {
  for await (const page of queryPages(source, spec)) for (const { doc } of page) yield doc
}

/**
 * The matching documents in order, in non-empty pages, which costs less than one by one. Memory holds one
 * page or one group of equal keys when reading gives the order, else the `limit` best, or all without limit.
 * Throws `INVALID` for a wrong limit, `INVALID` or `STALE_CURSOR` for a wrong cursor.
 */
export async function* queryPages(source: QuerySource, spec: QuerySpec): AsyncGenerator<readonly Candidate[]> {
  const { predicate, order, indexes, limit = Infinity, after } = spec
  if (limit !== Infinity && (!Number.isInteger(limit) || limit < 0)) {
    throw new VarveError('INVALID', `The limit is ${limit}: it must be a whole number, zero or above`)
  }
  const plan = planQuery(predicate, order, indexes)
  const position = after === undefined ? null : decodeCursor(order, after, readsAsStored(plan, order))
  const run: Run = { source: source.narrowed?.(predicate) ?? source, plan, predicate, order, limit, position }
  if (limit === 0) return
  if (ordersById(plan, order)) yield* limited(streamedPages(run), limit)
  else if (plan.sorted) yield* limited(groupedPages(run), limit)
  else yield* sortedPages(run)
}

/** How many documents match. */
export async function countQuery(source: QuerySource, spec: Unordered): Promise<number> {
  let count = 0
  for await (const page of matchingPages(source, spec, [])) count += page.length
  return count
}

/** A query of which only the set of documents matters. */
export type Unordered = Pick<QuerySpec, 'predicate' | 'indexes'>

/**
 * Every document that matches, once, in the order that costs least. Where the source can, it holds no more than the
 * query and these `fields` look at.
 */
export async function* matchingPages(
  source: QuerySource,
  { predicate, indexes }: Unordered,
  fields: SortOrder,
): AsyncGenerator<readonly Candidate[]> {
  const plan = planQuery(predicate, [], indexes)
  const sketches = plan.index === null && plan.ids === null ? source.sketches?.(predicate, fields) : null
  const seen = plan.repeats ? new Set<string>() : null
  const pages = sketches?.pages(() => null) ?? readPlan(source.narrowed?.(predicate) ?? source, plan, [], null)
  for await (const page of pages) {
    yield page.filter(({ id, doc }) => {
      if (seen?.has(id) === true || !matches(predicate, doc)) return false
      seen?.add(id)
      return true
    })
  }
}

async function* streamedPages(run: Run): AsyncGenerator<readonly Candidate[]> {
  for await (const page of readPlan(run.source, run.plan, run.order, run.position, run.limit)) {
    yield placeMatches(run, page).map((item) => item.candidate)
  }
}

async function* sortedPages(run: Run): AsyncGenerator<readonly Candidate[]> {
  const sketches = worthSketching(run) ? run.source.sketches?.(run.predicate, run.order) : null
  const found = sketches === undefined || sketches === null ? null : await firstOfSketches(run, sketches)
  if (found !== null) {
    yield found
    return
  }
  const top = new Top<Placed>(run.order, run.limit)
  for await (const page of readPlan(run.source, run.plan, run.order, run.position)) {
    for (const item of placeMatches(run, page)) top.offer(item)
  }
  const sorted = top.drain()
  for (let i = 0; i < sorted.length; i += pageSize) yield sorted.slice(i, i + pageSize).map((item) => item.candidate)
}

async function* limited(
  pages: AsyncIterable<readonly Candidate[]>,
  limit: number,
): AsyncGenerator<readonly Candidate[]> {
  let left = limit
  for await (const page of pages) {
    if (page.length === 0) continue
    yield page.length > left ? page.slice(0, left) : page
    left -= page.length
    if (left <= 0) return
  }
}

/** Sort orders: parsing, keys of documents, and comparators that end every tie by ascending id. */

import type { JsonObject } from '../encoding/json.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { splitPath } from '../encoding/path.ts'
import { compareText } from './compare.ts'
import { isPlainObject } from './operand.ts'
import { compareSortKeys, sortKey, type SortKey } from './sort-key.ts'

/** More than anyone sorts by, and a bound on the size of cursors. */
const sortFields = 32

export interface SortField {
  readonly path: string
  readonly segments: readonly string[]
  readonly direction: 1 | -1
}

/** Fields by weight; none means the order in which the source scans. */
export type SortOrder = readonly SortField[]

/** The place of a document in an order. */
export interface Position {
  readonly keys: readonly SortKey[]
  readonly id: string
}

/** The order of a `Sort` from outside; throws `INVALID` naming the path. */
export function parseSort(sort: unknown): SortOrder {
  if (!isPlainObject(sort)) return refuseSort('sort', 'must be an object of paths with 1 or -1')
  const entries = Object.entries(sort)
  if (entries.length > sortFields) return refuseSort('sort', `has more than ${sortFields} paths`)
  return entries.map(([path, direction]) => {
    if (direction !== 1 && direction !== -1) return refuseSort(`sort.${path}`, 'must be 1 or -1')
    return { path, segments: sortSegments(path), direction }
  })
}

function refuseSort(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

function sortSegments(path: string): readonly string[] {
  try {
    return splitPath(path)
  } catch (cause) {
    return refuseSort(`sort.${path}`, isVarveError(cause) ? `is not a path: ${cause.message}` : 'is not a path')
  }
}

/** Where the document stands in the order. */
export function positionOf(order: SortOrder, doc: JsonObject, id: string): Position {
  return { keys: order.map((field) => sortKey(doc, field.segments, field.direction)), id }
}

/** Negative when `a` comes before `b`; zero only for the same id. */
export function comparePositions(order: SortOrder, a: Position, b: Position): number {
  for (const [i, field] of order.entries()) {
    const difference = compareSortKeys(a.keys[i], b.keys[i])
    if (difference !== 0) return difference * field.direction
  }
  return compareText(a.id, b.id)
}

/** Compares documents that carry their `id`, for sorting arrays that are already in memory. */
export function sortComparator(order: SortOrder): (a: JsonObject, b: JsonObject) => number {
  return (a, b) => comparePositions(order, positionOf(order, a, idOf(a)), positionOf(order, b, idOf(b)))
}

function idOf(doc: JsonObject): string {
  return typeof doc['id'] === 'string' ? doc['id'] : ''
}

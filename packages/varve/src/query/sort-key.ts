/** The values of a document that decide its place under a path: in sorted results and in indexes alike. */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { compareValues } from './compare.ts'
import { arrayIndex } from './matcher.ts'

/** A value with its place in the order; `undefined` is an empty array, which comes before everything. Missing is null. */
export type SortKey = JsonValue | undefined

export function compareSortKeys(a: SortKey, b: SortKey): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  return compareValues(a, b)
}

/** The key that sorts the document: the least of its values under the path when ascending, the greatest when descending. */
export function sortKey(doc: JsonObject, segments: readonly string[], direction: 1 | -1): SortKey {
  const plain = plainValue(doc, segments)
  if (!isJsonArray(plain)) return plain
  const values = keyValues(doc, segments)
  let best = values[0]
  for (const value of values) if (compareSortKeys(value, best) * direction < 0) best = value
  return best
}

/** The value when no array is on the way, null when there is nothing, the first array otherwise. */
function plainValue(doc: JsonObject, segments: readonly string[]): JsonValue {
  let current: JsonValue = doc
  for (const segment of segments) {
    if (!isJsonObject(current)) return isJsonArray(current) ? current : null
    const next: JsonValue | undefined = Object.hasOwn(current, segment) ? current[segment] : undefined
    if (next === undefined) return null
    current = next
  }
  return current
}

/**
 * All values of the document under the path, at least one. Every value a comparison in the matcher can
 * see is here, except a non-empty array at the end of the path, whose elements are here instead.
 */
export function keyValues(doc: JsonObject, segments: readonly string[]): SortKey[] {
  const found: SortKey[] = []
  fromObject(doc, segments, 0, found)
  return found
}

function fromObject(object: JsonObject, segments: readonly string[], i: number, found: SortKey[]): void {
  const name = segments[i] ?? ''
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (isJsonArray(value)) fromArray(value, segments, i + 1, found)
  else if (i + 1 === segments.length) found.push(value ?? null)
  else if (isJsonObject(value)) fromObject(value, segments, i + 1, found)
  else found.push(null)
}

function fromArray(array: readonly JsonValue[], segments: readonly string[], i: number, found: SortKey[]): void {
  if (i === segments.length) {
    if (array.length === 0) found.push(undefined)
    for (const element of array) found.push(element)
    return
  }
  const index = arrayIndex(segments[i] ?? '')
  if (index >= 0) return fromIndexed(array, index, segments, i, found)
  if (array.length === 0) found.push(null)
  for (const element of array) {
    if (isJsonObject(element)) fromObject(element, segments, i, found)
    else found.push(null)
  }
}

/** A numeric segment is a position, and also a name in those elements that have it. */
function fromIndexed(
  array: readonly JsonValue[],
  index: number,
  segments: readonly string[],
  i: number,
  found: SortKey[],
): void {
  const before = found.length
  const element = array[index]
  if (element !== undefined) {
    if (i + 1 === segments.length) found.push(element)
    else if (isJsonArray(element)) fromArray(element, segments, i + 1, found)
    else if (isJsonObject(element)) fromObject(element, segments, i + 1, found)
  }
  for (const inner of array) {
    if (isJsonObject(inner) && Object.hasOwn(inner, segments[i] ?? '')) fromObject(inner, segments, i, found)
  }
  if (found.length === before) found.push(null)
}

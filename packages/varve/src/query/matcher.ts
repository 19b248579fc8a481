/** The one matcher of Varve: whether a document satisfies a predicate, with MongoDB's reading of paths and arrays. */

import { equalJson, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { compareValues, typeRank } from './compare.ts'
import type { Comparison, ElementTest, InTest, Predicate, Test } from './predicate.ts'

type Container = JsonObject | readonly JsonValue[]

/** True when the document, given as `{ ...attributes, id, _system }`, satisfies the predicate. */
export function matches(predicate: Predicate, doc: JsonObject): boolean {
  return holds(predicate, doc)
}

function holds(predicate: Predicate, root: JsonValue): boolean {
  switch (predicate.kind) {
    case 'path':
      return pathHolds(predicate.segments, predicate.test, root)
    case 'and':
      for (const part of predicate.of) if (!holds(part, root)) return false
      return true
    case 'or':
      for (const part of predicate.of) if (holds(part, root)) return true
      return false
    case 'not':
      return !holds(predicate.of, root)
  }
}

function pathHolds(segments: readonly string[], test: Test, root: JsonValue): boolean {
  if (segments.length === 0) return valueHolds(test, root)
  return isJsonArray(root) || isJsonObject(root) ? fromContainer(root, segments, 0, test) : valueHolds(test, undefined)
}

/** Walks down objects without allocating, until an array or the end of the path. */
function fromContainer(container: Container, segments: readonly string[], start: number, test: Test): boolean {
  let current = container
  for (let i = start; ; i++) {
    const value = attribute(current, segments[i] ?? '')
    if (value === undefined) return valueHolds(test, undefined)
    if (isJsonArray(value)) return fromArray(value, segments, i + 1, test)
    if (i + 1 === segments.length) return valueHolds(test, value)
    if (!isJsonObject(value)) return valueHolds(test, undefined)
    current = value
  }
}

/** Inside `$elemMatch` an array is seen as an object whose names are its indexes, as MongoDB does. */
function attribute(container: Container, name: string): JsonValue | undefined {
  if (isJsonArray(container)) return container[arrayIndex(name)]
  return Object.hasOwn(container, name) ? container[name] : undefined
}

/** The array index a segment can mean, or -1; `01` is a name, never an index. */
export function arrayIndex(segment: string): number {
  const first = segment.charCodeAt(0)
  if (first < 48 || first > 57) return -1
  return /^(?:0|[1-9]\d{0,8})$/.test(segment) ? Number(segment) : -1
}

/**
 * An array in the path: at its end every element and then the whole array is tried; before its end every
 * element that is an object is walked, and the element a numeric segment points at, which is not expanded
 * when it ends the path. Elements that lead nowhere are not "missing": they simply do not take part.
 */
function fromArray(array: readonly JsonValue[], segments: readonly string[], i: number, test: Test): boolean {
  if (i === segments.length) return leafArrayHolds(array, test)
  for (const element of array) {
    if (isJsonObject(element) && fromContainer(element, segments, i, test)) return true
  }
  const element = array[arrayIndex(segments[i] ?? '')]
  if (element === undefined) return false
  if (i + 1 === segments.length) return valueHolds(test, element)
  if (isJsonArray(element)) return fromArray(element, segments, i + 1, test)
  return isJsonObject(element) && fromContainer(element, segments, i + 1, test)
}

function leafArrayHolds(array: readonly JsonValue[], test: Test): boolean {
  // $size and $elemMatch are about the array itself; an array inside it is another array.
  if (test.op !== 'size' && test.op !== 'element') {
    for (const element of array) if (valueHolds(test, element)) return true
  }
  return valueHolds(test, array)
}

function valueHolds(test: Test, value: JsonValue | undefined): boolean {
  switch (test.op) {
    case 'eq':
      return test.value === null ? value === null || value === undefined : equalJson(test.value, value)
    case 'in':
      return inHolds(test, value)
    case 'exists':
      return value !== undefined
    case 'regex':
      return typeof value === 'string' && test.pattern.test(value)
    case 'size':
      return isJsonArray(value) && value.length === test.size
    case 'element':
      return isJsonArray(value) && elementHolds(test, value)
    default:
      return comparisonHolds(test.op, test.value, value)
  }
}

function inHolds(test: InTest, value: JsonValue | undefined): boolean {
  if (test.scalars.has(value ?? null)) return true
  for (const other of test.others) if (equalJson(other, value)) return true
  if (typeof value === 'string') for (const pattern of test.patterns) if (pattern.test(value)) return true
  return false
}

function elementHolds(test: ElementTest, array: readonly JsonValue[]): boolean {
  for (const element of array) {
    const fits = test.of === 'values' || (typeof element === 'object' && element !== null)
    if (fits && holds(test.where, element)) return true
  }
  return false
}

/** Values of different types never compare; null and missing are one type with one value. */
function comparisonHolds(op: Comparison, operand: JsonValue, value: JsonValue | undefined): boolean {
  if (typeRank(operand) !== typeRank(value)) return false
  const order = compareValues(value, operand)
  switch (op) {
    case 'gt':
      return order > 0
    case 'gte':
      return order >= 0
    case 'lt':
      return order < 0
    case 'lte':
      return order <= 0
  }
}

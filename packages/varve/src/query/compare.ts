/** The total order of JSON values, MongoDB's by type and by code point within strings. */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'

/** Place of a value's type in the order: null and missing, numbers, strings, objects, arrays, booleans. */
export function typeRank(value: JsonValue | undefined): number {
  switch (typeof value) {
    case 'number':
      return 2
    case 'string':
      return 3
    case 'boolean':
      return 6
    case 'object':
      if (value === null) return 1
      return isJsonArray(value) ? 5 : 4
    default:
      return 1
  }
}

/**
 * Negative, zero or positive as `a` sorts before, with or after `b`. Missing equals null. Objects are
 * compared by sorted names, so two objects that are equal in content are equal here.
 */
export function compareValues(a: JsonValue | undefined, b: JsonValue | undefined): number {
  if (a === b) return 0
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  const difference = typeRank(a) - typeRank(b)
  if (difference !== 0) return difference
  if (isJsonArray(a) && isJsonArray(b)) return compareArrays(a, b)
  if (isJsonObject(a) && isJsonObject(b)) return compareObjects(a, b)
  if (typeof a === 'boolean') return a === b ? 0 : a ? 1 : -1
  return 0
}

/** Order of strings by code point, which is the order of their UTF-8 bytes (JavaScript's `<` is not). */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right)
      return left >= 0xd800 && right >= 0xd800 ? codePointRank(left) - codePointRank(right) : left - right
  }
  return a.length - b.length
}

/** Surrogates stand for code points above every other 16-bit unit. */
function codePointRank(unit: number): number {
  return unit <= 0xdfff ? unit + 0x10000 : unit
}

function compareArrays(a: readonly JsonValue[], b: readonly JsonValue[]): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = compareValues(a[i], b[i])
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Names of an object in the one order that comparisons and keys use. */
export function sortedNames(value: JsonObject): string[] {
  return Object.keys(value).toSorted(compareText)
}

function compareObjects(a: JsonObject, b: JsonObject): number {
  const left = sortedNames(a)
  const right = sortedNames(b)
  const shared = Math.min(left.length, right.length)
  for (let i = 0; i < shared; i++) {
    const name = left[i] ?? ''
    const other = right[i] ?? ''
    const difference =
      typeRank(a[name]) - typeRank(b[other]) || compareText(name, other) || compareValues(a[name], b[other])
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

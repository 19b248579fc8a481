/** Arithmetic of key ranges, and the ranges that hold every value a test can be true for. */

import { compareBytes, concat } from '../encoding/bytes.ts'
import { isJsonArray, type JsonValue } from '../encoding/json.ts'
import { orderKey, prefixKey, typeRange, type KeyRange } from './order-key.ts'
import type { Pattern } from './pattern/pattern.ts'
import type { Comparison, Predicate, Test } from './predicate.ts'

export type Ranges = readonly KeyRange[]

const beyond = Uint8Array.of(0xff)

/** Above every key that begins with `key`, and below every other key above it: no key goes on with this byte. */
export function nextKey(key: Uint8Array): Uint8Array {
  return concat(key, beyond)
}

/** Each prefix followed by each range; ascending when both are. */
export function behind(prefixes: readonly Uint8Array[], ranges: Ranges): Ranges {
  return prefixes.flatMap((prefix) =>
    prefix.length === 0
      ? ranges
      : ranges.map(({ from, to }) => ({ from: concat(prefix, from), to: concat(prefix, to) })),
  )
}

export function pointRange(key: Uint8Array): KeyRange {
  return { from: key, to: nextKey(key) }
}

/** True when the range holds one key only, and in an index over several paths those that go on from it. */
export function isPoint(range: KeyRange): boolean {
  return range.to.length === range.from.length + 1 && compareBytes(range.to, nextKey(range.from)) === 0
}

/** How much of an index the ranges may cover: 0 nothing, 1 single keys, 2 bounded at both ends, 3 open at one. */
export function breadth(ranges: Ranges): 0 | 1 | 2 | 3 {
  if (ranges.length === 0) return 0
  if (ranges.every(isPoint)) return 1
  // One byte is the edge of a type, so nothing narrows the range on that side.
  return ranges.every((range) => isPoint(range) || (range.from.length > 1 && range.to.length > 1)) ? 2 : 3
}

/** The ranges ascending and without overlap. */
export function union(ranges: Ranges): Ranges {
  const merged: KeyRange[] = []
  for (const range of ranges.toSorted((a, b) => compareBytes(a.from, b.from))) {
    const last = merged.at(-1)
    if (last === undefined || compareBytes(range.from, last.to) >= 0) merged.push(range)
    else if (compareBytes(range.to, last.to) > 0) merged[merged.length - 1] = { from: last.from, to: range.to }
  }
  return merged
}

/** What both lists cover; sound only for keys of which a document has exactly one. */
export function intersection(a: Ranges, b: Ranges): Ranges {
  const shared: KeyRange[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [left, right] = [a[i], b[j]]
    if (left === undefined || right === undefined) break
    const from = compareBytes(left.from, right.from) < 0 ? right.from : left.from
    const leftEndsFirst = compareBytes(left.to, right.to) < 0
    const to = leftEndsFirst ? left.to : right.to
    if (compareBytes(from, to) < 0) shared.push({ from, to })
    if (leftEndsFirst) i++
    else j++
  }
  return shared
}

/**
 * Ranges of every key a document can have for which the test is true of one of its values; null when an
 * index does not help. With a numeric segment in the path a missing value leaves no key behind.
 */
export function testRanges(test: Test, numeric: boolean): Ranges | null {
  switch (test.op) {
    case 'eq':
      return equalRanges(test.value, numeric)
    case 'in': {
      const parts = [...test.scalars, ...test.others].map((value) => equalRanges(value, numeric))
      return unionOf([...parts, ...test.patterns.map(patternRanges)])
    }
    case 'regex':
      return patternRanges(test.pattern)
    case 'exists':
    case 'size':
      return null
    case 'element':
      return test.of === 'values' && !numeric ? elementRanges(test.where) : null
    default:
      return comparisonRanges(test.op, test.value, numeric)
  }
}

export function unionOf(parts: readonly (Ranges | null)[]): Ranges | null {
  const all: KeyRange[] = []
  for (const part of parts) {
    if (part === null) return null
    all.push(...part)
  }
  return union(all)
}

function point(value: JsonValue | undefined): KeyRange {
  return pointRange(orderKey(value).bytes)
}

function equalRanges(value: JsonValue, numeric: boolean): Ranges | null {
  if (value === null) return numeric ? null : [point(null)]
  // A whole array is not a key, its first element is; as an element of an array it is a key itself.
  return isJsonArray(value) ? union([point(value[0]), point(value)]) : [point(value)]
}

function comparisonRanges(op: Comparison, operand: JsonValue, numeric: boolean): Ranges | null {
  if (operand === null) return op === 'gte' || op === 'lte' ? equalRanges(null, numeric) : []
  if (isJsonArray(operand)) return null
  const type = typeRange(operand)
  const { bytes, truncated } = orderKey(operand)
  // Values beyond the operand share its key when both are cut off.
  switch (op) {
    case 'gt':
      return [{ from: truncated ? bytes : nextKey(bytes), to: type.to }]
    case 'gte':
      return [{ from: bytes, to: type.to }]
    case 'lt':
      return [{ from: type.from, to: truncated ? nextKey(bytes) : bytes }]
    case 'lte':
      return [{ from: type.from, to: nextKey(bytes) }]
  }
}

/** All conditions of one `$elemMatch` are about the same element, which has one key. */
function elementRanges(where: Predicate): Ranges | null {
  // An element that is an array has one key as a whole: its own elements have none.
  if (where.kind === 'path')
    return where.segments.length === 0 && where.test.op !== 'element' ? testRanges(where.test, false) : null
  if (where.kind !== 'and') return null
  let shared: Ranges | null = null
  for (const part of where.of) {
    const ranges = elementRanges(part)
    if (ranges !== null) shared = shared === null ? ranges : intersection(shared, ranges)
  }
  return shared
}

/** Strings that start with what an anchored pattern starts with literally. */
function patternRanges(pattern: Pattern): Ranges | null {
  const prefix = literalPrefix(pattern)
  if (prefix === '') return null
  const from = prefixKey(prefix)
  const to = from.slice()
  // The last byte belongs to a printable ASCII character, so adding one never overflows.
  to[to.length - 1] = (to.at(-1) ?? 0) + 1
  return [{ from, to }]
}

export function literalPrefix(pattern: Pattern): string {
  if (/[im]/.test(pattern.flags) || pattern.source.includes('|')) return ''
  const found = /^\^([\w \-@/:,#]+)(.?)/.exec(pattern.source)
  const literal = found?.[1] ?? ''
  // A quantifier is about the last character only.
  return /[?*{]/.test(found?.[2] ?? '') ? literal.slice(0, -1) : literal
}

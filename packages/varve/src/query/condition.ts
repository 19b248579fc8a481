/** What a store may leave out for a query: conditions that are true of every head whose document can match. */

import { headField, statusNumber } from '../document/head.ts'
import { isJsonArray, type JsonValue } from '../encoding/json.ts'
import { nowhere, type Bounds, type Kinds, type Place, type Scalar, type Where } from '../store/where.ts'
import type { Pattern } from './pattern/pattern.ts'
import type { Comparison, InTest, Predicate, Test } from './predicate.ts'
import { literalPrefix } from './ranges.ts'
import type { SortKey } from './sort-key.ts'
import type { SortField } from './sort.ts'

/** Conditions of one query that go to the store; more cost more than they save. */
const conditions = 32

/** What makes an object a sealed value; no attribute is called so. */
const sealedName = '$sealed'

const nothing: Kinds = { missing: false, null: false, boolean: false, object: false, number: null, string: null }
const anything: Bounds<never> = { least: null, most: null }
const everything: Kinds = { missing: true, null: true, boolean: true, object: true, number: anything, string: anything }

/** Heads of documents that a query sees. */
export function visible(includeDeleted: boolean): Where {
  const scalars = includeDeleted ? [statusNumber('live'), statusNumber('deleted')] : [statusNumber('live')]
  const at = (field: number): Place => ({ field, names: [] })
  const versions = [headField.recorded, headField.pending]
  return allOf([
    { kind: 'among', at: at(headField.status), scalars },
    { kind: 'or', of: versions.map((field) => ({ kind: 'none', at: at(field), scalars: [0] })) },
  ])
}

/** Both conditions; the first is looked at first. */
export function allOf(parts: readonly (Where | null)[]): Where {
  const given = parts.filter((part) => part !== null)
  const [first] = given
  return given.length === 1 && first !== undefined ? first : { kind: 'and', of: given }
}

/**
 * A condition that is true of every head whose document the predicate is true of; null when there is none of use.
 * `sealed` says that heads may hold sealed values, which stand for others than they are.
 */
export function possible(predicate: Predicate, sealed: boolean): Where | null {
  return conditionOf(predicate, true, { left: conditions, sealed })
}

/** Where a path of documents leads in heads; null for what a head does not hold as it is shown. */
export function placeOf(segments: readonly string[]): Place | null {
  const [first, ...rest] = segments
  if (first === undefined || first === '_system') return null
  return first === 'id' ? { field: headField.id, names: rest } : { field: headField.data, names: segments }
}

/** Counts the conditions of a query while they are made. */
interface Budget {
  left: number
  readonly sealed: boolean
}

/** `wanted` false asks where the predicate is not true. */
function conditionOf(predicate: Predicate, wanted: boolean, budget: Budget): Where | null {
  switch (predicate.kind) {
    case 'not':
      return conditionOf(predicate.of, !wanted, budget)
    case 'and':
    case 'or':
      return (predicate.kind === 'and') === wanted
        ? every(predicate.of, wanted, budget)
        : some(predicate.of, wanted, budget)
    case 'path': {
      const at = placeOf(predicate.segments)
      if (at === null || budget.left <= 0) return null
      budget.left--
      const condition = wanted ? testCondition(at, predicate.test) : oppositeCondition(at, predicate.test)
      return condition === null || !budget.sealed ? condition : orSealed(at, condition)
    }
  }
}

/** Also where a sealed value stands at the place, or on the way to it. */
function orSealed(at: Place, condition: Where): Where {
  const marks = at.names.map((_, i): Place => ({ field: at.field, names: [...at.names.slice(0, i + 1), sealedName] }))
  return { kind: 'or', of: [condition, ...marks.map((mark) => kept(mark, { ...everything, missing: false }))] }
}

function every(parts: readonly Predicate[], wanted: boolean, budget: Budget): Where | null {
  const of: Where[] = []
  for (const part of parts) {
    const condition = conditionOf(part, wanted, budget)
    if (condition !== null) of.push(condition)
  }
  return of.length === 0 ? null : allOf(of)
}

function some(parts: readonly Predicate[], wanted: boolean, budget: Budget): Where | null {
  const of: Where[] = []
  for (const part of parts) {
    const condition = conditionOf(part, wanted, budget)
    if (condition === null) return null
    of.push(condition)
  }
  return { kind: 'or', of }
}

function kept(at: Place, kinds: Partial<Kinds>): Where {
  return { kind: 'kinds', at, kinds: { ...nothing, ...kinds } }
}

/** Objects and arrays have no condition of their own: all of them are kept. */
function testCondition(at: Place, test: Test): Where | null {
  switch (test.op) {
    case 'eq':
      return isScalar(test.value) ? { kind: 'among', at, scalars: [test.value] } : kept(at, { object: true })
    case 'in':
      return inCondition(at, test)
    case 'exists':
      return kept(at, { ...everything, missing: false })
    case 'regex':
      return kept(at, { string: patternBounds(test.pattern) })
    case 'size':
    case 'element':
      return kept(at, nothing)
    default:
      return comparisonCondition(at, test.op, test.value)
  }
}

/** Only tests of whose outcome a single value is certain. */
function oppositeCondition(at: Place, test: Test): Where | null {
  if (test.op === 'eq' && isScalar(test.value)) return { kind: 'none', at, scalars: [test.value] }
  if (test.op === 'in') return { kind: 'none', at, scalars: [...test.scalars].filter(isScalar) }
  return test.op === 'exists' ? kept(at, { missing: true }) : null
}

function inCondition(at: Place, { scalars, others, patterns }: InTest): Where {
  const of: Where[] = [{ kind: 'among', at, scalars: [...scalars].filter(isScalar) }]
  if (others.length > 0) of.push(kept(at, { object: true }))
  if (patterns.length > 0) of.push(kept(at, { string: anything }))
  return of.length === 1 ? allOf(of) : { kind: 'or', of }
}

function comparisonCondition(at: Place, op: Comparison, operand: JsonValue): Where {
  const ends = <T>(end: T): Bounds<T> =>
    op === 'gt' || op === 'gte' ? { least: end, most: null } : { least: null, most: end }
  switch (typeof operand) {
    case 'number':
      return kept(at, { number: ends(operand) })
    case 'string':
      return kept(at, { string: ends(operand) })
    case 'boolean': {
      const scalars = [false, true].filter((value) => booleanHolds(op, value, operand))
      return scalars.length === 0 ? nowhere : { kind: 'among', at, scalars }
    }
    default:
      if (operand !== null) return kept(at, { object: true })
      return op === 'gte' || op === 'lte' ? { kind: 'among', at, scalars: [null] } : nowhere
  }
}

function booleanHolds(op: Comparison, value: boolean, operand: boolean): boolean {
  if (value === operand) return op === 'gte' || op === 'lte'
  return value ? op === 'gt' || op === 'gte' : op === 'lt' || op === 'lte'
}

function patternBounds(pattern: Pattern): Bounds<string> {
  const prefix = literalPrefix(pattern)
  if (prefix === '') return anything
  const last = prefix.length - 1
  // It is a printable ASCII character, which has one above it.
  return { least: prefix, most: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) }
}

function isScalar(value: JsonValue): value is Scalar {
  return typeof value !== 'object' || value === null
}

/**
 * Heads of documents that do not sort after one with this key; null when all may. Documents whose path meets an array
 * are kept.
 */
export function notAfter({ segments, direction }: SortField, key: SortKey): Where | null {
  const at = placeOf(segments)
  if (at === null) return null
  const kinds = direction === 1 ? upTo(key) : from(key)
  return kinds === null ? null : kept(at, kinds)
}

/** The kinds up to a key in MongoDB's order of types: null and missing, numbers, text, objects, arrays, booleans. */
function upTo(key: SortKey): Partial<Kinds> | null {
  if (key === undefined) return {}
  const least = { missing: true, null: true }
  if (typeof key === 'number') return { ...least, number: { least: null, most: key } }
  if (typeof key === 'string') return { ...least, number: anything, string: { least: null, most: key } }
  if (typeof key === 'boolean') return null
  return key === null ? least : { ...least, number: anything, string: anything, object: true }
}

function from(key: SortKey): Partial<Kinds> | null {
  if (key === undefined || key === null) return null
  const greatest = { boolean: true, object: !isJsonArray(key) }
  if (typeof key === 'number') return { ...greatest, number: { least: key, most: null }, string: anything }
  if (typeof key === 'string') return { ...greatest, string: { least: key, most: null } }
  return typeof key === 'boolean' ? { boolean: true } : greatest
}

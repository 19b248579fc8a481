/** Parsing of filters: outside input becomes a predicate once, or an error that names the wrong place. */

import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { splitPath } from '../encoding/path.ts'
import type { JsonValue } from '../encoding/json.ts'
import { hasOperator, isPlainObject, parseOperand, parsePattern, refuseFilter, spend, type Budget } from './operand.ts'
import type { Pattern } from './pattern/pattern.ts'
import { allOf, not, type Comparison, type Predicate, type Test } from './predicate.ts'

/** Of a name, in what errors say; longer ones are no paths of anything. */
const shownCharacters = 4096

/** One path of the filter under parsing: what its operators apply to, and where it stands. */
interface Site {
  readonly segments: readonly string[]
  readonly at: string
  readonly budget: Budget
  readonly depth: number
}

type OperatorParser = (site: Site, operand: unknown) => Predicate

const operators: ReadonlyMap<string, OperatorParser> = new Map<string, OperatorParser>([
  ['$eq', parseEquality],
  ['$ne', (site, operand) => not(parseEquality(site, operand))],
  ['$gt', comparison('gt')],
  ['$gte', comparison('gte')],
  ['$lt', comparison('lt')],
  ['$lte', comparison('lte')],
  ['$in', parseIn],
  ['$nin', (site, operand) => not(parseIn(site, operand))],
  ['$exists', parseExists],
  ['$all', parseAll],
  ['$elemMatch', parseElementMatch],
  ['$size', parseSize],
  ['$not', parseNot],
])

/**
 * The predicate of a filter from outside. Meaning: MongoDB's, except that objects are equal and ordered
 * regardless of the order of their attributes, because merging writes from several devices gives
 * attributes no order that an author chose. Throws `INVALID` naming the path, as in `filter.age.$gt`.
 */
export function parseFilter(filter: unknown): Predicate {
  return parseDocument(filter, 'filter', { nodes: 0 }, 0)
}

function parseDocument(filter: unknown, at: string, budget: Budget, depth: number): Predicate {
  spend(budget, at, depth)
  if (!isPlainObject(filter)) return refuseFilter(at, 'must be an object of paths and conditions')
  const parts: Predicate[] = []
  for (const [name, condition] of Object.entries(filter)) {
    const place = `${at}.${name.length > shownCharacters ? `${name.slice(0, shownCharacters)}…` : name}`
    if (name.startsWith('$')) parts.push(parseLogic(name, condition, place, budget, depth))
    else
      parts.push(parseCondition({ segments: segmentsOf(name, place), at: place, budget, depth: depth + 1 }, condition))
  }
  return allOf(parts)
}

function parseLogic(name: string, operand: unknown, at: string, budget: Budget, depth: number): Predicate {
  if (name !== '$and' && name !== '$or' && name !== '$nor')
    return refuseFilter(at, 'is not an operator that can stand here')
  if (!Array.isArray(operand) || operand.length === 0) return refuseFilter(at, 'must be a non-empty array of filters')
  const parts = operand.map((part: unknown, i) => parseDocument(part, `${at}[${i}]`, budget, depth + 1))
  if (name === '$and') return allOf(parts)
  return name === '$or' ? { kind: 'or', of: parts } : not({ kind: 'or', of: parts })
}

function segmentsOf(path: string, at: string): readonly string[] {
  if (path.length > limits.documentDepth * (limits.attributeBytes + 1)) refuseFilter(at, 'is longer than any path')
  try {
    const segments = splitPath(path)
    if (segments.some((segment) => segment.startsWith('$'))) refuseFilter(at, 'names an operator inside a path')
    return segments
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    throw new VarveError('INVALID', `"${at}" is not a path: ${cause.message}`, { cause, details: { path: at } })
  }
}

function parseCondition(site: Site, condition: unknown): Predicate {
  if (condition instanceof RegExp) return parseRegex(site, condition, undefined)
  return hasOperator(condition) ? parseOperators(site, condition) : parseEquality(site, condition)
}

function parseOperators(site: Site, condition: Readonly<Record<string, unknown>>): Predicate {
  spend(site.budget, site.at, site.depth)
  const parts: Predicate[] = []
  for (const [name, operand] of Object.entries(condition)) {
    const inner: Site = { ...site, at: `${site.at}.${name}`, depth: site.depth + 1 }
    if (name === '$regex') parts.push(parseRegex(inner, operand, condition['$options']))
    else if (name === '$options') {
      if (!Object.hasOwn(condition, '$regex')) refuseFilter(inner.at, 'needs a $regex beside it')
    } else parts.push(operatorNamed(name, inner)(inner, operand))
  }
  return allOf(parts)
}

function operatorNamed(name: string, site: Site): OperatorParser {
  const parser = operators.get(name)
  if (parser !== undefined) return parser
  if (name.startsWith('$')) return refuseFilter(site.at, 'is not an operator Varve knows')
  return refuseFilter(site.at, 'is an attribute beside operators: use either a value or operators')
}

function on(site: Site, test: Test): Predicate {
  return { kind: 'path', segments: site.segments, test }
}

function valueAt(site: Site, operand: unknown, at = site.at): JsonValue {
  return parseOperand(operand, at, site.budget, site.depth)
}

function parseEquality(site: Site, operand: unknown): Predicate {
  return on(site, { op: 'eq', value: valueAt(site, operand) })
}

function comparison(op: Comparison): OperatorParser {
  return (site, operand) => on(site, { op, value: valueAt(site, operand) })
}

function parseRegex(site: Site, pattern: unknown, options: unknown): Predicate {
  spend(site.budget, site.at, site.depth)
  return on(site, { op: 'regex', pattern: parsePattern(pattern, options, site.at) })
}

function parseIn(site: Site, operand: unknown): Predicate {
  const scalars = new Set<JsonValue>()
  const others: JsonValue[] = []
  const patterns: Pattern[] = []
  for (const [at, item] of itemsOf(site, operand)) {
    if (item instanceof RegExp) patterns.push(parsePattern(item, undefined, at))
    else {
      const value = valueAt(site, item, at)
      if (typeof value === 'object' && value !== null) others.push(value)
      else scalars.add(value)
    }
  }
  return on(site, { op: 'in', scalars, others, patterns })
}

/** The items of an array operand, each with its place. */
function itemsOf(site: Site, operand: unknown): readonly (readonly [string, unknown])[] {
  spend(site.budget, site.at, site.depth)
  if (!Array.isArray(operand)) return refuseFilter(site.at, 'must be an array')
  return Array.from(operand, (item: unknown, i): readonly [string, unknown] => [`${site.at}[${i}]`, item])
}

function parseExists(site: Site, operand: unknown): Predicate {
  spend(site.budget, site.at, site.depth)
  const exists = on(site, { op: 'exists' })
  if (operand === true || operand === 1) return exists
  return operand === false || operand === 0 ? not(exists) : refuseFilter(site.at, 'must be true or false')
}

function parseSize(site: Site, operand: unknown): Predicate {
  spend(site.budget, site.at, site.depth)
  if (typeof operand !== 'number' || !Number.isSafeInteger(operand) || operand < 0) {
    return refuseFilter(site.at, 'must be a whole number, zero or above')
  }
  return on(site, { op: 'size', size: operand })
}

function parseNot(site: Site, operand: unknown): Predicate {
  if (operand instanceof RegExp) return not(parseRegex(site, operand, undefined))
  if (!hasOperator(operand)) return refuseFilter(site.at, 'must be a regular expression or operators')
  return not(parseOperators(site, operand))
}

function parseAll(site: Site, operand: unknown): Predicate {
  const items = itemsOf(site, operand)
  // MongoDB: an empty $all matches nothing.
  if (items.length === 0) return { kind: 'or', of: [] }
  const ofElements = items.some(([, item]) => hasOperator(item))
  return allOf(
    items.map(([at, item]) => (ofElements ? parseAllElement(site, at, item) : parseAllValue(site, at, item))),
  )
}

function parseAllElement(site: Site, at: string, item: unknown): Predicate {
  if (!hasOperator(item) || Object.keys(item).length !== 1 || !Object.hasOwn(item, '$elemMatch')) {
    return refuseFilter(at, 'must be one $elemMatch: $all takes only values, or only $elemMatch')
  }
  return parseElementMatch({ ...site, at: `${at}.$elemMatch`, depth: site.depth + 1 }, item['$elemMatch'])
}

function parseAllValue(site: Site, at: string, item: unknown): Predicate {
  if (item instanceof RegExp) return on(site, { op: 'regex', pattern: parsePattern(item, undefined, at) })
  return on(site, { op: 'eq', value: valueAt(site, item, at) })
}

function parseElementMatch(site: Site, operand: unknown): Predicate {
  if (!isPlainObject(operand)) return refuseFilter(site.at, 'must be an object of conditions')
  const [first] = Object.keys(operand)
  const logical = first === '$and' || first === '$or' || first === '$nor'
  if (first?.startsWith('$') === true && !logical) {
    const where = parseOperators({ ...site, segments: [], depth: site.depth + 1 }, operand)
    return on(site, { op: 'element', of: 'values', where })
  }
  const where = parseDocument(operand, site.at, site.budget, site.depth + 1)
  return on(site, { op: 'element', of: 'objects', where })
}

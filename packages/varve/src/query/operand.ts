/** Validation of the values inside filters: operands, patterns, and the budget of a whole filter. */

import { toJson, type JsonValue } from '../encoding/json.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { boundedPattern, type Pattern } from './pattern/pattern.ts'

/** Characters of one regular expression; nobody types more, and compilation cost grows with it. */
const patternCharacters = 4096

/** Counts the nodes of one filter while it is parsed. */
export interface Budget {
  nodes: number
}

/** Throws `INVALID` naming the place in the filter. */
export function refuseFilter(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

/** Counts one node; throws `INVALID` when the filter is too large or too deep, which also ends cycles. */
export function spend(budget: Budget, at: string, depth: number): void {
  if (++budget.nodes > limits.filterNodes)
    refuseFilter(at, `makes the filter larger than ${limits.filterNodes} nodes: split it`)
  if (depth > limits.filterDepth)
    refuseFilter(at, `is nested deeper than ${limits.filterDepth} levels: flatten the filter`)
}

/** True for an object literal: a filter made of class instances is a mistake, never a query. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** True when any attribute is an operator, so that the object cannot be a value of a document. */
export function hasOperator(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) && Object.keys(value).some((name) => name.startsWith('$'))
}

/** The operand as a JSON value of its own; throws `INVALID` naming the place of anything a document cannot hold. */
export function parseOperand(value: unknown, at: string, budget: Budget, depth: number): JsonValue {
  checkOperand(value, at, budget, depth)
  return toJson(value, at, 'refuse', 1)
}

function checkOperand(value: unknown, at: string, budget: Budget, depth: number): void {
  spend(budget, at, depth)
  if (value instanceof RegExp) refuseFilter(at, 'is a regular expression: use it alone, in $in, $all, $not or $regex')
  if (Array.isArray(value)) {
    for (const [i, inner] of value.entries()) checkOperand(inner, `${at}[${i}]`, budget, depth + 1)
  } else if (isPlainObject(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (name.startsWith('$') || name === '__proto__') {
        refuseFilter(`${at}.${name}`, 'is not possible inside a value: operators stand directly below a path')
      }
      checkOperand(inner, `${at}.${name}`, budget, depth + 1)
    }
  }
}

/**
 * A stateless pattern whose cost is bounded; throws `INVALID` for flags other than i m s u, and for patterns that do not
 * compile, look around, or refer back.
 */
export function parsePattern(pattern: unknown, options: unknown, at: string): Pattern {
  const flags = patternFlags(pattern, options, at)
  const source = pattern instanceof RegExp ? pattern.source : pattern
  if (typeof source !== 'string') return refuseFilter(at, 'must be a string or a regular expression')
  if (source.length > patternCharacters) refuseFilter(at, `is longer than ${patternCharacters} characters: simplify it`)
  if (!/^[imsu]*$/.test(flags)) refuseFilter(at, `has the flags "${flags}": only i, m, s and u are possible`)
  try {
    return boundedPattern(source, flags)
  } catch (cause) {
    if (isVarveError(cause)) return refuseFilter(at, cause.message)
    throw new VarveError('INVALID', `"${at}" is not a valid regular expression: ${String(cause)}`, {
      cause,
      details: { path: at },
    })
  }
}

function patternFlags(pattern: unknown, options: unknown, at: string): string {
  const own = pattern instanceof RegExp ? pattern.flags : ''
  if (options === undefined) return own
  if (typeof options !== 'string') return refuseFilter(at, 'has $options that are not a string')
  if (own !== '') refuseFilter(at, 'has flags and $options: give only one of them')
  return options
}

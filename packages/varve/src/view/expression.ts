/** Parsing of expressions: plain data becomes a function of a document once, or an error that names the place. */

import { isJsonArray, isJsonObject, toJson, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { splitPath } from '../encoding/path.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { arrayIndex } from '../query/matcher.ts'
import { operators } from './operators.ts'
import { isPlainObject } from '../query/operand.ts'

/** The value of an expression for a document; never throws, null where there is no value. */
export type Evaluate = (doc: JsonObject) => JsonValue

/** Parts of all expressions of one definition, counted while they are parsed. */
export interface ExpressionBudget {
  parts: number
  /** Dotted paths that the expressions read. */
  readonly paths: Set<string>
}

/** Throws `INVALID` naming the place in the definition. */
export function refuseView(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

/** Throws `INVALID` naming the place, as in `columns[1].value.add[0]`. The budget also ends cycles. */
export function parseExpression(expression: unknown, at: string, budget: ExpressionBudget, depth = 0): Evaluate {
  if (++budget.parts > limits.expressionParts)
    refuseView(at, `makes the view larger than ${limits.expressionParts} parts of expressions: simplify it`)
  if (depth > limits.expressionDepth)
    refuseView(at, `is nested deeper than ${limits.expressionDepth} levels: flatten the expression`)
  if (typeof expression === 'string') return pathEvaluator(expression, at, budget)
  if (expression === null || typeof expression === 'number' || typeof expression === 'boolean')
    return constant(expression, at)
  if (!isPlainObject(expression)) return refuseView(at, 'must be a path, a constant, or an object with one operator')
  const [name, ...more] = Object.keys(expression)
  if (name === undefined || more.length > 0) return refuseView(at, 'must have exactly one operator')
  return parseOperation(name, expression[name], `${at}.${name}`, budget, depth)
}

function parseOperation(name: string, operand: unknown, at: string, budget: ExpressionBudget, depth: number): Evaluate {
  if (name === 'const') return constant(operand, at)
  if (name === 'path')
    return typeof operand === 'string' ? pathEvaluator(operand, at, budget) : refuseView(at, 'must be text')
  const operator = operators.get(name)
  if (operator === undefined) return refuseView(at, 'is not an operator Varve knows')
  const list: readonly unknown[] = Array.isArray(operand) ? operand : [operand]
  const { least, most, apply } = operator
  if (list.length < least || list.length > most) {
    const wanted =
      least === most ? `${least}` : most > limits.expressionParts ? `${least} or more` : `${least} to ${most}`
    return refuseView(at, `has ${list.length} operands: it takes ${wanted}`)
  }
  const place = (i: number): string => (Array.isArray(operand) ? `${at}[${i}]` : at)
  // By number: holes of an array are operands that are missing.
  const parts = Array.from(list, (part, i) => parseExpression(part, place(i), budget, depth + 1))
  const [first, second] = parts
  if (first !== undefined && parts.length === 1) return (doc) => apply([first(doc)])
  if (first !== undefined && second !== undefined && parts.length === 2)
    return (doc) => apply([first(doc), second(doc)])
  return (doc) => apply(parts.map((part) => part(doc)))
}

function constant(value: unknown, at: string): Evaluate {
  try {
    const json = toJson(value, at, 'refuse', 1)
    return () => json
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    throw new VarveError('INVALID', `"${at}" is not a constant: ${cause.message}`, { cause, details: { path: at } })
  }
}

function pathEvaluator(path: string, at: string, { paths }: ExpressionBudget): Evaluate {
  const segments = segmentsAt(path, at)
  paths.add(path)
  const [only] = segments
  if (only !== undefined && segments.length === 1)
    return (doc) => (Object.hasOwn(doc, only) ? (doc[only] ?? null) : null)
  return (doc) => valueAt(doc, segments, 0)
}

function segmentsAt(path: string, at: string): readonly string[] {
  try {
    return splitPath(path)
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    throw new VarveError('INVALID', `"${at}" is not a path: ${cause.message}`, { cause, details: { path: at } })
  }
}

/** A number in a path is a place in an array; any other name gives the values of all its elements. */
function valueAt(value: JsonValue, segments: readonly string[], i: number): JsonValue {
  const segment = segments[i]
  if (segment === undefined) return value
  if (isJsonObject(value)) {
    return Object.hasOwn(value, segment) ? valueAt(value[segment] ?? null, segments, i + 1) : null
  }
  if (!isJsonArray(value)) return null
  const index = arrayIndex(segment)
  if (index >= 0) return valueAt(value[index] ?? null, segments, i + 1)
  const found = value.flatMap((element) => {
    const inner = isJsonObject(element) ? valueAt(element, segments, i) : null
    return inner === null ? [] : inner
  })
  return found.length === 0 ? null : found
}

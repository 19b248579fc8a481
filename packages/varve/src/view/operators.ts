/** The operators of expressions: each takes values and gives one, null when it cannot. */

import { isJsonArray, type JsonValue } from '../encoding/json.ts'
import { limits } from '../limits.ts'
import { compareValues, typeRank } from '../query/compare.ts'
import { datePartOperators } from './dates.ts'

export interface Operator {
  /** How many operands it takes. */
  readonly least: number
  readonly most: number
  readonly apply: (args: readonly JsonValue[]) => JsonValue
}

type Apply = Operator['apply']

const many = Number.MAX_SAFE_INTEGER

/** Numbers alone, and a result that JSON can carry. */
function arithmetic(work: (numbers: readonly number[]) => number): Apply {
  return (args) => {
    const numbers: number[] = []
    for (const arg of args) {
      if (typeof arg !== 'number') return null
      numbers.push(arg)
    }
    const result = work(numbers)
    return Number.isFinite(result) ? result + 0 : null
  }
}

function text(work: (text: string) => JsonValue): Apply {
  return ([value]) => (typeof value === 'string' ? work(value) : null)
}

/** As in filters: values of different types do not compare; null and missing are one value. */
function comparison(holds: (order: number) => boolean): Apply {
  return ([a = null, b = null]) => typeRank(a) === typeRank(b) && holds(compareValues(a, b))
}

function concat(args: readonly JsonValue[]): JsonValue {
  let joined = ''
  for (const arg of args) {
    if (arg === null || typeof arg === 'object') return null
    joined += String(arg)
    if (joined.length > limits.expressionCharacters) return null
  }
  return joined
}

/** Characters are code points; a negative start counts from the end. */
function substr([value, start = 0, length = null]: readonly JsonValue[]): JsonValue {
  if (typeof value !== 'string' || typeof start !== 'number') return null
  if (length !== null && (typeof length !== 'number' || length < 0)) return null
  const characters = Array.from(value)
  const begin = Math.trunc(start < 0 ? Math.max(0, characters.length + start) : start)
  return characters.slice(begin, length === null ? undefined : begin + Math.trunc(length)).join('')
}

function lengthOf([value]: readonly JsonValue[]): JsonValue {
  if (typeof value === 'string') return Array.from(value).length
  return isJsonArray(value) ? value.length : null
}

/** Half away from zero is what people expect of totals; digits go from 0 to 15. */
function round([value, digits = 0]: readonly JsonValue[]): JsonValue {
  if (typeof value !== 'number' || typeof digits !== 'number' || !Number.isInteger(digits)) return null
  if (digits < 0 || digits > 15) return null
  const rounded = shifted(Math.round(shifted(Math.abs(value), digits)), -digits)
  // Numbers too large to be shifted have no such digits.
  return Number.isFinite(rounded) ? Math.sign(value) * rounded + 0 : value
}

/** The number with its decimal point moved, as it is written: 1.005 times 100 is 100.5, not a little less. */
function shifted(value: number, digits: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e')
  return Number(`${mantissa}e${Number(exponent) + digits}`)
}

function operator(least: number, most: number, apply: Apply): Operator {
  return { least, most, apply }
}

export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  [
    'add',
    operator(
      1,
      many,
      arithmetic((all) => all.reduce((a, b) => a + b)),
    ),
  ],
  [
    'multiply',
    operator(
      1,
      many,
      arithmetic((all) => all.reduce((a, b) => a * b)),
    ),
  ],
  [
    'subtract',
    operator(
      2,
      2,
      arithmetic(([a = 0, b = 0]) => a - b),
    ),
  ],
  [
    'divide',
    operator(
      2,
      2,
      arithmetic(([a = 0, b = 0]) => a / b),
    ),
  ],
  [
    'modulo',
    operator(
      2,
      2,
      arithmetic(([a = 0, b = 0]) => a % b),
    ),
  ],
  [
    'abs',
    operator(
      1,
      1,
      arithmetic(([a = 0]) => Math.abs(a)),
    ),
  ],
  [
    'floor',
    operator(
      1,
      1,
      arithmetic(([a = 0]) => Math.floor(a)),
    ),
  ],
  ['round', operator(1, 2, round)],
  ['concat', operator(1, many, concat)],
  [
    'lower',
    operator(
      1,
      1,
      text((value) => value.toLowerCase()),
    ),
  ],
  [
    'upper',
    operator(
      1,
      1,
      text((value) => value.toUpperCase()),
    ),
  ],
  [
    'trim',
    operator(
      1,
      1,
      text((value) => value.trim()),
    ),
  ],
  ['substr', operator(2, 3, substr)],
  ['length', operator(1, 1, lengthOf)],
  [
    'eq',
    operator(
      2,
      2,
      comparison((order) => order === 0),
    ),
  ],
  ['ne', operator(2, 2, ([a = null, b = null]) => compareValues(a, b) !== 0)],
  [
    'lt',
    operator(
      2,
      2,
      comparison((order) => order < 0),
    ),
  ],
  [
    'lte',
    operator(
      2,
      2,
      comparison((order) => order <= 0),
    ),
  ],
  [
    'gt',
    operator(
      2,
      2,
      comparison((order) => order > 0),
    ),
  ],
  [
    'gte',
    operator(
      2,
      2,
      comparison((order) => order >= 0),
    ),
  ],
  ['and', operator(1, many, (args) => args.every((arg) => arg === true))],
  ['or', operator(1, many, (args) => args.some((arg) => arg === true))],
  ['not', operator(1, 1, ([value]) => value !== true)],
  ['if', operator(3, 3, ([condition, yes = null, no = null]) => (condition === true ? yes : no))],
  ['coalesce', operator(1, many, (args) => args.find((arg) => arg !== null) ?? null)],
  ...Object.entries(datePartOperators).map(([name, apply]): [string, Operator] => [name, operator(1, 1, apply)]),
])

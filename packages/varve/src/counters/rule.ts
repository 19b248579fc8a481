/** Parsing of counter rules: outside input becomes checked, plain rules once, or an error that names the wrong place. */

import { checkName } from '../encoding/id.ts'
import { joinPath, splitPath } from '../encoding/path.ts'
import { VarveError, isVarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { parseFilter } from '../query/filter.ts'
import { isPlainObject } from '../query/operand.ts'
import { predicatePaths, type Predicate } from '../query/predicate.ts'
import {
  bucketUnits,
  operations,
  statistics,
  type BucketUnit,
  type CounterOperation,
  type CounterRule,
  type Statistic,
} from './types.ts'

interface RulePath {
  readonly path: string
  readonly segments: readonly string[]
}

export interface RuleMeasure extends RulePath {
  readonly stats: readonly Statistic[]
}

/** A rule that can be evaluated. */
export interface Rule {
  readonly name: string
  readonly on: readonly CounterOperation[]
  /** Null when every version counts. */
  readonly when: Predicate | null
  readonly unique: readonly RulePath[]
  readonly approximate: boolean
  readonly measures: readonly RuleMeasure[]
  readonly buckets: readonly { readonly unit: BucketUnit; readonly keep: number }[]
  /** Null for all collections. */
  readonly collections: readonly string[] | null
  readonly fromNow: boolean
  /** Dotted paths of everything it looks at. */
  readonly reads: readonly string[]
  /** The definition as it was given, as JSON text: two rules with the same text count the same. */
  readonly text: string
}

const names = new Set([
  'name',
  'on',
  'scope',
  'when',
  'countUnique',
  'approximate',
  'measure',
  'buckets',
  'collections',
  'from',
])

/** Throws `INVALID` or `TOO_LARGE` naming the place, as in `rules[2].when.age.$gt`. */
export function parseRules(input: unknown): readonly Rule[] {
  if (!Array.isArray(input)) return refuse('rules', 'must be an array of rules')
  assertLimit(input.length, limits.counterRules, 'The number of counter rules')
  const seen = new Set<string>()
  return Array.from(input, (value: unknown, i) => {
    const rule = parseRule(value, `rules[${i}]`)
    if (seen.has(rule.name)) refuse(`rules[${i}].name`, `is "${rule.name}", as that of another rule: each name once`)
    seen.add(rule.name)
    return rule
  })
}

function parseRule(input: unknown, at: string): Rule {
  if (!isPlainObject(input)) return refuse(at, 'must be an object with a name')
  for (const name of Object.keys(input))
    if (!names.has(name)) refuse(`${at}.${name}`, `is not known: a rule has ${[...names].join(', ')}`)
  const { scope = 'meta', approximate = false, from } = input
  if (scope !== 'meta' && scope !== 'payload') refuse(`${at}.scope`, 'must be "meta" or "payload"')
  if (typeof approximate !== 'boolean') refuse(`${at}.approximate`, 'must be true or false')
  if (from !== undefined && from !== 'now') refuse(`${at}.from`, 'must be "now", or absent')
  const when = conditions(input['when'], `${at}.when`)
  const unique = paths(input['countUnique'], `${at}.countUnique`)
  const measured = measures(input['measure'], `${at}.measure`)
  return {
    name: named(input['name'], `${at}.name`),
    on: input['on'] === undefined ? operations : choices(input['on'], operations, `${at}.on`),
    when,
    unique,
    approximate,
    measures: measured,
    buckets: buckets(input['buckets'], `${at}.buckets`),
    collections: collections(input['collections'], `${at}.collections`),
    fromNow: from === 'now',
    reads: [
      ...(when === null ? [] : predicatePaths(when)),
      ...[...unique, ...measured].map(({ segments }) => joinPath(segments)),
    ],
    text: plainText(input, at),
  }
}

/** The rule as it was given: a copy that belongs to the caller. */
export function ruleGiven({ text }: Rule): CounterRule {
  const given: unknown = JSON.parse(text)
  return isChecked(given) ? given : refuse('rule', 'was damaged: define the rules again')
}

/** Text that comes from a rule was checked before. */
function isChecked(given: unknown): given is CounterRule {
  return isPlainObject(given) && typeof given['name'] === 'string'
}

function refuse(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

/** Runs a check of the layers below, whose errors do not know where in the rules they are. */
function within<T>(at: string, check: () => T): T {
  try {
    return check()
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    throw new VarveError(cause.code, `"${at}" cannot be used: ${cause.message}`, { cause, details: { path: at } })
  }
}

function named(value: unknown, at: string): string {
  return within(at, () => checkName(value, 'rule'))
}

function conditions(value: unknown, at: string): Predicate | null {
  if (value === undefined) return null
  try {
    const predicate = parseFilter(value)
    return isPlainObject(value) && Object.keys(value).length === 0 ? null : predicate
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    const inner = cause.details?.['path']
    const path = typeof inner === 'string' ? inner.replace(/^filter/, at) : at
    throw new VarveError(cause.code, `"${at}" cannot be evaluated: ${cause.message.replaceAll('"filter', `"${at}`)}`, {
      cause,
      details: { path },
    })
  }
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) return refuse(at, 'must be an array that is not empty')
  return within(at, () => {
    assertLimit(value.length, limits.counterPaths, 'The length of the list')
    return Array.from(value, (item: unknown) => item)
  })
}

function choices<T extends string>(value: unknown, allowed: readonly T[], at: string): readonly T[] {
  const chosen = list(value, at).map((item, i) => {
    const known = allowed.find((candidate) => candidate === item)
    return known ?? refuse(`${at}[${i}]`, `must be one of ${allowed.join(', ')}`)
  })
  return allowed.filter((candidate) => chosen.includes(candidate))
}

function paths(value: unknown, at: string): readonly RulePath[] {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return []
  const found = list(value, at).map((path, i) => pathOf(path, `${at}[${i}]`))
  onlyOnce(found, at)
  return found
}

function pathOf(path: unknown, at: string): RulePath {
  if (typeof path !== 'string') return refuse(at, 'must be a dotted path')
  const segments = within(at, () => splitPath(path))
  if (segments.some((segment) => segment.startsWith('$') || segment === '__proto__'))
    refuse(at, 'names what no document has: $ and __proto__ are reserved')
  return { path, segments }
}

function onlyOnce(found: readonly RulePath[], at: string): void {
  found.forEach(({ path }, i) => {
    if (found.findIndex((other) => other.path === path) !== i) refuse(`${at}[${i}]`, `repeats the path "${path}"`)
  })
}

function measures(value: unknown, at: string): readonly RuleMeasure[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return [measureOf(value, at)]
  const found = list(value, at).map((item, i) => measureOf(item, `${at}[${i}]`))
  onlyOnce(found, at)
  return found
}

function measureOf(value: unknown, at: string): RuleMeasure {
  if (!isPlainObject(value)) return refuse(at, 'must be an object with a path and stats')
  for (const name of Object.keys(value))
    if (name !== 'path' && name !== 'stats') refuse(`${at}.${name}`, 'is not known: a measure has path and stats')
  return { ...pathOf(value['path'], `${at}.path`), stats: choices(value['stats'], statistics, `${at}.stats`) }
}

function buckets(value: unknown, at: string): Rule['buckets'] {
  if (value === undefined) return []
  if (!isPlainObject(value)) return refuse(at, 'must be an object of units and how many are kept')
  for (const unit of Object.keys(value))
    if (!bucketUnits.some((known) => known === unit))
      refuse(`${at}.${unit}`, `must be one of ${bucketUnits.join(', ')}`)
  return bucketUnits.flatMap((unit) => {
    const keep = value[unit]
    if (keep === undefined) return []
    if (typeof keep !== 'number' || !Number.isSafeInteger(keep) || keep < 1 || keep > limits.counterBuckets)
      return refuse(`${at}.${unit}`, `must be a whole number from 1 to ${limits.counterBuckets}`)
    return [{ unit, keep }]
  })
}

function collections(value: unknown, at: string): readonly string[] | null {
  if (value === undefined) return null
  return list(value, at).map((name, i) => within(`${at}[${i}]`, () => checkName(name, 'collection')))
}

/** Rules are kept as JSON, so they must be JSON: a regular expression as an object would come back as nothing. */
function plainText(input: unknown, at: string): string {
  checkPlain(input, at)
  const text = JSON.stringify(input)
  assertLimit(text.length, limits.counterRuleCharacters, `"${at}" in characters`)
  return text
}

/** The parts were checked before, also their depth. */
function checkPlain(value: unknown, at: string): void {
  if (value instanceof RegExp) refuse(at, 'is a regular expression: rules are plain data, use { $regex, $options }')
  if (value === undefined) refuse(at, 'is undefined: leave it out')
  if (Array.isArray(value)) value.forEach((item: unknown, i) => checkPlain(item, `${at}[${i}]`))
  else if (isPlainObject(value)) for (const [name, inner] of Object.entries(value)) checkPlain(inner, `${at}.${name}`)
}

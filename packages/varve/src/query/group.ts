/** Groups and their totals, with the meaning of MongoDB's $group; memory grows with groups, not with documents. */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { joinPath, splitPath } from '../encoding/path.ts'
import { canonicalText } from './canonical.ts'
import { compareValues } from './compare.ts'
import { ExactSum } from './exact-sum.ts'
import { isPlainObject } from './operand.ts'
import type { SortOrder } from './sort.ts'

/** One total of a group: how many documents, or something of the values at a path. */
export interface Total {
  readonly count?: true
  /** Of numbers; everything else is ignored, no number at all gives 0. */
  readonly sum?: string
  /** Of numbers; null when there is none. */
  readonly avg?: string
  /** The first and the last value in the order of `sort`, without missing and null; null when there is none. */
  readonly min?: string
  readonly max?: string
}

/** The values a group is made by, under their paths, and its totals, under their names. */
export type Group = Readonly<Record<string, JsonValue>>

interface Running {
  /** Gives the characters of text that are held since, beyond those held before. */
  add(doc: JsonObject): number
  value(): JsonValue
}

interface Field {
  readonly path: string
  readonly segments: readonly string[]
}

interface NamedTotal {
  readonly name: string
  /** What it is a total of; null when it counts. */
  readonly segments: readonly string[] | null
  start(): Running
}

export interface Grouping {
  readonly by: readonly Field[]
  readonly totals: readonly NamedTotal[]
}

/** All that a grouping looks at, in the form of a sort. */
export function fieldsOf({ by, totals }: Grouping): SortOrder {
  const paths = [
    ...by.map(({ segments }) => segments),
    ...totals.flatMap(({ segments }) => (segments === null ? [] : [segments])),
  ]
  return paths.map((segments) => ({ path: joinPath(segments), segments, direction: 1 }))
}

/** Paths of one grouping, and its totals. */
const maximumFields = 64

const kinds: Readonly<Record<string, (segments: readonly string[]) => Running>> = {
  sum: (segments) => runningSum(segments, (sum) => sum.value()),
  avg: (segments) => runningSum(segments, (sum, count) => (count === 0 ? null : sum.value() / count)),
  min: (segments) => runningBest(segments, -1),
  max: (segments) => runningBest(segments, 1),
}

/** Checks what an application asks for; throws `INVALID` or `TOO_LARGE` naming the place. */
export function parseGrouping(by: unknown, totals: unknown): Grouping {
  if (!Array.isArray(by)) return refuse('by', 'must be a list of paths')
  assertLimit(by.length, maximumFields, 'The number of paths to group by')
  const fields = by.map((path: unknown, i) => fieldAt(path, `by[${i}]`))
  const paths = new Set(fields.map(({ path }) => path))
  if (paths.size < fields.length) return refuse('by', 'has a path twice')
  if (!isPlainObject(totals)) return refuse('totals', 'must be an object of names and totals')
  const entries = Object.entries(totals)
  assertLimit(entries.length, maximumFields, 'The number of totals')
  return {
    by: fields,
    totals: entries.map(([name, total]) => {
      if (name === '__proto__') return refuse(`totals.${name}`, 'cannot be a name')
      if (paths.has(name)) return refuse(`totals.${name}`, 'has the name of a path that is grouped by')
      return { name, ...parseTotal(total, `totals.${name}`) }
    }),
  }
}

function parseTotal(total: unknown, at: string): Omit<NamedTotal, 'name'> {
  if (!isPlainObject(total)) return refuse(at, 'must be one of count, sum, avg, min and max')
  const [only, ...more] = Object.entries(total)
  if (only === undefined || more.length > 0) return refuse(at, 'must have exactly one of count, sum, avg, min and max')
  const [kind, operand] = only
  if (kind === 'count')
    return operand === true ? { segments: null, start: runningCount } : refuse(`${at}.count`, 'must be true')
  const start = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (start === undefined) return refuse(`${at}.${kind}`, 'is none of count, sum, avg, min and max')
  const { segments } = fieldAt(operand, `${at}.${kind}`)
  return { segments, start: () => start(segments) }
}

function fieldAt(path: unknown, at: string): Field {
  if (typeof path !== 'string') return refuse(at, 'must be a path')
  try {
    return { path, segments: splitPath(path) }
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    return refuse(at, `is not a path: ${cause.message}`)
  }
}

function refuse(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

interface Gathered {
  readonly values: readonly JsonValue[]
  readonly totals: readonly Running[]
}

/** The groups of the documents added so far. */
export class Groups {
  readonly #grouping: Grouping
  readonly #groups = new Map<string, Gathered>()
  #characters = 0

  constructor(grouping: Grouping) {
    this.#grouping = grouping
  }

  /** Throws `TOO_LARGE` for one group too many. */
  add(doc: JsonObject): void {
    const values = this.#grouping.by.map(({ segments }) => fieldValue(doc, segments) ?? null)
    const name = values.length === 1 ? canonicalText(values[0] ?? null) : canonicalText(values)
    const group = this.#groups.get(name) ?? this.#open(name, values)
    for (const total of group.totals) this.#hold(total.add(doc))
  }

  #open(name: string, values: readonly JsonValue[]): Gathered {
    assertLimit(this.#groups.size + 1, limits.groups, 'The number of groups')
    this.#hold(name.length)
    const made = { values, totals: this.#grouping.totals.map((total) => total.start()) }
    this.#groups.set(name, made)
    return made
  }

  #hold(characters: number): void {
    this.#characters += characters
    if (characters > 0) assertLimit(this.#characters, limits.groupCharacters, 'The text of all groups in characters')
  }

  /** Ascending by their values, path by path. */
  finish(): readonly Group[] {
    const { by, totals } = this.#grouping
    return [...this.#groups.values()]
      .toSorted(compareGroups)
      .map((group) =>
        Object.fromEntries([
          ...by.map(({ path }, i) => [path, group.values[i] ?? null] as const),
          ...totals.map(({ name }, i) => [name, group.totals[i]?.value() ?? null] as const),
        ]),
      )
  }
}

function compareGroups(a: Gathered, b: Gathered): number {
  for (const [i, value] of a.values.entries()) {
    const order = compareValues(value, b.values[i])
    if (order !== 0) return order
  }
  return 0
}

/**
 * The value of a path as MongoDB's expressions read it, which is not how filters do: behind an array it is the array of
 * the values in its objects, and a number in a path is a name only.
 */
export function fieldValue(doc: JsonObject, segments: readonly string[], start = 0): JsonValue | undefined {
  let current: JsonObject = doc
  for (let i = start; ; i++) {
    const name = segments[i] ?? ''
    const value = Object.hasOwn(current, name) ? current[name] : undefined
    if (i + 1 === segments.length) return value
    if (isJsonArray(value)) {
      return value.flatMap((element) => {
        const inner = isJsonObject(element) ? fieldValue(element, segments, i + 1) : undefined
        return inner === undefined ? [] : [inner]
      })
    }
    if (!isJsonObject(value)) return undefined
    current = value
  }
}

function runningCount(): Running {
  let count = 0
  const add = (): number => {
    count++
    return 0
  }
  return { add, value: () => count }
}

function runningSum(segments: readonly string[], result: (sum: ExactSum, count: number) => JsonValue): Running {
  const sum = new ExactSum()
  let count = 0
  return {
    add: (doc) => {
      const value = fieldValue(doc, segments)
      if (typeof value !== 'number') return 0
      sum.add(value)
      count++
      return 0
    },
    value: () => result(sum, count),
  }
}

function charactersOf(value: JsonValue): number {
  if (typeof value === 'string') return value.length
  return typeof value === 'object' && value !== null ? canonicalText(value).length : 0
}

function runningBest(segments: readonly string[], sign: 1 | -1): Running {
  let best: JsonValue = null
  return {
    add: (doc) => {
      const value = fieldValue(doc, segments) ?? null
      if (value === null || (best !== null && compareValues(value, best) * sign <= 0)) return 0
      const held = charactersOf(value) - charactersOf(best)
      best = value
      return held
    },
    value: () => best,
  }
}

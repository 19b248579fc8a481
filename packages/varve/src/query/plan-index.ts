/** What reading one index would give a query: its ranges, the part of the sort it covers, and a guess at its cost. */

import { joinPath } from '../encoding/path.ts'
import { limits } from '../limits.ts'
import { arrayIndex } from './matcher.ts'
import { segmentsOf } from './index-keys.ts'
import { anyKey, wholeRange } from './order-key.ts'
import type { Predicate } from './predicate.ts'
import { behind, breadth, intersection, isPoint, pointRange, testRanges, union, unionOf } from './ranges.ts'
import type { Ranges } from './ranges.ts'
import type { SortOrder } from './sort.ts'

/** An index as the planner knows it. */
export interface IndexInfo {
  readonly no: number
  readonly paths: readonly string[]
  /** For each path, false when every document has one key under it, which allows more; unknown counts as true. */
  readonly multikey?: readonly boolean[]
}

/** One path of an index prepared for planning. */
interface Part {
  readonly path: string
  readonly multikey: boolean
  readonly numeric: boolean
}

export interface Target {
  readonly info: IndexInfo
  readonly parts: readonly Part[]
}

export interface IndexRead {
  readonly target: Target
  /** Ranges of the leading paths that the filter narrows, each for itself; none when it narrows nothing. */
  readonly parts: readonly Ranges[]
  /** All of it together, ascending. */
  readonly ranges: Ranges
  /** Fields of the sort that the order of reading gives, from the first on. */
  readonly given: number
  readonly reverse: boolean
  /** Keys of the leading paths while such a group of rows is read: fixed ones, or those of sort fields by number. */
  readonly lead: readonly (Uint8Array | number)[]
  /** The whole sort is given, and rows of one group come by id. */
  readonly exact: boolean
  /** One whole key is read. */
  readonly whole: boolean
  readonly repeats: boolean
  readonly cost: number
}

/** Prefixes made of the values of several paths; beyond, further paths do not narrow. */
const maximumPrefixes = 1_000
/** Guessed parts of an index that one value, a range bounded at both ends and one bounded at one end leave. */
const fractions = [0, 0.001, 0.1, 0.33] as const

export function targetOf(info: IndexInfo): Target {
  const parts = segmentsOf(info.paths).map((segments, i) => ({
    path: joinPath(segments),
    multikey: info.multikey?.[i] ?? true,
    numeric: segments.some((segment) => arrayIndex(segment) >= 0),
  }))
  return { info, parts }
}

export function readIndex(target: Target, predicate: Predicate, order: SortOrder): IndexRead {
  const { parts, ranges } = narrowed(target, predicate)
  const pins = target.parts.map((_, i) => pinOf(parts[i]))
  const sort = sortedBy(target, pins, parts.length > 0, order)
  const all = sort.lead.length === target.parts.length
  const cost = parts.reduce((product, part) => product * fractionOf(part), 1)
  return {
    target,
    parts,
    ranges,
    ...sort,
    exact: all && sort.given === order.length,
    whole: pins.every((pin) => pin !== null),
    repeats: target.parts.some(({ multikey }, i) => multikey && pins[i] === null),
    // The order only decides between indexes that narrow about as much.
    cost: cost * (order.length > 0 && sort.given === 0 ? 1.5 : 1) + target.parts.length * 1e-9,
  }
}

function fractionOf(ranges: Ranges): number {
  const fraction = fractions[breadth(ranges)]
  return fraction === fractions[1] ? Math.min(fraction * ranges.length, fractions[2] / 2) : fraction
}

/** Equalities on the leading paths, and then ranges on one more. */
function narrowed(
  target: Target,
  predicate: Predicate,
): { readonly parts: readonly Ranges[]; readonly ranges: Ranges } {
  const parts: Ranges[] = []
  let prefixes: readonly Uint8Array[] = [new Uint8Array()]
  for (const [i, part] of target.parts.entries()) {
    const found = rangesOn(part, predicate, [])
    if (found === null) break
    const mayBeAny = part.multikey && target.parts.slice(0, i).some(({ multikey }) => multikey)
    const own = mayBeAny && found.length > 0 ? union([pointRange(anyKey), ...found]) : found
    if (i > 0 && prefixes.length * own.length > maximumPrefixes) break
    parts.push(own)
    if (!own.every(isPoint) || own.length === 0) return { parts, ranges: behind(prefixes, own) }
    prefixes = behind(prefixes, own).map(({ from }) => from)
  }
  return { parts, ranges: parts.length === 0 ? [wholeRange] : prefixes.map(pointRange) }
}

/** The key when the ranges are a single one. */
function pinOf(ranges: Ranges | undefined): Uint8Array | null {
  const [first] = ranges ?? []
  return first !== undefined && ranges?.length === 1 && isPoint(first) ? first.from : null
}

/**
 * How far the order of the rows goes with the sort: through paths with one key, which play no part, and paths that
 * are the next field of the sort, all of them upwards or all downwards.
 */
function sortedBy(
  target: Target,
  pins: readonly (Uint8Array | null)[],
  filtered: boolean,
  order: SortOrder,
): Pick<IndexRead, 'given' | 'reverse' | 'lead'> {
  const constant = new Set(target.parts.filter((part, i) => isConstant(part, pins[i])).map(({ path }) => path))
  const fields = order.map(({ segments, direction }) => ({ path: joinPath(segments), direction }))
  const lead: (Uint8Array | number)[] = []
  let direction: 1 | -1 | null = null
  let given = 0
  const pass = (): void => {
    while (given < fields.length && constant.has(fields[given]?.path ?? '')) given++
  }
  for (const [i, { path, multikey }] of target.parts.entries()) {
    pass()
    const pin = pins[i]
    if (pin !== null && pin !== undefined) {
      lead.push(pin)
      continue
    }
    const field = fields[given]
    // A document with several keys stands at the right place first, but only where all its keys are read.
    const known = !multikey || (i === 0 && !filtered)
    if (field?.path !== path || !known || (direction !== null && direction !== field.direction)) break
    direction = field.direction
    lead.push(given++)
  }
  pass()
  const idDirection = fields[0]?.path === 'id' ? fields[0].direction : 1
  return { given, reverse: (direction ?? idDirection) === -1, lead }
}

/** True when all documents of the one key have the same value: keys that were cut off may hide several. */
function isConstant({ multikey }: Part, pin: Uint8Array | null | undefined): boolean {
  return !multikey && pin !== null && pin !== undefined && pin.length < limits.indexKeyBytes
}

/** Ranges of keys of the path that hold one of every document the predicate can be true for; null for all. */
function rangesOn(part: Part, predicate: Predicate, prefix: readonly string[]): Ranges | null {
  switch (predicate.kind) {
    case 'not':
      return null
    case 'or':
      return unionOf(predicate.of.map((each) => rangesOn(part, each, prefix)))
    case 'and':
      return conjunction(part, predicate.of, prefix)
    case 'path': {
      const { test } = predicate
      const segments = [...prefix, ...predicate.segments]
      const path = joinPath(segments)
      if (path === part.path) return testRanges(test, part.numeric)
      const inside = test.op === 'element' && test.of === 'objects' && !part.numeric && part.path.startsWith(`${path}.`)
      return inside ? rangesOn(part, test.where, segments) : null
    }
  }
}

/** With several keys each condition may be met by another one, so only the narrowest condition counts. */
function conjunction(part: Part, conditions: readonly Predicate[], prefix: readonly string[]): Ranges | null {
  let best: Ranges | null = null
  for (const condition of conditions) {
    const ranges = rangesOn(part, condition, prefix)
    if (ranges === null) continue
    if (best === null) best = ranges
    else if (!part.multikey) best = intersection(best, ranges)
    else if (breadth(ranges) < breadth(best) || (breadth(ranges) === breadth(best) && ranges.length < best.length))
      best = ranges
  }
  return best
}

/** Reading counters: the figures of one rule, from one place or put together from several. */

import { decodeCbor } from '../encoding/cbor.ts'
import { isoTime } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { emptyCell, type Cell } from './cell.ts'
import { partName } from './count.ts'
import { digitsFor, pagePrefix, pagesOf, rowsPrefix, type Place } from './names.ts'
import type { Rule, RuleMeasure } from './rule.ts'
import { levelOf, medianOf } from './sample.ts'
import { Sheet, type NamedValues } from './sheet.ts'
import { emptySketch, estimate, unionOf } from './sketch.ts'
import { bucketAt, bucketName, bucketStart } from './time.ts'
import type { BucketFigures, BucketUnit, Measured, RuleFigures, RuleTotals } from './types.ts'

/** One collection in which a rule has counted. */
export interface FigureSource {
  readonly values: NamedValues
  /** Number under which the rule is stored there. */
  readonly rule: number
  /** Local number. */
  readonly collection: number
}

interface Found {
  readonly source: FigureSource
  readonly place: Place
  readonly cell: Cell
}

/** The figures of a rule over all sources, whose definitions of it are the same; parts of time are kept as of `now`. */
export async function ruleTotals(rule: Rule, sources: readonly FigureSource[], now: number): Promise<RuleTotals> {
  const all = await cellsOf(rule, sources, 'all')
  const figures = await figuresOf(rule, all)
  if (rule.buckets.length === 0) return figures
  const buckets: { [Unit in BucketUnit]?: readonly BucketFigures[] } = {}
  for (const [i, { unit, keep }] of rule.buckets.entries()) {
    const oldest = bucketAt(unit, now) - keep
    const parts = new Set(all.flatMap(({ cell }) => (cell.parts[i] ?? []).filter((part) => part > oldest)))
    const list: BucketFigures[] = []
    for (const part of [...parts].toSorted((a, b) => a - b)) {
      const having = all.filter(({ cell }) => cell.parts[i]?.includes(part)).map(({ source }) => source)
      const found = await cellsOf(rule, having, partName(unit, part))
      const start = isoTime(bucketStart(unit, part))
      list.push({ name: bucketName(unit, part), start, ...(await figuresOf(rule, found)) })
    }
    buckets[unit] = list
  }
  return { ...figures, buckets }
}

async function cellsOf(rule: Rule, sources: readonly FigureSource[], part: string): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const source of sources) {
    const place = { rule: source.rule, collection: source.collection, part }
    found.push({ source, place, cell: await new Sheet(source.values).cell(place, rule) })
  }
  return found
}

async function figuresOf(rule: Rule, found: readonly Found[]): Promise<RuleFigures> {
  const total = emptyCell(rule)
  for (const { cell } of found) {
    total.created += cell.created
    total.updated += cell.updated
    total.deleted += cell.deleted
  }
  const unique: Record<string, number> = {}
  for (const [i, { path }] of rule.unique.entries()) unique[path] = await uniqueOf(rule, found, i)
  const measure: Record<string, Measured> = {}
  for (const [i, each] of rule.measures.entries()) measure[each.path] = await measured(each, found, i)
  return {
    ...(rule.on.includes('CREATE') && { created: total.created }),
    ...(rule.on.includes('UPDATE') && { updated: total.updated }),
    ...(rule.on.includes('DELETE') && { deleted: total.deleted }),
    ...(rule.unique.length > 0 && { unique }),
    ...(rule.measures.length > 0 && { measure }),
  }
}

async function uniqueOf(rule: Rule, found: readonly Found[], i: number): Promise<number> {
  if (rule.approximate) {
    let sketch = emptySketch()
    for (const { source, place } of found) {
      const stored = await source.values.value(rowsPrefix(place, 's', i))
      if (stored !== null) sketch = unionOf(sketch, stored)
    }
    return estimate(sketch)
  }
  const counting = found.filter(({ cell }) => (cell.unique[i] ?? 0) > 0)
  const [only] = counting
  if (only === undefined) return 0
  return counting.length === 1 ? (only.cell.unique[i] ?? 0) : unionCount(counting, i)
}

/** Values that several places have count once: their rows are read page by page, since they may be many. */
async function unionCount(found: readonly Found[], i: number): Promise<number> {
  const digits = digitsFor(Math.max(...found.map(({ cell }) => cell.unique[i] ?? 0)))
  let count = 0
  for (let page = 0; page < pagesOf(digits); page++) {
    const hashes = new Set<string>()
    for (const { source, place } of found) {
      const prefix = rowsPrefix(place, 'u', i)
      const rows = await source.values.values(pagePrefix(prefix, digits, page))
      for (const name of rows.keys()) hashes.add(name.slice(prefix.length))
    }
    count += hashes.size
  }
  return count
}

async function measured({ stats }: RuleMeasure, found: readonly Found[], i: number): Promise<Measured> {
  const parts = found.flatMap(({ cell }) => cell.measures[i] ?? [])
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const sum = finite(parts.reduce((total, part) => total + part.sum, 0))
  const lowest = parts.flatMap(({ min }) => min ?? [])
  const highest = parts.flatMap(({ max }) => max ?? [])
  const kept = stats.includes('median') ? await keptNumbers(found, i) : []
  return {
    count,
    ...(stats.includes('sum') && { sum }),
    ...(stats.includes('avg') && { avg: count === 0 ? null : sum / count }),
    ...(stats.includes('min') && { min: count === 0 ? null : Math.min(...lowest) }),
    ...(stats.includes('max') && { max: count === 0 ? null : Math.max(...highest) }),
    ...(stats.includes('median') && { median: medianOf(kept), medianOf: kept.length }),
  }
}

function finite(sum: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, sum))
}

/** Where one place keeps a part only, the same part is taken of all others. */
async function keptNumbers(found: readonly Found[], i: number): Promise<readonly number[]> {
  const level = Math.max(0, ...found.map(({ cell }) => cell.measures[i]?.level ?? 0))
  const numbers: number[] = []
  for (const { source, place } of found) {
    const prefix = rowsPrefix(place, 'm', i)
    for (const [name, bytes] of await source.values.values(prefix))
      if (levelOf(name.slice(prefix.length)) >= level) numbers.push(numberOf(bytes))
  }
  return numbers
}

function numberOf(bytes: Uint8Array): number {
  const value = decodeCbor(bytes, 'A number kept for a median')
  if (typeof value !== 'number') throw new VarveError('TAMPERED', 'A number kept for a median is none: recount')
  return value
}

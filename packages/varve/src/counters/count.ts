/** Counting one version under one rule: over all time, and in every part of time the rule asks for. */

import { primitives } from '../crypto/primitives.ts'
import { toHex } from '../encoding/bytes.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import type { JsonObject, JsonValue } from '../encoding/json.ts'
import { limits } from '../limits.ts'
import { matches } from '../query/matcher.ts'
import { keyValues } from '../query/sort-key.ts'
import type { Cell, CellMeasure } from './cell.ts'
import { rowsPrefix, type Place } from './names.ts'
import type { Rule } from './rule.ts'
import { levelOf, sampleName } from './sample.ts'
import type { Sheet } from './sheet.ts'
import { emptySketch, withValue } from './sketch.ts'
import { bucketAt } from './time.ts'
import type { BucketUnit, CounterOperation } from './types.ts'

/** One version that counts. */
export interface CountedVersion {
  readonly operation: CounterOperation
  /** Local number of its collection. */
  readonly collection: number
  /** Trusted time, Unix milliseconds. */
  readonly at: number
  /** Where it stands in the record. */
  readonly record: number
  readonly index: number
  /** The document as the version left it; null when it cannot be read here. */
  readonly doc: JsonObject | null
  /** Dotted paths of what is sealed in it under keys that are not held. */
  readonly hidden: readonly string[]
}

const counted = new Uint8Array([1])
const hashBytes = 16

/** False when the rule looks at nothing but what the headers of commits tell. */
export function needsDocuments({ when, unique, measures }: Rule): boolean {
  return when !== null || unique.length > 0 || measures.length > 0
}

/** Counts a version if the rule wants it; `no` is the number under which the rule is stored. */
export async function countVersion(sheet: Sheet, no: number, rule: Rule, version: CountedVersion): Promise<void> {
  const { doc, operation, collection, at } = version
  if (!rule.on.includes(operation)) return
  if (needsDocuments(rule)) {
    // What cannot be read is not taken for missing.
    if (doc === null || hidesWhatItReads(rule, version)) return
    if (rule.when !== null && !matches(rule.when, doc)) return
  }
  const figures = figuresOf(rule, version)
  const whole: Place = { rule: no, collection, part: 'all' }
  const all = await sheet.cell(whole, rule)
  await add(sheet, whole, rule, all, figures)
  for (const [i, { unit, keep }] of rule.buckets.entries()) {
    const part = bucketAt(unit, at)
    if (!(await enter(sheet, whole, rule, all.parts[i] ?? [], { unit, keep, part }))) continue
    const place = { ...whole, part: partName(unit, part) }
    await add(sheet, place, rule, await sheet.cell(place, rule), figures)
  }
}

function hidesWhatItReads({ reads }: Rule, { hidden }: CountedVersion): boolean {
  return hidden.some((path) =>
    reads.some((read) => read === path || read.startsWith(`${path}.`) || path.startsWith(`${read}.`)),
  )
}

/** The last piece of a part's place. */
export function partName(unit: BucketUnit, part: number): string {
  return unit.slice(0, 1) + String(part)
}

/** Makes room for a part of time, dropping what is too old; false when it is too old itself. */
async function enter(
  sheet: Sheet,
  whole: Place,
  rule: Rule,
  parts: number[],
  { unit, keep, part }: { readonly unit: BucketUnit; readonly keep: number; readonly part: number },
): Promise<boolean> {
  const last = parts.at(-1) ?? part
  if (part <= last - keep) return false
  if (parts.includes(part)) return true
  parts.push(part)
  parts.sort((a, b) => a - b)
  for (const old of parts.splice(
    0,
    parts.findIndex((each) => each > part - keep),
  ))
    await sheet.drop({ ...whole, part: partName(unit, old) }, rule)
  return true
}

interface Figures {
  readonly version: CountedVersion
  /** Hashes of the values of each path. */
  readonly values: readonly (readonly Uint8Array[])[]
  readonly numbers: readonly (readonly number[])[]
}

function figuresOf({ unique, measures }: Rule, version: CountedVersion): Figures {
  const { doc } = version
  if (doc === null) return { version, values: [], numbers: [] }
  return {
    version,
    values: unique.map(({ segments }) => valuesAt(doc, segments).map(hashOf)),
    numbers: measures.map(({ segments }) => valuesAt(doc, segments).filter((value) => typeof value === 'number')),
  }
}

/** The first values a path leads to, those of arrays one by one; null and what is missing are none. */
function valuesAt(doc: JsonObject, segments: readonly string[]): readonly JsonValue[] {
  const values = keyValues(doc, segments).filter((value) => value !== null && value !== undefined)
  // Each takes a row in the write that counts it: one document must not keep everybody waiting.
  return values.slice(0, limits.counterValues)
}

/** CBOR tells 1 from "1", and orders attributes. */
function hashOf(value: JsonValue): Uint8Array {
  return primitives.sha256(encodeCbor(value)).subarray(0, hashBytes)
}

async function add(sheet: Sheet, place: Place, rule: Rule, cell: Cell, figures: Figures): Promise<void> {
  const { operation } = figures.version
  if (operation === 'CREATE') cell.created++
  else if (operation === 'UPDATE') cell.updated++
  else cell.deleted++
  for (const [i, hashes] of figures.values.entries()) {
    if (rule.approximate) await addToSketch(sheet, rowsPrefix(place, 's', i), hashes)
    else await addToSet(sheet, rowsPrefix(place, 'u', i), hashes, cell.unique, i)
  }
  for (const [i, numbers] of figures.numbers.entries()) {
    const measure = cell.measures[i]
    const keeps = rule.measures[i]?.stats.includes('median') === true
    if (measure === undefined) continue
    for (const [element, number] of numbers.entries()) {
      addNumber(measure, number)
      if (keeps) await keepNumber(sheet, rowsPrefix(place, 'm', i), measure, { ...figures.version, element, number })
    }
  }
}

async function addToSet(
  sheet: Sheet,
  prefix: string,
  hashes: readonly Uint8Array[],
  unique: number[],
  i: number,
): Promise<void> {
  for (const hash of hashes) {
    const name = prefix + toHex(hash)
    if (await sheet.has(name)) continue
    sheet.set(name, counted)
    unique[i] = (unique[i] ?? 0) + 1
  }
}

async function addToSketch(sheet: Sheet, name: string, hashes: readonly Uint8Array[]): Promise<void> {
  if (hashes.length === 0) return
  const before = (await sheet.value(name)) ?? emptySketch()
  const after = hashes.reduce(withValue, before)
  if (after !== before) sheet.set(name, after)
}

function addNumber(measure: CellMeasure, number: number): void {
  measure.count++
  // Sums stay numbers, whatever is added: what is not finite could not be stored.
  measure.sum = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, measure.sum + number))
  measure.min = Math.min(measure.min ?? number, number)
  measure.max = Math.max(measure.max ?? number, number)
}

/** Keeps a number for the median; when there are too many, half of them go, chosen by where they stand in the record. */
async function keepNumber(
  sheet: Sheet,
  prefix: string,
  measure: CellMeasure,
  number: { readonly record: number; readonly index: number; readonly element: number; readonly number: number },
): Promise<void> {
  const name = sampleName(number)
  if (levelOf(name) < measure.level) return
  sheet.set(prefix + name, encodeCbor(number.number))
  measure.kept++
  while (measure.kept > limits.counterMedian) {
    measure.level++
    for (const row of (await sheet.values(prefix)).keys()) {
      if (levelOf(row.slice(prefix.length)) >= measure.level) continue
      sheet.set(row, null)
      measure.kept--
    }
  }
}

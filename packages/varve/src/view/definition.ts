/** Parsing of view definitions: outside input becomes functions once, or an error that names the place. */

import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { checkAttribute } from '../encoding/json.ts'
import { checkName } from '../encoding/id.ts'
import { parseFilter } from '../query/filter.ts'
import { isPlainObject } from '../query/operand.ts'
import type { Predicate } from '../query/predicate.ts'
import type { PathFilter } from '../query/types.ts'
import { parseExpression, refuseView, type Evaluate, type ExpressionBudget } from './expression.ts'
import type { TotalName } from './types.ts'

export interface ParsedSource {
  /** Name or id; null when there is only one. */
  readonly tenant: string | null
  readonly database: string
  readonly collection: string
  readonly filter: PathFilter
  readonly predicate: Predicate
  readonly origin: string | null
}

export interface ParsedCategory {
  readonly name: string
  readonly value: Evaluate
  readonly direction: 1 | -1
  readonly separator: string | null
}

interface ParsedSort {
  readonly value: Evaluate
  readonly direction: 1 | -1
}

export interface ParsedColumn {
  readonly name: string
  readonly value: Evaluate
  readonly totals: readonly TotalName[]
}

export interface ParsedView {
  readonly name: string
  readonly sources: readonly ParsedSource[]
  readonly categories: readonly ParsedCategory[]
  readonly sort: readonly ParsedSort[]
  readonly columns: readonly ParsedColumn[]
  /** Dotted paths that categories, order and columns read. */
  readonly paths: readonly string[]
  /** The definition as text: a view saved under another one is built anew. */
  readonly text: string
}

type Fields = Readonly<Record<string, unknown>>

const totalNames: readonly TotalName[] = ['sum', 'average', 'count', 'min', 'max']

/** Throws `INVALID` naming the place, as in `columns[2].value.add[0]`. */
export function parseDefinition(definition: unknown): ParsedView {
  const fields = fieldsOf(definition, 'definition', ['name', 'sources', 'categories', 'sort', 'columns'])
  const budget: ExpressionBudget = { parts: 0, paths: new Set() }
  const sources = listAt(fields['sources'], 'sources', limits.viewSources).map(parseSource)
  if (sources.length === 0) refuseView('sources', 'is empty: name the collections that the view reads')
  const categories = listAt(fields['categories'], 'categories').map((each, i) => parseCategory(each, i, budget))
  const sort = listAt(fields['sort'], 'sort').map((each, i) => parseSort(each, `sort[${i}]`, budget))
  const columns = listAt(fields['columns'], 'columns').map((each, i) => parseColumn(each, `columns[${i}]`, budget))
  assertDistinct(categories, 'categories')
  assertDistinct(columns, 'columns')
  const [name, text] = [nameAt(fields['name'], 'name'), JSON.stringify(definition)]
  return { name, sources, categories, sort, columns, paths: [...budget.paths], text }
}

function parseSource(source: unknown, i: number): ParsedSource {
  const at = `sources[${i}]`
  const fields = fieldsOf(source, at, ['tenant', 'database', 'collection', 'filter', 'origin'])
  const filter = fields['filter'] ?? {}
  return {
    tenant: fields['tenant'] === undefined ? null : nameAt(fields['tenant'], `${at}.tenant`),
    database: nameAt(fields['database'], `${at}.database`),
    collection: nameAt(fields['collection'], `${at}.collection`),
    ...parsePlainFilter(filter, `${at}.filter`),
    origin: fields['origin'] === undefined ? null : textAt(fields['origin'], `${at}.origin`),
  }
}

/** Filters of views are JSON, so that the definition can be stored and compared. */
function parsePlainFilter(filter: unknown, at: string): { readonly filter: PathFilter; readonly predicate: Predicate } {
  try {
    const predicate = parseFilter(filter)
    // A copy: what the caller changes later must not change the view.
    const copy: unknown = JSON.parse(JSON.stringify(filter, refusePatterns))
    return { filter: isFilter(copy) ? copy : refuseView(at, 'must be an object'), predicate }
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    throw new VarveError(cause.code, `In "${at}": ${cause.message}`, { cause, details: { ...cause.details, path: at } })
  }
}

/** True for what `parseFilter` has taken. */
function isFilter(value: unknown): value is PathFilter {
  return isPlainObject(value)
}

function refusePatterns(name: string, value: unknown): unknown {
  if (value instanceof RegExp) refuseView(name, 'is a regular expression: write it as { $regex, $options }')
  return value
}

function parseCategory(category: unknown, i: number, budget: ExpressionBudget): ParsedCategory {
  const at = `categories[${i}]`
  const fields = fieldsOf(category, at, ['value', 'name', 'order', 'separator'])
  const separator = fields['separator'] === undefined ? null : textAt(fields['separator'], `${at}.separator`)
  return {
    name: fields['name'] === undefined ? `category${i + 1}` : nameAt(fields['name'], `${at}.name`),
    separator: separator === '' ? refuseView(`${at}.separator`, 'is empty') : separator,
    ...parseOrdered(fields, at, budget),
  }
}

function parseSort(sort: unknown, at: string, budget: ExpressionBudget): ParsedSort {
  return parseOrdered(fieldsOf(sort, at, ['value', 'order']), at, budget)
}

function parseOrdered(fields: Fields, at: string, budget: ExpressionBudget): ParsedSort {
  const order = fields['order'] ?? 'asc'
  if (order !== 'asc' && order !== 'desc') refuseView(`${at}.order`, 'must be "asc" or "desc"')
  const value = parseExpression(fields['value'], `${at}.value`, budget)
  return { value, direction: order === 'asc' ? 1 : -1 }
}

function parseColumn(column: unknown, at: string, budget: ExpressionBudget): ParsedColumn {
  const fields = fieldsOf(column, at, ['name', 'value', 'totals'])
  const totals = listAt(fields['totals'], `${at}.totals`, totalNames.length).map((name, i) => {
    const known = totalNames.find((each) => each === name)
    return known ?? refuseView(`${at}.totals[${i}]`, `is no total: choose from ${totalNames.join(', ')}`)
  })
  return {
    name: nameAt(fields['name'], `${at}.name`),
    value: parseExpression(fields['value'], `${at}.value`, budget),
    totals: totalNames.filter((name) => totals.includes(name)),
  }
}

function fieldsOf(value: unknown, at: string, known: readonly string[]): Fields {
  if (!isPlainObject(value)) return refuseView(at, 'must be an object')
  for (const name of Object.keys(value))
    if (!known.includes(name)) refuseView(`${at}.${name}`, `is not known: choose from ${known.join(', ')}`)
  return value
}

function listAt(value: unknown, at: string, most: number = limits.viewColumns): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return refuseView(at, 'must be an array')
  if (value.length > most) refuseView(at, `has ${value.length} items: at most ${most} are allowed`)
  return Array.from(value, (item: unknown) => item)
}

function textAt(value: unknown, at: string): string {
  return typeof value === 'string' && value.isWellFormed() ? value : refuseView(at, 'must be text')
}

function nameAt(value: unknown, at: string): string {
  try {
    const name = checkName(textAt(value, at), at)
    checkAttribute(name, at, 1)
    return name
  } catch (cause) {
    if (!isVarveError(cause)) throw cause
    throw new VarveError('INVALID', `"${at}" cannot be a name: ${cause.message}`, { cause, details: { path: at } })
  }
}

function assertDistinct(list: readonly { readonly name: string }[], at: string): void {
  const seen = new Set<string>()
  for (const [i, { name }] of list.entries()) {
    if (seen.has(name)) refuseView(`${at}[${i}].name`, `is "${name}" like an earlier one: choose another`)
    seen.add(name)
  }
}

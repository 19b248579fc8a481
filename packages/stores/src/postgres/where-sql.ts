/** Conditions on heads as SQL over `d.head`, a head as `jsonb`: only shapes go into the text, every name and value is bound. */

import type { Bounds, Kinds, Place, Scalar, Where } from 'varve/engine'
import { jsons, type Value } from './values.ts'

/** Values bound to a statement, each under its number. */
export class Bindings {
  readonly values: Value[]

  constructor(values: readonly Value[]) {
    this.values = [...values]
  }

  add(value: Value): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** Text that a head which is kept as text cannot hold: only heads kept as bytes can, and those are not looked at here. */
function isRare(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed()
}

/** The condition as an SQL expression that is true of every head it is true of. */
export function whereSql(where: Where, bind: Bindings): string {
  switch (where.kind) {
    case 'and':
    case 'or': {
      if (where.of.length === 0) return where.kind === 'and' ? 'true' : 'false'
      return `(${where.of.map((part) => whereSql(part, bind)).join(where.kind === 'and' ? ' AND ' : ' OR ')})`
    }
    case 'among':
      return amongSql(waysOf(where.at, bind), where.scalars, bind)
    case 'none':
      return noneSql(waysOf(where.at, bind), where.scalars, bind)
    case 'kinds':
      return kindsSql(waysOf(where.at, bind), where.kinds, bind)
  }
}

/** The value at a place as it is written; NULL when there is none, or an array stands on the way. */
export function writtenSql({ field, names }: Place, bind: Bindings): string {
  const start = `d.written -> ${bind.add(String(field))}::integer`
  if (names.some(isRare)) return 'NULL::json'
  return `(${[start, ...names.map((name) => `${bind.add(name)}::text`)].join(' -> ')})`
}

/** The value at the end of a walk, and those on the way that could be arrays; a step on an array gives NULL. */
interface Ways {
  readonly end: string
  readonly way: readonly string[]
}

function waysOf({ field, names }: Place, bind: Bindings): Ways {
  let end = `(d.head -> ${bind.add(String(field))}::integer)`
  const way: string[] = []
  for (const name of names) {
    way.push(end)
    end = isRare(name) ? 'NULL::jsonb' : `(${end} -> ${bind.add(name)}::text)`
  }
  return { end, way }
}

function isArray(value: string): string {
  return `coalesce(jsonb_typeof(${value}) = 'array', false)`
}

/** Numbers equal as decimals when they do as JavaScript wrote them; texts equal byte by byte. */
function amongSql({ end, way }: Ways, scalars: readonly Scalar[], bind: Bindings): string {
  const value = scalars.includes(null) ? `coalesce(${end}, 'null'::jsonb)` : end
  const arrays = [...way, end].map((each) => {
    const [only] = scalars
    if (scalars.length !== 1 || only === undefined || only === null) return isArray(each)
    if (typeof only === 'string' && isRare(only)) return 'false'
    const vars = `jsonb_build_object('v', ${bind.add(JSON.stringify(only))}::jsonb)`
    return `(${isArray(each)} AND jsonb_path_exists(${each}, '$.** ? (@ == $v)', ${vars}))`
  })
  return `(coalesce(${value} = ANY(${listed(scalars, bind)}), false) OR ${arrays.join(' OR ')})`
}

function noneSql({ end, way }: Ways, scalars: readonly Scalar[], bind: Bindings): string {
  const value = `coalesce(${end}, 'null'::jsonb)`
  // At an array on the way the value is no scalar, not null either.
  const arrays = scalars.includes(null) ? way.map((each) => ` OR ${isArray(each)}`) : []
  return `(${value} <> ALL(${listed(scalars, bind)})${arrays.join('')})`
}

/** One shape for any number of scalars, so that statements are found again. */
function listed(scalars: readonly Scalar[], bind: Bindings): string {
  const possible = scalars.filter((scalar) => typeof scalar !== 'string' || !isRare(scalar))
  return `${bind.add(jsons(possible.map((scalar) => JSON.stringify(scalar))))}::jsonb[]`
}

function kindsSql({ end, way }: Ways, kinds: Kinds, bind: Bindings): string {
  const cases = [
    `WHEN 'string' THEN ${kinds.string === null ? 'false' : textSql(end, kinds.string, bind)}`,
    `WHEN 'number' THEN ${kinds.number === null ? 'false' : numberSql(end, kinds.number, bind)}`,
    `WHEN 'array' THEN true`,
    `WHEN 'null' THEN ${String(kinds.null)}`,
    `WHEN 'object' THEN ${String(kinds.object)}`,
    `WHEN 'boolean' THEN ${String(kinds.boolean)}`,
  ]
  const missing = kinds.missing ? ['true'] : way.map(isArray)
  return `CASE jsonb_typeof(${end}) ${cases.join(' ')} ELSE ${missing.length === 0 ? 'false' : `(${missing.join(' OR ')})`} END`
}

function numberSql(value: string, { least, most }: Bounds<number>, bind: Bindings): string {
  const end = (number: number): string => `${bind.add(JSON.stringify(number))}::jsonb`
  const parts: string[] = []
  if (least !== null && Number.isFinite(least)) parts.push(`${value} >= ${end(least)}`)
  if (most !== null && Number.isFinite(most)) parts.push(`${value} <= ${end(most)}`)
  return parts.length === 0 ? 'true' : `(${parts.join(' AND ')})`
}

/** By their UTF-8 bytes, which is the order of code points; ends that PostgreSQL cannot hold stand a little wider. */
function textSql(value: string, { least, most }: Bounds<string>, bind: Bindings): string {
  const text = `(${value} #>> '{}') COLLATE "C"`
  const parts: string[] = []
  if (least !== null && least.isWellFormed()) parts.push(`${text} >= ${bind.add(cut(least))}::text`)
  if (most !== null && most.isWellFormed()) parts.push(`${text} <= ${bind.add(cut(most))}::text`)
  return parts.length === 0 ? 'true' : `(${parts.join(' AND ')})`
}

/** Of the texts without a zero character, the same are at or above, and at or below, the part before one. */
function cut(text: string): string {
  const zero = text.indexOf('\0')
  return zero < 0 ? text : text.slice(0, zero)
}

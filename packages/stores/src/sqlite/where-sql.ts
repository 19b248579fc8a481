/** Conditions on heads as SQL over `d.state`: only shapes go into the text, every path and value is bound. */

import type { Bounds, Kinds, Place, Scalar, Where } from 'varve/engine'
import type { Value } from './connection.ts'

/** Longer paths are not looked at: every prefix of a path costs a call per document. */
const pathNames = 8
const pathCharacters = 1000
/** Characters of a text that bounds a range; what lies beyond is left to the matcher. */
const boundCharacters = 256

/** Values bound to a statement, each under its number. */
export class Bindings {
  readonly values: Value[] = []

  add(value: Value): string {
    this.values.push(value)
    return `?${this.values.length}`
  }
}

/** The condition as an SQL expression that is true of every head it is true of; `1` where SQL cannot tell. */
export function whereSql(where: Where, bind: Bindings): string {
  switch (where.kind) {
    case 'and':
    case 'or': {
      if (where.of.length === 0) return where.kind === 'and' ? '1' : '0'
      return `(${where.of.map((part) => whereSql(part, bind)).join(where.kind === 'and' ? ' AND ' : ' OR ')})`
    }
    case 'among':
      return onPath(where.at, (names) => amongSql(pathsOf(where.at, names, bind), where.scalars, bind))
    case 'none':
      return onPath(where.at, (names) => noneSql(pathsOf(where.at, names, bind), where.scalars, bind))
    case 'kinds':
      return onPath(where.at, (names) => kindsSql(pathsOf(where.at, names, bind), where.kinds, bind))
  }
}

/** The JSON text of a value of the head; NULL when there is none. */
export function jsonSql(place: Place, bind: Bindings): string | null {
  const path = safePath(place)
  return path === null ? null : `(d.state -> ${bind.add(path)})`
}

/** The bound paths of a walk: to its end, and to every value on the way that could be an array. */
interface Paths {
  readonly end: string
  readonly way: readonly string[]
}

function onPath({ field, names }: Place, sql: (names: readonly string[]) => string): string {
  return safePath({ field, names }) === null ? '1' : sql(names)
}

function pathsOf({ field }: Place, names: readonly string[], bind: Bindings): Paths {
  const at = (length: number): string => bind.add(pathText({ field, names: names.slice(0, length) }))
  return { end: at(names.length), way: names.slice(1).map((_, i) => at(i + 1)) }
}

/**
 * SQLite has no escape for quotes in a path, and compares names as JSON writes them: names that JSON would escape are
 * not looked up.
 */
function safePath(place: Place): string | null {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (place.names.length > pathNames || place.names.some((name) => /["\\\u0000-\u001f]/.test(name))) return null
  if (!place.names.every((name) => name.isWellFormed())) return null
  const path = pathText(place)
  return path.length > pathCharacters ? null : path
}

function pathText({ field, names }: Place): string {
  return `$[${field}]${names.map((name) => `."${name}"`).join('')}`
}

/** JSON has one text for every scalar, as `JSON.stringify` writes heads: equality of texts is equality of values. */
function amongSql({ end, way }: Paths, scalars: readonly Scalar[], bind: Bindings): string {
  const value = `(d.state -> ${end})`
  const arrays = [...way, end].map((path) => {
    const isArray = `json_type(d.state, ${path}) = 'array'`
    const [only] = scalars
    // An array that holds a scalar holds its text.
    if (scalars.length !== 1 || only === undefined || only === null) return isArray
    return `(${isArray} AND instr(d.state -> ${path}, ${bind.add(JSON.stringify(only))}) > 0)`
  })
  const some = scalars.includes(null) ? `coalesce(${value}, 'null')` : value
  return `(${listed(some, 'IN', scalars, bind)} OR ${arrays.join(' OR ')})`
}

function noneSql({ end, way }: Paths, scalars: readonly Scalar[], bind: Bindings): string {
  const value = `coalesce(d.state -> ${end}, 'null')`
  const parts = [listed(value, 'NOT IN', scalars, bind)]
  if (scalars.includes(null)) parts.push(...way.map((path) => `json_type(d.state, ${path}) = 'array'`))
  return `(${parts.join(' OR ')})`
}

/** One shape for any number of scalars, so that statements are found again. */
function listed(value: string, operator: 'IN' | 'NOT IN', scalars: readonly Scalar[], bind: Bindings): string {
  const texts = scalars.map((scalar) => JSON.stringify(scalar))
  const [only] = texts
  if (only !== undefined && texts.length === 1) return `${value} ${operator === 'IN' ? '=' : '<>'} ${bind.add(only)}`
  return `${value} ${operator} (SELECT value FROM json_each(${bind.add(JSON.stringify(texts))}))`
}

function kindsSql({ end, way }: Paths, kinds: Kinds, bind: Bindings): string {
  const value = `json_extract(d.state, ${end})`
  const number = kinds.number === null ? '0' : numberSql(value, kinds.number, bind)
  const text = kinds.string === null ? '0' : textSql(value, kinds.string, bind)
  const cases = [
    `WHEN 'text' THEN ${text}`,
    `WHEN 'integer' THEN ${number}`,
    `WHEN 'real' THEN ${number}`,
    `WHEN 'array' THEN 1`,
    `WHEN 'null' THEN ${flag(kinds.null)}`,
    `WHEN 'object' THEN ${flag(kinds.object)}`,
    `WHEN 'true' THEN ${flag(kinds.boolean)}`,
    `WHEN 'false' THEN ${flag(kinds.boolean)}`,
  ]
  const arrays = way.map((path) => `json_type(d.state, ${path}) = 'array'`)
  const missing = kinds.missing || arrays.length === 0 ? flag(kinds.missing) : `(${arrays.join(' OR ')})`
  return `CASE json_type(d.state, ${end}) ${cases.join(' ')} ELSE ${missing} END`
}

function flag(kept: boolean): string {
  return kept ? '1' : '0'
}

/** SQLite's reading of a decimal may be one unit in the last place beside JavaScript's: bounds stand a little wider. */
function numberSql(value: string, { least, most }: Bounds<number>, bind: Bindings): string {
  const room = (end: number): number => Math.abs(end) * 2 ** -48 + 1e-300
  return between(value, least === null ? null : least - room(least), most === null ? null : most + room(most), bind)
}

/** SQLite compares text by its UTF-8 bytes, which is the order of code points. */
function textSql(value: string, { least, most }: Bounds<string>, bind: Bindings): string {
  return between(value, least === null ? null : cut(least), most === null ? null : above(most), bind)
}

/** The driver ends text at a zero character. */
function cut(text: string): string {
  const zero = text.indexOf('\0')
  const end = Math.min(zero < 0 ? text.length : zero, boundCharacters)
  const short = text.slice(0, end)
  return short.isWellFormed() ? short : short.slice(0, -1)
}

/** A text at or above `text`; null when none of the allowed length is sure to be. */
function above(text: string): string | null {
  const short = cut(text)
  if (short.length === text.length) return text
  return text[short.length] === '\0' ? `${short}\u0001` : null
}

function between(value: string, least: Value, most: Value, bind: Bindings): string {
  if (least !== null && most !== null) return `${value} BETWEEN ${bind.add(least)} AND ${bind.add(most)}`
  if (least !== null) return `${value} >= ${bind.add(least)}`
  return most === null ? '1' : `${value} <= ${bind.add(most)}`
}

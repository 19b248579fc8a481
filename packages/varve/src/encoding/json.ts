/** The data model: JSON values, and the checks that outside values pass once before they become documents. */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { utf8 } from './bytes.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [name: string]: JsonValue
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True for the object case of a JSON value. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** How `undefined` attributes are treated: an error, or left out (`enrich`). */
export type UndefinedRule = 'refuse' | 'ignore'

/**
 * A deep copy of `value` as JSON; throws `INVALID` or `RESERVED_NAME` naming the path of the first
 * value that JSON cannot carry exactly. `-0` becomes `0`, the one value JSON cannot tell apart.
 */
export function toJson(
  value: unknown,
  path: string,
  rule: UndefinedRule = 'refuse',
  depth = 0,
  count: Count = { values: 0 },
): JsonValue {
  if (++count.values > limits.documentValues) tooMany(path)
  switch (typeof value) {
    case 'boolean':
      return value
    case 'string':
      if (!value.isWellFormed()) refuse(path, 'a string with a lone surrogate', 'replace it, it has no UTF-8 form')
      return value
    case 'number':
      if (!Number.isFinite(value)) refuse(path, String(value), 'use null or a string')
      return value === 0 ? 0 : value
    case 'object':
      if (value === null) return null
      if (depth >= limits.documentDepth) tooDeep(path)
      return Array.isArray(value)
        ? arrayToJson(value, path, rule, depth, count)
        : objectToJson(value, path, rule, depth, count)
    case 'bigint':
      return refuse(path, 'a BigInt', 'use a number or a string')
    case 'undefined':
      return refuse(path, 'undefined', 'leave the attribute out, or use null')
    default:
      return refuse(path, `a ${typeof value}`, 'documents hold JSON values')
  }
}

/** Values seen so far, in one document. */
interface Count {
  values: number
}

function arrayToJson(
  value: readonly unknown[],
  path: string,
  rule: UndefinedRule,
  depth: number,
  count: Count,
): JsonValue {
  const copy: JsonValue[] = []
  for (let i = 0; i < value.length; i++) copy.push(toJson(value[i], `${path}[${i}]`, rule, depth + 1, count))
  return copy
}

function objectToJson(value: object, path: string, rule: UndefinedRule, depth: number, count: Count): JsonObject {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    refuse(
      path,
      value instanceof Date ? 'a Date' : 'an instance of a class',
      'use plain JSON, for a date toISOString()',
    )
  }
  const copy: Record<string, JsonValue> = {}
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, 'an object with symbols', 'use text as names')
  for (const [name, inner] of Object.entries(value)) {
    checkAttribute(name, path, depth)
    if (inner === undefined && rule === 'ignore') continue
    copy[name] = toJson(inner, path === '' ? name : `${path}.${name}`, rule, depth + 1, count)
  }
  return copy
}

/**
 * Refuses names that Varve keeps: `_` at the top of a document, `$` and `__proto__` anywhere.
 * Used on write for outside values and on read for values that peers sent.
 */
export function checkAttribute(name: string, path: string, depth: number): void {
  if (name.startsWith('$') || name === '__proto__' || (depth === 0 && name.startsWith('_'))) {
    throw new VarveError('RESERVED_NAME', `The attribute name "${name}" at "${path}" is reserved: rename it`, {
      details: { path, name },
    })
  }
  if (!name.isWellFormed()) refuse(path, 'an object with a lone surrogate in an attribute name', 'rename it')
  if (name.length > limits.attributeBytes / 3)
    assertLimit(utf8(name).length, limits.attributeBytes, `An attribute name at "${path}" in bytes`)
}

function refuse(path: string, what: string, hint: string): never {
  throw new VarveError('INVALID', `"${path}" is ${what}: ${hint}`, { details: { path, what } })
}

function tooMany(path: string): never {
  throw new VarveError(
    'TOO_LARGE',
    `"${path}" is beyond the ${limits.documentValues} values a document may have: split it`,
    { details: { path, limit: limits.documentValues } },
  )
}

function tooDeep(path: string): never {
  throw new VarveError('TOO_LARGE', `"${path}" is nested deeper than ${limits.documentDepth} levels: flatten it`, {
    details: { path, limit: limits.documentDepth },
  })
}

/** Deep equality of JSON values; the order of attributes does not matter. */
export function equalJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true
  if (isJsonArray(a)) {
    return isJsonArray(b) && a.length === b.length && a.every((value, i) => equalJson(value, b[i]))
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  for (const name of names) if (!Object.hasOwn(b, name) || !equalJson(a[name], b[name])) return false
  return true
}

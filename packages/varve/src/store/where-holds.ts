/** The meaning of conditions on heads, written down once: what the memory store does, and what suites compare with. */

import { compareBytes, utf8 } from '../encoding/bytes.ts'
import { isJsonArray, isJsonObject, type JsonValue } from '../encoding/json.ts'
import { isVarveError, VarveError } from '../errors.ts'
import type { Bounds, Kinds, Place, Scalar, Where } from './where.ts'

/** The fields of a stored head, none of JSON that is no list; throws `TAMPERED` for text that is no JSON. */
export function headFields(state: string): readonly JsonValue[] {
  const fields = parsed(state)
  if (!Array.isArray(fields)) return []
  const list: readonly JsonValue[] = fields
  return list
}

function parsed(state: string): unknown {
  try {
    return JSON.parse(state)
  } catch (cause) {
    throw new VarveError('TAMPERED', 'A stored head is not JSON: run verify, and rebuild the replica from its log', {
      cause,
    })
  }
}

/** The id in a stored head; empty where there is none, or where the head is damaged, which reading it will tell. */
export function headId(state: string | null): string {
  try {
    const id = headFields(state ?? '[]')[1]
    return typeof id === 'string' ? id : ''
  } catch (error) {
    if (isVarveError(error, 'TAMPERED')) return ''
    throw error
  }
}

/** The value at a place; `undefined` when there is none, or an array stands on the way. */
export function valueAt(fields: readonly JsonValue[], place: Place): JsonValue | undefined {
  const ways = place.names.map((_, i) => walk(fields, { ...place, names: place.names.slice(0, i) }))
  return ways.some(isJsonArray) ? undefined : walk(fields, place)
}

/** What a walk leads to: a value, `undefined` when there is none, or the array it met. */
function walk(fields: readonly JsonValue[], { field, names }: Place): JsonValue | undefined {
  let value: JsonValue | undefined = fields[field]
  for (const name of names) {
    if (!isJsonObject(value)) return isJsonArray(value) ? value : undefined
    value = Object.hasOwn(value, name) ? value[name] : undefined
  }
  return value
}

/** Whether the condition is true of a head. */
export function whereHolds(where: Where, fields: readonly JsonValue[]): boolean {
  switch (where.kind) {
    case 'and':
      return where.of.every((part) => whereHolds(part, fields))
    case 'or':
      return where.of.some((part) => whereHolds(part, fields))
    case 'among': {
      const value = walk(fields, where.at)
      if (isJsonArray(value)) return where.scalars.includes(null) || holdsAny(value, where.scalars)
      return isScalar(value ?? null) && where.scalars.some((scalar) => scalar === (value ?? null))
    }
    case 'none': {
      const value = walk(fields, where.at) ?? null
      return !where.scalars.some((scalar) => scalar === value)
    }
    case 'kinds':
      return isKept(where.kinds, walk(fields, where.at))
  }
}

function isScalar(value: JsonValue): value is Scalar {
  return typeof value !== 'object' || value === null
}

function holdsAny(value: JsonValue, scalars: readonly Scalar[]): boolean {
  if (isScalar(value)) return scalars.includes(value)
  const inner = isJsonArray(value) ? value : Object.values(value)
  return inner.some((each) => holdsAny(each, scalars))
}

function isKept(kinds: Kinds, value: JsonValue | undefined): boolean {
  switch (typeof value) {
    case 'undefined':
      return kinds.missing
    case 'boolean':
      return kinds.boolean
    case 'number':
      return kinds.number !== null && within(kinds.number, (end) => value - end)
    case 'string':
      return kinds.string !== null && within(kinds.string, (end) => compareBytes(utf8(value), utf8(end)))
    default:
      if (value === null) return kinds.null
      return isJsonArray(value) || kinds.object
  }
}

function within<T>({ least, most }: Bounds<T>, compare: (end: T) => number): boolean {
  return (least === null || compare(least) >= 0) && (most === null || compare(most) <= 0)
}

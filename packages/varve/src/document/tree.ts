/** Pure changes of JSON trees by path, sharing everything they do not touch. */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import type { Path } from './operation.ts'

/** How far past its end an array may be extended with nulls by setting a position. */
const arrayGap = 1024

/** The value at `path`, or undefined. */
export function valueAt(root: JsonValue | undefined, path: Path): JsonValue | undefined {
  let value = root
  for (const segment of path) {
    if (isJsonArray(value)) {
      const position = arrayPosition(segment)
      value = position === null ? undefined : value[position]
    } else if (isJsonObject(value) && Object.hasOwn(value, segment)) value = value[segment]
    else return undefined
  }
  return value
}

/** `0`, `1`, …, without sign or leading zeros; null for anything else. */
export function arrayPosition(segment: string): number | null {
  return /^(0|[1-9][0-9]{0,8})$/.test(segment) ? Number(segment) : null
}

/** Attributes in the order they were first written; `undefined` removes. */
export function withAttribute(object: JsonObject, name: string, value: JsonValue | undefined): JsonObject {
  if (value === undefined) {
    if (!Object.hasOwn(object, name)) return object
    const { [name]: _removed, ...rest } = object
    return rest
  }
  return { ...object, [name]: value }
}

/**
 * `root` with `change` applied to the value at `path`. Missing objects on the way are made, scalars
 * on the way give way to objects (the later writer wins). `change` returning its argument changes nothing.
 */
export function changeAt(
  root: JsonObject,
  path: Path,
  change: (value: JsonValue | undefined) => JsonValue | undefined,
): JsonObject {
  const changed = changeFrom(root, path, 0, change)
  return isJsonObject(changed) ? changed : root
}

function changeFrom(
  value: JsonValue | undefined,
  path: Path,
  depth: number,
  change: (value: JsonValue | undefined) => JsonValue | undefined,
): JsonValue | undefined {
  const segment = path[depth]
  if (segment === undefined) return change(value)
  if (isJsonArray(value)) return changeElement(value, segment, path, depth, change)
  const object = isJsonObject(value) ? value : {}
  const before = Object.hasOwn(object, segment) ? object[segment] : undefined
  const after = changeFrom(before, path, depth + 1, change)
  if (after === before) return value
  return withAttribute(object, segment, after)
}

function changeElement(
  array: readonly JsonValue[],
  segment: string,
  path: Path,
  depth: number,
  change: (value: JsonValue | undefined) => JsonValue | undefined,
): JsonValue {
  const position = arrayPosition(segment)
  if (position === null || position > array.length + arrayGap) return array
  const before = array[position]
  const after = changeFrom(before, path, depth + 1, change)
  if (after === before) return array
  const copy = array.slice()
  while (copy.length < position) copy.push(null)
  copy[position] = after ?? null
  return copy
}

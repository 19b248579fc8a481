/** Pure changes of JSON trees by path, sharing everything they do not touch. */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import type { Path } from './operation.ts'
import { hasAttributes } from './sealed.ts'

/** How far past its end an array may be extended with nulls by setting a position. */
const arrayGap = 1024

/** The value at `path`, or undefined. */
export function valueAt(root: JsonValue | undefined, path: Path): JsonValue | undefined {
  let value = root
  for (const segment of path) {
    if (isJsonArray(value)) {
      const position = arrayPosition(segment)
      value = position === null ? undefined : value[position]
    } else if (hasAttributes(value) && Object.hasOwn(value, segment)) value = value[segment]
    else return undefined
  }
  return value
}

/** `0`, `1`, …, without sign or leading zeros; null for anything else. */
function arrayPosition(segment: string): number | null {
  return /^(0|[1-9][0-9]{0,8})$/.test(segment) ? Number(segment) : null
}

/** Objects made while one entry is folded, which nobody else holds: they may be changed in place. */
export type Owned = WeakSet<object>

/**
 * `object` with an attribute set, or removed when `value` is undefined; attributes keep the order in which
 * they were first written. Copies once in an entry: thousands of changes to one object cost one copy.
 */
export function withAttribute(
  object: JsonObject,
  name: string,
  value: JsonValue | undefined,
  owned: Owned,
): JsonObject {
  if (value === undefined && !Object.hasOwn(object, name)) return object
  const own = owned.has(object) ? object : { ...object }
  owned.add(own)
  if (value === undefined) Reflect.deleteProperty(own, name)
  else Reflect.set(own, name, value)
  return own
}

/** What becomes of the value at the end of a path. */
type Change = (value: JsonValue | undefined) => JsonValue | undefined

interface Edit {
  readonly owned: Owned
  readonly change: Change
}

/**
 * `root` with `change` applied to the value at `path`. Missing objects on the way are made, scalars
 * on the way give way to objects (the later writer wins). `change` returning its argument changes nothing.
 */
export function changeAt(root: JsonObject, path: Path, owned: Owned, change: Change): JsonObject {
  const changed = changeFrom(root, path, 0, { owned, change })
  return isJsonObject(changed) ? changed : root
}

function changeFrom(value: JsonValue | undefined, path: Path, depth: number, edit: Edit): JsonValue | undefined {
  const segment = path[depth]
  if (segment === undefined) return edit.change(value)
  if (isJsonArray(value)) return changeElement(value, path, depth, edit)
  const object = hasAttributes(value) ? value : {}
  const before = Object.hasOwn(object, segment) ? object[segment] : undefined
  const after = changeFrom(before, path, depth + 1, edit)
  if (after === before) return value
  return withAttribute(object, segment, after, edit.owned)
}

function changeElement(array: readonly JsonValue[], path: Path, depth: number, edit: Edit): JsonValue {
  const position = arrayPosition(path[depth] ?? '')
  if (position === null || position > array.length + arrayGap) return array
  const before = array[position]
  const after = changeFrom(before, path, depth + 1, edit)
  // An element that is removed leaves null: removing null changes nothing.
  if (after === before || (after === undefined && before === null)) return array
  const copy = array.slice()
  while (copy.length < position) copy.push(null)
  copy[position] = after ?? null
  return copy
}

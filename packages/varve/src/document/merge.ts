/** Enrichment: deep merge of objects with array union, the same on every replica. */

import { equalJson, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { withAttribute } from './tree.ts'

/**
 * `target` enriched with `part`: objects merge deeply, arrays unite without duplicates, null overrides,
 * a scalar joins an array once, other values are replaced. Returns `target` itself when nothing changes.
 */
export function mergeObjects(target: JsonObject, part: JsonObject): JsonObject {
  let merged = target
  for (const [name, addition] of Object.entries(part)) {
    const before = Object.hasOwn(merged, name) ? merged[name] : undefined
    const after = mergeValues(before, addition)
    if (after !== before) merged = withAttribute(merged, name, after)
  }
  return merged
}

function mergeValues(before: JsonValue | undefined, addition: JsonValue): JsonValue {
  if (before === undefined || addition === null)
    return before === addition ? addition : isJsonArray(addition) ? uniteArrays([], addition) : addition
  if (isJsonArray(before)) return uniteArrays(before, isJsonArray(addition) ? addition : [addition])
  if (isJsonArray(addition)) return uniteArrays([], addition)
  if (isJsonObject(before) && isJsonObject(addition)) return mergeObjects(before, addition)
  return equalJson(before, addition) ? before : addition
}

/** `array` with the elements of `additions` it does not have; objects with the same id are merged. */
export function uniteArrays(array: readonly JsonValue[], additions: readonly JsonValue[]): readonly JsonValue[] {
  let united: JsonValue[] | null = null
  for (const addition of additions) {
    const current: readonly JsonValue[] = united ?? array
    const position = current.findIndex((element) => sameElement(element, addition))
    const element = current[position]
    if (position < 0 || element === undefined) {
      united = [...current, addition]
      continue
    }
    const merged = isJsonObject(element) && isJsonObject(addition) ? mergeObjects(element, addition) : element
    if (merged !== element) {
      united = [...current]
      united[position] = merged
    }
  }
  return united ?? array
}

/** Objects are the same element by `id` or `_id` where both have one, everything else by deep equality. */
function sameElement(a: JsonValue, b: JsonValue): boolean {
  if (isJsonObject(a) && isJsonObject(b)) {
    for (const name of ['id', '_id']) {
      if (Object.hasOwn(a, name) && Object.hasOwn(b, name)) return equalJson(a[name], b[name])
    }
  }
  return equalJson(a, b)
}

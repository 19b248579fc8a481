/** Enrichment: deep merge of objects with array union, the same on every replica. */

import { equalJson, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { hasAttributes } from './sealed.ts'
import { withAttribute, type Owned } from './tree.ts'

/**
 * `target` enriched with `part`: objects merge deeply, arrays unite without duplicates, null overrides,
 * a scalar joins an array once, other values are replaced. Returns `target` itself when nothing changes.
 */
export function mergeObjects(target: JsonObject, part: JsonObject, owned: Owned): JsonObject {
  let merged = target
  for (const [name, addition] of Object.entries(part)) {
    const before = Object.hasOwn(merged, name) ? merged[name] : undefined
    const after = mergeValues(before, addition, owned)
    if (after !== before) merged = withAttribute(merged, name, after, owned)
  }
  return merged
}

function mergeValues(before: JsonValue | undefined, addition: JsonValue, owned: Owned): JsonValue {
  if (before === undefined || addition === null)
    return before === addition ? addition : isJsonArray(addition) ? uniteArrays([], addition, owned) : addition
  if (isJsonArray(before)) return uniteArrays(before, isJsonArray(addition) ? addition : [addition], owned)
  if (isJsonArray(addition)) return uniteArrays([], addition, owned)
  if (hasAttributes(before) && isJsonObject(addition)) return mergeObjects(before, addition, owned)
  return equalJson(before, addition) ? before : addition
}

/** `array` with the elements of `additions` it does not have; objects with the same id are merged. */
function uniteArrays(array: readonly JsonValue[], additions: readonly JsonValue[], owned: Owned): readonly JsonValue[] {
  const united = [...array]
  const scalars = new Set(array.filter(isScalar))
  let changed = false
  for (const addition of additions) {
    if (isScalar(addition)) {
      if (scalars.has(addition)) continue
      scalars.add(addition)
      united.push(addition)
      changed = true
      continue
    }
    const position = united.findIndex((element) => sameElement(element, addition))
    const element = united[position]
    const merged = hasAttributes(element) && isJsonObject(addition) ? mergeObjects(element, addition, owned) : element
    if (merged === undefined) united.push(addition)
    else united[position] = merged
    if (merged !== element || merged === undefined) changed = true
  }
  return changed ? united : array
}

function isScalar(value: JsonValue): value is null | boolean | number | string {
  return value === null || typeof value !== 'object'
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

/** Projection: a document reduced to chosen paths, always with its id and `_system`. */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { splitPath } from '../encoding/path.ts'

/** Names to keep; null keeps everything below. */
type Tree = Map<string, Tree | null>

/**
 * A function that keeps only the given paths, `id` and `_system` of a document. Arrays on the way are
 * reduced element by element; elements without the path that are not objects are dropped, as in MongoDB.
 * A path inside another one adds nothing. Throws `INVALID` for a path that is not one.
 */
export function select(paths: readonly string[]): (doc: JsonObject) => JsonObject {
  const tree: Tree = new Map([
    ['id', null],
    ['_system', null],
  ])
  for (const path of paths) grow(tree, splitPath(path))
  return (doc) => pick(doc, tree)
}

function grow(tree: Tree, segments: readonly string[]): void {
  let branch = tree
  for (const [i, name] of segments.entries()) {
    const next = branch.get(name)
    if (next === null) return
    if (i + 1 === segments.length) branch.set(name, null)
    else if (next !== undefined) branch = next
    else {
      const fresh: Tree = new Map()
      branch.set(name, fresh)
      branch = fresh
    }
  }
}

function pick(object: JsonObject, tree: Tree): JsonObject {
  const kept: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(object)) {
    const branch = tree.get(name)
    if (branch === undefined) continue
    const inner = branch === null ? value : pickInside(value, branch)
    if (inner !== undefined) kept[name] = inner
  }
  return kept
}

function pickInside(value: JsonValue, tree: Tree): JsonValue | undefined {
  if (isJsonObject(value)) return pick(value, tree)
  if (!isJsonArray(value)) return undefined
  return value.flatMap((element) => {
    const inner = pickInside(element, tree)
    return inner === undefined ? [] : [inner]
  })
}

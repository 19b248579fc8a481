/** The keys of a document in an index over one or several paths. */

import { compareBytes, concat } from '../encoding/bytes.ts'
import type { JsonObject } from '../encoding/json.ts'
import { splitPath } from '../encoding/path.ts'
import { anyKey, encodeOrderKey } from './order-key.ts'
import { keyValues } from './sort-key.ts'

export interface IndexKeys {
  /** Distinct, ascending, at least one, so that an index lists every document. */
  readonly keys: readonly Uint8Array[]
  /** For each path, whether the document has several keys under it. */
  readonly several: readonly boolean[]
}

/** Paths of an index are split once: the same list is used for every document. */
const splitOnce = new WeakMap<readonly string[], readonly (readonly string[])[]>()

/** The segments of each path of an index. */
export function segmentsOf(paths: readonly string[]): readonly (readonly string[])[] {
  const known = splitOnce.get(paths)
  if (known !== undefined) return known
  const made = paths.map((path) => splitPath(path))
  splitOnce.set(paths, made)
  return made
}

/**
 * The keys of a document under these paths: the order keys of the paths one after the other. The first path with
 * several values has a key for each of them; in the same keys, each later path with several has `anyKey`, which
 * every reader takes along. So a document has as many rows as its longest list, not as the product of all.
 */
export function keysOf(paths: readonly string[], doc: JsonObject): IndexKeys {
  const parts = segmentsOf(paths).map((segments) => distinctKeys(doc, segments))
  const several = parts.map((part) => part.length > 1)
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return { keys: only, several }
  const spread = several.indexOf(true)
  const choices = spread < 0 ? [undefined] : (parts[spread] ?? [])
  const keys = choices.map((choice) =>
    concat(
      ...parts.map((part, i) => {
        if (i === spread) return choice ?? anyKey
        return i > spread && several[i] === true ? anyKey : (part[0] ?? anyKey)
      }),
    ),
  )
  return { keys, several }
}

/** The keys alone. */
export function indexKeys(paths: readonly string[], doc: JsonObject): readonly Uint8Array[] {
  return keysOf(paths, doc).keys
}

function distinctKeys(doc: JsonObject, segments: readonly string[]): readonly Uint8Array[] {
  const keys = keyValues(doc, segments).map(encodeOrderKey)
  if (keys.length === 1) return keys
  return keys.toSorted(compareBytes).filter((key, i, all) => {
    const previous = all[i - 1]
    return previous === undefined || compareBytes(previous, key) !== 0
  })
}

/** Files that are stored for a write, and named by it wherever the document it leaves shows them. */

import { fileInfoOf, type FileInfo } from '../document/file.ts'
import type { Operation, Path } from '../document/operation.ts'
import { valueAt } from '../document/tree.ts'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'

/** A file whose chunks are stored, for a write whose data shows `info`. */
export interface StoredFile {
  readonly info: FileInfo
  /** The list of its chunks, encoded. */
  readonly manifest: Uint8Array
  /** No version of a document names it yet. */
  readonly isNew: boolean
}

/** What names these files at every place where a document shows them now and did not before. */
export function namingOperations(
  before: JsonObject,
  after: JsonObject,
  files: readonly StoredFile[],
): readonly Extract<Operation, { readonly op: 'file' }>[] {
  const byHash = new Map(files.map((file) => [file.info.hash, file]))
  return [...shownIn(after, [])].flatMap(({ path, info }) => {
    const file = byHash.get(info.hash)
    if (file === undefined) return []
    if (!file.isNew && fileInfoOf(valueAt(before, path))?.hash === info.hash) return []
    return [{ op: 'file', path, value: file.info, manifest: file.manifest }]
  })
}

function* shownIn(value: JsonValue, path: Path): Generator<{ readonly path: Path; readonly info: FileInfo }> {
  const info = fileInfoOf(value)
  if (info !== null && path.length > 0) yield { path, info }
  else if (isJsonArray(value)) for (const [i, each] of value.entries()) yield* shownIn(each, [...path, String(i)])
  else if (isJsonObject(value)) for (const [name, each] of Object.entries(value)) yield* shownIn(each, [...path, name])
}

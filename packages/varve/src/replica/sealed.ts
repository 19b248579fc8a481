/** Sealed values at one replica: opened for its readers, and noted with the documents that wait for their keys. */

import { openValue, sealedKey, sealedValues, type Sealed } from '../document/sealed.ts'
import { showSealed, type Head } from '../document/head.ts'
import { isJsonArray, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { collectionOf } from '../store/rows.ts'
import type { ReplicaContext } from './context.ts'
import type { ReadEntry } from './reader.ts'
import type { CollectionState } from './state.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** Stands for any path, when sealed values were seen at more than a replica remembers. */
export const anywhere = ''

/** What of a context opens sealed values. */
export type SealContext = Pick<ReplicaContext, 'id' | 'keys'>

/** The document whose values they are. */
export interface SealedDocument {
  readonly collection: string
  readonly id: string
}

/** The value, or undefined when its key is not held or does not open it: what its author made wrongly is shown to nobody. */
export function openSealed(
  context: SealContext,
  document: SealedDocument,
  path: readonly string[],
  sealed: Sealed,
): JsonValue | undefined {
  const opened = tryOpen(context, document, path, sealed)
  return opened instanceof VarveError ? undefined : opened
}

/** The value, undefined without its key, or the error that says why the key does not open it. */
function tryOpen(
  { id: database, keys }: SealContext,
  { collection, id }: SealedDocument,
  path: readonly string[],
  sealed: Sealed,
): JsonValue | undefined | VarveError {
  const key = keys.byId(sealedKey(sealed))
  if (key === null) return undefined
  try {
    return openValue(key, { database, collection, id, path }, sealed)
  } catch (error) {
    if (error instanceof VarveError) return error
    throw error
  }
}

/** Sealed values of these entries that are not what their authors must have made: their keys are held and do not open them. */
export function wronglySealed(
  context: SealContext,
  document: SealedDocument,
  entries: readonly ReadEntry[],
): readonly { readonly version: number; readonly path: string; readonly reason: string }[] {
  return entries.flatMap(({ entry }, version) =>
    (entry?.operations ?? []).flatMap((operation) => {
      if (operation.op !== 'seal') return []
      const opened = tryOpen(context, document, operation.path, operation.value)
      return opened instanceof VarveError ? [{ version, path: joinPath(operation.path), reason: opened.message }] : []
    }),
  )
}

/** The head as this device shows it: sealed values opened as far as its keys go, the others taken out and named. */
export function openHead(context: SealContext, collection: string, head: Head): Head {
  if (head.state.sealed !== true) return head
  const document = { collection, id: head.state.id }
  return showSealed(head, (sealed, path) => openSealed(context, document, path, sealed))
}

/** True when the document holds a value under one of these key versions (hex). */
export function holdsSealed({ state }: Head, keys: ReadonlySet<string>): boolean {
  return state.sealed === true && sealedValues(state.data).some(({ value }) => keys.has(sealedKey(value)))
}

/** Notes where a document of this write has sealed values, and those of its keys that are not held, so that it is found when they come. */
export function noteSealed(set: WorkingSet, { no, head }: WorkingDocument, holds: (key: string) => boolean): void {
  if (head.state.sealed !== true) return
  const { data } = head.state
  const values = sealedValues(data)
  if (values.length === 0) return
  const keys = new Set(values.map(({ value }) => sealedKey(value)))
  for (const key of keys) if (!holds(key)) set.locked.push({ key, document: no })
  const collection = set.collection(collectionOf(no))
  const paths = withPaths(
    collection.sealed,
    values.map(({ path }) => joinPath(objectPath(data, path))),
  )
  if (paths !== collection.sealed) set.setCollection({ ...collection, sealed: paths })
}

/** The paths sorted, each once; the same list when nothing is new. */
function withPaths(known: CollectionState['sealed'], found: readonly string[]): CollectionState['sealed'] {
  if (known.includes(anywhere) || found.every((path) => known.includes(path))) return known
  const all = [...new Set([...known, ...found])].toSorted()
  return all.length > limits.sealedPaths ? [anywhere] : all
}

/** A path as far as it goes through objects: what is inside an array counts as the array. */
function objectPath(data: JsonObject, path: readonly string[]): readonly string[] {
  let value: JsonValue | undefined = data
  for (const [depth, segment] of path.entries()) {
    if (isJsonArray(value)) return path.slice(0, depth)
    value = typeof value === 'object' && value !== null ? value[segment] : undefined
  }
  return path
}

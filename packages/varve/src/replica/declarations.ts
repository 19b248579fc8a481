/** Unique indexes that an open database declares in itself, so that whoever reads it keeps them (`spec/query.md`). */

import type { Head } from '../document/head.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { checkName } from '../encoding/id.ts'
import { isJsonArray } from '../encoding/json.ts'
import { isVarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { collectionTag, keyedId } from '../log/tag.ts'
import { checkIndexPaths } from '../query/index-paths.ts'
import { collectionOf } from '../store/rows.ts'
import type { ReplicaContext } from './context.ts'
import type { CollectionState, IndexState } from './state.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** The engine's own collection that holds declarations; applications cannot name it, nor see what is in it. */
export const declarationsName = '_indexes'

/** One document of that collection. */
export interface Declaration {
  readonly collection: string
  readonly paths: readonly string[]
  readonly unique: boolean
}

type TagContext = Pick<ReplicaContext, 'mode' | 'tagKey'>

const tags = new WeakMap<Uint8Array, Uint8Array>()

/** The tag of that collection; null where there is none, in sealed databases. */
export function declarationsTag({ mode, tagKey }: TagContext): Uint8Array | null {
  if (mode === 'sealed') return null
  const known = tags.get(tagKey)
  if (known !== undefined) return known
  const made = collectionTag(tagKey, declarationsName)
  tags.set(tagKey, made)
  return made
}

/** Whether this is the tag of a collection that applications do not see. */
export function isHidden(context: TagContext, tag: Uint8Array): boolean {
  const own = declarationsTag(context)
  return own !== null && equalBytes(own, tag)
}

/** The id that an upsert by `collection` and `paths` would make: devices that declare the same while apart make one document. */
export function declarationId(
  context: TagContext,
  { collection, paths }: Pick<Declaration, 'collection' | 'paths'>,
): string {
  const tag = declarationsTag(context) ?? new Uint8Array()
  return keyedId(context.tagKey, tag, [
    ['collection', collection],
    ['paths', paths],
  ])
}

/** What a document declares; null for one that is not live, or that no Varve of this version would make. */
export function declarationOf(context: TagContext, { state }: Head): Declaration | null {
  if (state.status !== 'live') return null
  const { collection, paths, unique, ...more } = state.data
  if (typeof unique !== 'boolean' || Object.keys(more).length > 0) return null
  const named = read(collection, isJsonArray(paths) ? paths : [])
  return named === null || declarationId(context, named) !== state.id ? null : { ...named, unique }
}

function read(collection: unknown, paths: readonly unknown[]): Pick<Declaration, 'collection' | 'paths'> | null {
  try {
    return { collection: checkName(collection, 'collection'), paths: checkIndexPaths(paths, 'paths') }
  } catch (error) {
    if (isVarveError(error)) return null
    throw error
  }
}

/** Makes the indexes of a write what those of its documents that are declarations say; idempotent. */
export function adoptDeclarations(
  context: ReplicaContext,
  set: WorkingSet,
  documents: Iterable<WorkingDocument> = set.documents,
): void {
  const tag = context.blind === true ? null : declarationsTag(context)
  if (tag === null) return
  const no = set.state.collections.find((collection) => equalBytes(collection.tag, tag))?.no
  if (no === undefined) return
  for (const { no: document, touched, before, head } of documents) {
    if (!touched || collectionOf(document) !== no) continue
    const now = declarationOf(context, head)
    const was = now ?? declarationOf(context, before)
    if (was !== null) adopt(context, set, { ...was, unique: now?.unique ?? false })
  }
}

function adopt(context: ReplicaContext, set: WorkingSet, { collection: name, paths, unique }: Declaration): void {
  const tag = collectionTag(context.tagKey, name)
  const known = set.state.collections.find((collection) => equalBytes(collection.tag, tag))
  const index = known?.indexes.find((each) => isOver(each, paths))
  if (known !== undefined && index !== undefined) {
    if (index.unique === unique) return
    set.setCollection({ ...known, indexes: known.indexes.map((each) => (each === index ? { ...each, unique } : each)) })
  } else if (unique && hasRoom(set, known)) addIndex(set, set.collectionByTag(tag, name), paths, true)
}

/** What members declare must neither fill a replica nor take the place of what its application declares. */
function hasRoom({ state }: WorkingSet, collection: CollectionState | undefined): boolean {
  if (collection === undefined && state.collections.length >= limits.databaseCollections) return false
  if ((collection?.indexes.length ?? 0) >= limits.collectionIndexes) return false
  if ((collection === undefined ? 0 : uniquesOf(collection)) >= limits.collectionDeclared) return false
  return state.collections.reduce((sum, each) => sum + uniquesOf(each), 0) < limits.declaredIndexes
}

function uniquesOf({ indexes }: CollectionState): number {
  return indexes.filter(({ unique }) => unique).length
}

/** True when an index is over these paths, in this order. */
export function isOver(index: IndexState, paths: readonly string[]): boolean {
  return index.paths.length === paths.length && index.paths.every((path, i) => path === paths[i])
}

/** Adds an index to a collection in a write; it is ready at once where no document is. */
export function addIndex(
  set: WorkingSet,
  collection: CollectionState,
  paths: readonly string[],
  unique: boolean,
): IndexState {
  const numbers = set.state.collections.flatMap((each) => each.indexes.map((index) => index.no))
  const ready = collection.documents === 1
  const made = { no: Math.max(0, ...numbers) + 1, paths, unique, ready, multikey: paths.map(() => false) }
  set.setCollection({ ...collection, indexes: [...collection.indexes, made] })
  return made
}

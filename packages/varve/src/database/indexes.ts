/** Declared indexes: made on first use, built over existing documents page by page. */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { checkIndexPaths } from '../query/index-paths.ts'
import { addIndex, isOver } from '../replica/declarations.ts'
import { buildIndex } from '../replica/index-build.ts'
import type { IndexState } from '../replica/state.ts'
import { declareUnique } from './declare-unique.ts'
import type { Space } from './space.ts'
import type { IndexDeclaration } from './types.ts'

/** An index as an application wants it; `unique` is null where it says nothing about that. */
interface Wanted {
  readonly paths: readonly string[]
  readonly unique: boolean | null
}

/** Throws `INVALID` or `TOO_LARGE` naming the index. */
export function parseIndexes(declarations: readonly IndexDeclaration[]): readonly Wanted[] {
  if (!Array.isArray(declarations)) return refuse('indexes', 'must be a list of indexes')
  assertLimit(declarations.length, limits.collectionIndexes, 'The number of indexes of one collection')
  return declarations.map((declaration, i) => parseIndex(declaration, `indexes[${i}]`))
}

function parseIndex(declaration: unknown, at: string): Wanted {
  if (typeof declaration === 'string') return { paths: checkIndexPaths([declaration], at), unique: null }
  if (Array.isArray(declaration)) return { paths: checkIndexPaths(declaration, at), unique: null }
  if (typeof declaration !== 'object' || declaration === null || !('paths' in declaration))
    return refuse(at, 'must be a path, a list of paths, or { paths, unique }')
  const { paths, unique = null, ...more } = { unique: undefined, ...declaration }
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) return refuse(`${at}.${unknown}`, 'is not known: an index has paths and unique')
  if (!Array.isArray(paths)) return refuse(`${at}.paths`, 'must be a list of paths')
  if (unique !== null && typeof unique !== 'boolean') return refuse(`${at}.unique`, 'must be true or false')
  return { paths: checkIndexPaths(paths, at), unique }
}

function refuse(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

/** Makes sure these indexes are there and ready; existing ones cost nothing. */
export async function ensureIndexes(space: Space, wanted: readonly Wanted[]): Promise<void> {
  const { replica, tag, name } = space
  for (const each of wanted) {
    const existing = replica.collection(tag)?.indexes.find((index) => isOver(index, each.paths))
    const isSaid = (each.unique ?? existing?.unique) === existing?.unique
    if (each.unique !== null && replica.context.mode === 'open')
      await declareUnique(replica, { collection: name, paths: each.paths, unique: each.unique }, !isSaid)
    if (existing?.ready === true && isSaid) continue
    const index = await declare(space, each)
    if (!index.ready) await buildIndex(replica, replica.collection(tag)?.no ?? 0, index)
  }
}

function declare(space: Space, wanted: Wanted): Promise<IndexState> {
  return space.replica.update((set) => {
    const collection = set.collectionByTag(space.tag, space.name)
    const known = collection.indexes.find((index) => isOver(index, wanted.paths))
    const unique = wanted.unique ?? known?.unique ?? false
    if (known !== undefined) {
      const changed = { ...known, unique }
      set.setCollection({
        ...collection,
        indexes: collection.indexes.map((index) => (index === known ? changed : index)),
      })
      return Promise.resolve(changed)
    }
    // As many again may have been declared by other members.
    const most = 2 * limits.collectionIndexes
    assertLimit(collection.indexes.length + 1, most, 'The number of indexes of one collection')
    return Promise.resolve(addIndex(set, collection, wanted.paths, unique))
  })
}

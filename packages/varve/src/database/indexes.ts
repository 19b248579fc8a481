/** Declared indexes: made on first use, built over existing documents page by page. */

import { decodeHead, documentOf } from '../document/head.ts'
import { checkName } from '../encoding/id.ts'
import { splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { keysOf } from '../query/index-keys.ts'
import { firstDocument } from '../store/rows.ts'
import type { CollectionState, IndexState } from '../replica/state.ts'
import type { Space } from './space.ts'
import type { IndexDeclaration } from './types.ts'

const pageDocuments = 500

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
  if (typeof declaration === 'string') return { paths: parsePaths([declaration], at), unique: null }
  if (Array.isArray(declaration)) return { paths: parsePaths(declaration, at), unique: null }
  if (typeof declaration !== 'object' || declaration === null || !('paths' in declaration))
    return refuse(at, 'must be a path, a list of paths, or { paths, unique }')
  const { paths, unique = null, ...more } = { unique: undefined, ...declaration }
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) return refuse(`${at}.${unknown}`, 'is not known: an index has paths and unique')
  if (!Array.isArray(paths)) return refuse(`${at}.paths`, 'must be a list of paths')
  if (unique !== null && typeof unique !== 'boolean') return refuse(`${at}.unique`, 'must be true or false')
  return { paths: parsePaths(paths, at), unique }
}

function parsePaths(paths: readonly unknown[], at: string): readonly string[] {
  if (paths.length === 0) return refuse(at, 'has no paths')
  assertLimit(paths.length, limits.indexPaths, `The number of paths of "${at}"`)
  const checked = paths.map((path) => {
    const name = checkName(path, 'index')
    splitPath(name)
    return name
  })
  if (new Set(checked).size < checked.length) return refuse(at, 'has a path twice')
  return checked
}

function refuse(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}

/** Makes sure these indexes are there and ready; existing ones cost nothing. */
export async function ensureIndexes(space: Space, wanted: readonly Wanted[]): Promise<void> {
  for (const each of wanted) {
    const existing = space.replica.collection(space.tag)?.indexes.find((index) => isSame(index, each))
    if (existing?.ready === true && (each.unique ?? existing.unique) === existing.unique) continue
    const index = await declare(space, each)
    if (!index.ready) await build(space, index)
  }
}

function isSame(index: IndexState, { paths }: Wanted): boolean {
  return index.paths.length === paths.length && index.paths.every((path, i) => path === paths[i])
}

function declare(space: Space, wanted: Wanted): Promise<IndexState> {
  return space.replica.update((set) => {
    const collection = set.collectionByTag(space.tag, space.name)
    const known = collection.indexes.find((index) => isSame(index, wanted))
    const unique = wanted.unique ?? known?.unique ?? false
    if (known !== undefined) {
      const changed = { ...known, unique }
      set.setCollection({
        ...collection,
        indexes: collection.indexes.map((index) => (index === known ? changed : index)),
      })
      return Promise.resolve(changed)
    }
    assertLimit(collection.indexes.length + 1, limits.collectionIndexes, 'The number of indexes of one collection')
    const numbers = set.state.collections.flatMap((each) => each.indexes.map((index) => index.no))
    const { paths } = wanted
    const made = { no: Math.max(0, ...numbers) + 1, paths, unique, ready: false, multikey: paths.map(() => false) }
    set.setCollection({ ...collection, indexes: [...collection.indexes, made] })
    return Promise.resolve(made)
  })
}

/** Writes between two pages keep the index themselves, so nothing is missed. */
async function build(space: Space, index: IndexState): Promise<void> {
  const { replica } = space
  let after = firstDocument(replica.collection(space.tag)?.no ?? 0)
  for (;;) {
    const last = await replica.update(async (set) => {
      const rows = await replica.store.scan(replica.collection(space.tag)?.no ?? 0, after, pageDocuments)
      for (const row of rows) {
        const head = row.state === null ? null : decodeHead(row.state)
        if (head?.state.status !== 'live') continue
        const { keys, several } = keysOf(index.paths, documentOf(head))
        if (several.includes(true)) set.markMultikey(index.no, several)
        for (const key of keys) set.indexRows.push({ index: index.no, key, id: head.state.id, document: row.no })
      }
      return rows.at(-1)?.no ?? null
    })
    if (last === null) break
    after = last
  }
  await replica.update((set) => {
    const collection = set.collectionByTag(space.tag, space.name)
    set.setCollection({ ...collection, indexes: readied(collection, index.no) })
    return Promise.resolve()
  })
}

function readied(collection: CollectionState, no: number): readonly IndexState[] {
  return collection.indexes.map((index) => (index.no === no ? { ...index, ready: true } : index))
}

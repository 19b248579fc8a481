/** Declared search indexes: made on first use, built over existing documents page by page, kept by every write. */

import { decodeHead } from '../document/head.ts'
import { takingTurns } from '../env/pause.ts'
import { VarveError } from '../errors.ts'
import type { SearchField } from '../search/fields.ts'
import { firstDocument } from '../store/rows.ts'
import { mediaTypes, searchFields, searchRow } from '../replica/search-rows.ts'
import type { Replica } from '../replica/replica.ts'
import type { SearchState } from '../replica/state.ts'
import type { WorkingSet } from '../replica/working.ts'
import type { SearchHome } from './search.ts'
import { assertSearchable, askedHead } from './seal-query.ts'
import type { Space } from './space.ts'

const pageDocuments = 500

/**
 * Makes sure the collection has this search index, ready; another one it had is removed. Without `fields` the one it
 * has is made ready, if there is one.
 */
export async function ensureSearch(space: Space, fields: readonly SearchField[] | null): Promise<void> {
  const existing = space.replica.collection(space.tag)?.search
  const wanted = fields?.map(({ path, weight }) => [path, weight] as const) ?? existing?.fields
  if (wanted === undefined) return
  const types = mediaTypes(space.replica.extractors)
  if (existing?.ready === true && same(existing, { fields: wanted, types }) && sameWeights(existing.fields, wanted))
    return
  const search = await declare(space, { fields: wanted, types })
  if (!search.ready) await build(space.replica, space.replica.collection(space.tag)?.no ?? 0, search)
}

/** Makes all search indexes anew, without what is left in them of documents that cannot be read any more. */
export async function rebuildSearches(replica: Replica): Promise<void> {
  for (const { no, search } of replica.state.collections) {
    if (search === undefined) continue
    const made = await replica.update((set) => {
      const collection = set.collection(no)
      const { no: old, fields } = collection.search ?? search
      const anew = { no: nextNumber(set), ready: false, fields, types: mediaTypes(replica.extractors) }
      set.searchesCleared.push(old)
      set.setCollection({ ...collection, search: anew })
      return Promise.resolve(anew)
    })
    await build(replica, no, made)
  }
}

/** Numbers are not used again: the highest one is always that of an index that is there. */
function nextNumber({ state }: WorkingSet): number {
  return Math.max(0, ...state.collections.map((each) => each.search?.no ?? 0)) + 1
}

type Declared = Pick<SearchState, 'fields' | 'types'>

function same(search: SearchState, { fields, types }: Declared): boolean {
  const paths = fields.map(([path]) => path)
  return (
    JSON.stringify(search.fields.map(([path]) => path)) === JSON.stringify(paths) &&
    JSON.stringify(search.types) === JSON.stringify(types)
  )
}

function sameWeights(one: Declared['fields'], other: Declared['fields']): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Weights are not part of the rows: only other paths or types make another index. */
function declare(space: Space, declared: Declared): Promise<SearchState> {
  return space.replica.update((set) => {
    const collection = set.collectionByTag(space.tag, space.name)
    const known = collection.search
    const isSame = known !== undefined && same(known, declared)
    const search = isSame ? { ...known, ...declared } : { no: nextNumber(set), ready: false, ...declared }
    if (known !== undefined && !isSame) set.searchesCleared.push(known.no)
    set.setCollection({ ...collection, search })
    return Promise.resolve(search)
  })
}

/** Writes between two pages keep the index themselves, so nothing is missed. */
async function build(replica: Replica, collection: number, search: SearchState): Promise<void> {
  const fields = searchFields(search)
  const turn = takingTurns(replica.context.env)
  for (let after: number | null = firstDocument(collection); after !== null; await turn()) {
    const from: number = after
    after = await replica.update(async (set) => {
      const now = set.collection(collection)
      // Declared anew meanwhile: then whoever did so builds that one.
      if (now.search?.no !== search.no) return null
      const rows = await replica.store.scan(collection, from, pageDocuments)
      for (const row of rows) {
        const head = row.state === null ? null : decodeHead(row.state)
        if (head?.state.status !== 'live') continue
        set.searchRows.push(searchRow(search, fields, { no: row.no, head }, replica.extractors))
      }
      const last = rows.at(-1)
      if (last === undefined) set.setCollection({ ...now, search: { ...now.search, ready: true } })
      return last?.no ?? null
    })
  }
}

/** What searches of this collection need; `indexed` false reads documents one by one. `asked` are the dotted paths of the filter and sort. Throws `INVALID` when none is declared. */
export function searchHome(space: Space, indexed: boolean, asked: readonly string[]): SearchHome {
  const { replica } = space
  const search = replica.collection(space.tag)?.search
  if (search === undefined) {
    throw new VarveError(
      'INVALID',
      `The collection "${space.name}" has no search index: declare one with collection('${space.name}', { search: { fields: { … } } })`,
      { details: { collection: space.name } },
    )
  }
  const fields = searchFields(search)
  assertSearchable(
    space,
    fields.map(({ path }) => path),
  )
  return {
    fields,
    look: (head) => askedHead(space, head, asked),
    extractors: replica.extractors,
    turn: takingTurns(replica.context.env),
    index: indexed && search.ready ? (scan) => replica.store.search({ search: search.no, ...scan }) : null,
  }
}

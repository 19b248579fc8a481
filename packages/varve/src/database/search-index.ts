/** Declared search indexes: made on first use, built over existing documents page by page, kept by every write. */

import { decodeHead } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import type { SearchField } from '../search/fields.ts'
import { firstDocument } from '../store/rows.ts'
import { searchFields, searchRow } from '../replica/search-rows.ts'
import type { SearchState } from '../replica/state.ts'
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
  const types = [...space.replica.extractors.keys()].toSorted()
  if (existing?.ready === true && same(existing, { fields: wanted, types }) && sameWeights(existing.fields, wanted))
    return
  const search = await declare(space, { fields: wanted, types })
  if (!search.ready) await build(space, search)
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
    const numbers = set.state.collections.map((each) => each.search?.no ?? 0)
    // Numbers are not used again: the highest one is always that of an index that is there.
    const search = isSame ? { ...known, ...declared } : { no: Math.max(0, ...numbers) + 1, ready: false, ...declared }
    if (known !== undefined && !isSame) set.searchesCleared.push(known.no)
    set.setCollection({ ...collection, search })
    return Promise.resolve(search)
  })
}

/** Writes between two pages keep the index themselves, so nothing is missed. */
async function build(space: Space, search: SearchState): Promise<void> {
  const { replica } = space
  const collection = replica.collection(space.tag)?.no ?? 0
  const fields = searchFields(search)
  let after = firstDocument(collection)
  for (;;) {
    const last = await replica.update(async (set) => {
      const rows = await replica.store.scan(collection, after, pageDocuments)
      for (const row of rows) {
        const head = row.state === null ? null : decodeHead(row.state)
        if (head?.state.status !== 'live') continue
        set.searchRows.push(searchRow(search, fields, { no: row.no, head }, replica.extractors))
      }
      return rows.at(-1)?.no ?? null
    })
    if (last === null) break
    after = last
  }
  await replica.update((set) => {
    const now = set.collectionByTag(space.tag, space.name)
    // Declared anew meanwhile: then whoever did so builds that one.
    if (now.search?.no === search.no) set.setCollection({ ...now, search: { ...now.search, ready: true } })
    return Promise.resolve()
  })
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
    index: indexed && search.ready ? (scan) => replica.store.search({ search: search.no, ...scan }) : null,
  }
}

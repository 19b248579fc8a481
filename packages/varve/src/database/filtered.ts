/** Scans whose condition the store applies: whole documents that may match, or only the values a query asks about. */

import { headField } from '../document/head.ts'
import { takingTurns } from '../env/pause.ts'
import { allOf, possible, visible } from '../query/condition.ts'
import type { Predicate } from '../query/predicate.ts'
import { attributesOf, sketchOf, type Sketches } from '../query/sketch.ts'
import type { SortOrder } from '../query/sort.ts'
import type { Candidate } from '../query/source.ts'
import type { CollectionState } from '../replica/state.ts'
import { firstDocument, type DocumentRow } from '../store/rows.ts'
import type { DocumentValues, FilteredPage, FilteredScan, Where } from '../store/where.ts'
import type { Space } from './space.ts'

const pageDocuments = 256
const firstPage = 64
const pageSketches = 1024

/** What a scan leaves to the store. */
export interface Filter {
  readonly predicate: Predicate
  readonly includeDeleted: boolean
}

function conditionOf({ predicate, includeDeleted }: Filter, collection: CollectionState): Where {
  return allOf([possible(predicate, collection.sealed.length > 0), visible(includeDeleted)])
}

/** The rows after document number `after` that may match, in pages that grow. */
export async function* filteredRows(
  space: Space,
  collection: CollectionState,
  after: number,
  filter: Filter,
): AsyncGenerator<readonly DocumentRow[]> {
  const where = conditionOf(filter, collection)
  let limit = firstPage
  yield* pagesOf(space, { collection: collection.no, after, where: () => where }, (scan) => {
    const page = space.replica.store.scanWhere({ ...scan, limit })
    limit = pageDocuments
    return page
  })
}

/** Sketches of the documents of a collection; null when the query asks for more than attributes. */
export function sketchesOf(
  space: Space,
  { filter, order, whole }: { readonly filter: Filter; readonly order: SortOrder; readonly whole: Whole },
): Sketches | null {
  const names = attributesOf(filter.predicate, order)
  const collection = space.replica.collection(space.tag)
  if (names === null || (collection !== undefined && collection.sealed.length > 0)) return null
  return {
    pages: (bound) =>
      collection === undefined ? noPages() : sketchPages(space, collection, { filter, names, bound, whole }),
    load: (sketches) => whole(sketches.map(({ place }) => place ?? 0)),
  }
}

/** The whole documents with these numbers, as they are now; null for those a query does not see. */
type Whole = (nos: readonly number[]) => Promise<readonly (Candidate | null)[]>

interface SketchScan {
  readonly filter: Filter
  readonly names: readonly string[]
  readonly bound: () => Where | null
  readonly whole: Whole
}

async function* noPages(): AsyncGenerator<readonly Candidate[]> {}

async function* sketchPages(
  space: Space,
  collection: CollectionState,
  { filter, names, bound, whole }: SketchScan,
): AsyncGenerator<readonly Candidate[]> {
  const where = conditionOf(filter, collection)
  const places = [
    { field: headField.id, names: [] },
    ...names.map((name) => ({ field: headField.data, names: [name] })),
  ]
  const scan = {
    collection: collection.no,
    after: firstDocument(collection.no),
    where: () => allOf([bound(), where]),
  }
  const pages = pagesOf(space, scan, (part) => space.replica.store.scanValues({ ...part, limit: pageSketches }, places))
  for await (const rows of pages) {
    const large = rows.filter(({ values }) => values === null).map(({ no }) => no)
    const documents = large.length === 0 ? [] : await whole(large)
    const sketches = rows.flatMap((row) => sketchOfRow(row, names))
    yield documents.length === 0 ? sketches : [...sketches, ...documents.filter((document) => document !== null)]
  }
}

function sketchOfRow({ no, values }: DocumentValues, names: readonly string[]): readonly Candidate[] {
  return values === null ? [] : [{ ...sketchOf(values[0], names, values.slice(1)), place: no }]
}

/** Non-empty pages until there is nothing more. */
async function* pagesOf<Row>(
  space: Space,
  scan: { readonly collection: number; readonly after: number; readonly where: () => Where },
  read: (scan: Omit<FilteredScan, 'limit'>) => Promise<FilteredPage<Row>>,
): AsyncGenerator<readonly Row[]> {
  const turn = takingTurns(space.replica.context.env)
  for (let after: number | null = scan.after; after !== null;) {
    const { rows, next }: FilteredPage<Row> = await read({ collection: scan.collection, after, where: scan.where() })
    if (rows.length > 0) yield rows
    after = next
    if (after !== null) await turn()
  }
}

/** Running searches: ranked pages of what a text finds, combined with a filter, a sort and a cursor. */

import { decodeHead, documentOf, type Head } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { compareText } from '../query/compare.ts'
import { decodeCursor, encodeCursor } from '../query/cursor.ts'
import { matches } from '../query/matcher.ts'
import { planQuery } from '../query/plan.ts'
import type { Predicate } from '../query/predicate.ts'
import { queryPages, type QuerySpec } from '../query/run.ts'
import type { SortOrder } from '../query/sort.ts'
import type { Candidate, QuerySource } from '../query/source.ts'
import type { Extractors, SearchField } from '../search/fields.ts'
import type { QueryPlan } from '../query/types.ts'
import { parseSearch } from '../search/terms.ts'
import type { SearchTerms } from '../search/types.ts'
import type { SearchHit, SearchPosition, SearchScan } from '../store/store.ts'
import { scanSearch } from './search-scan.ts'
import { shown } from './source.ts'

/** What a search needs of its collection. */
export interface SearchHome {
  readonly fields: readonly SearchField[]
  readonly extractors: Extractors
  /** Lets others have their turn. */
  readonly turn: () => Promise<void>
  /** The head as the query may see it. */
  readonly look: (head: Head) => Head
  /** Null where documents have to be read one by one. */
  readonly index: ((scan: Omit<SearchScan, 'search'>) => Promise<readonly SearchHit[]>) | null
}

/** The text of a search, read. */
export interface Search {
  readonly text: string
  readonly terms: SearchTerms
}

/** A document that was found. */
export interface Found extends Candidate {
  /** Higher is better; to be compared within one answer only. */
  readonly score: number
}

const firstPage = 256
const storedPage = 4096
/** Each page of ranked hits costs the store a look at all of them: few large ones, as far as the memory allows. */
const largestPage = 65_536
const pageCharacters = 16 * 1024 * 1024

export function searchOf(text: string): Search {
  return { text, terms: parseSearch(text) }
}

/** Best first, ties by id. */
function compareFound(one: SearchCursor, other: SearchCursor): number {
  return other.score - one.score || compareText(one.id, other.id)
}

/** What a search asks for beside its text. */
export interface Asked {
  readonly search: Search
  readonly predicate: Predicate
  /** By rank when empty. */
  readonly order: SortOrder
  readonly after: string | null
}

/** The matching documents in order, at most `limit`. Throws like `queryPages`. */
export function searchPages(
  source: QuerySource,
  home: SearchHome,
  { search, predicate, order, after }: Asked,
  limit: number | null,
): AsyncIterable<readonly Found[]> {
  if (order.length > 0) {
    const spec = { predicate, order, ...(limit === null ? {} : { limit }), ...(after === null ? {} : { after }) }
    return sortedPages(new SearchSource(() => foundPages(source, home, search.terms)), spec)
  }
  const from = after === null ? null : decodeRanked(search, after)
  return rankedPages(
    foundPages(source, home, search.terms, { after: from, expected: limit ?? Infinity }),
    predicate,
    limit,
  )
}

async function* sortedPages(source: SearchSource, spec: Omit<QuerySpec, 'indexes'>): AsyncGenerator<readonly Found[]> {
  for await (const page of queryPages(source, { ...spec, indexes: [] }))
    yield page.map((candidate) => ({ ...candidate, score: source.scoreOf(candidate.id) }))
}

/** What a text finds, in no order and unscored, as the source of other queries; to be planned without indexes. */
export function searchSource(source: QuerySource, home: SearchHome, { terms }: Search): QuerySource {
  const { index } = home
  return new SearchSource(() => (index === null ? scanned(source, home, terms) : unranked(home, index, terms)))
}

/** How a search is executed, for `explain`. */
export function searchPlan({ fields, index }: SearchHome, order: SortOrder): QueryPlan {
  const paths = fields.map(({ path }) => path)
  const first =
    index === null ? `every document, searched in ${paths.join(', ')}` : `search index on ${paths.join(', ')}`
  return {
    ...planQuery({ kind: 'and', of: [] }, order, []),
    sorted: order.length === 0,
    reason: `${first}, then the filter; ${order.length === 0 ? 'best first' : 'then sorted'}`,
  }
}

/** The order of ranked results as a cursor knows it: it fits this text alone. */
function rankOrder({ text }: Search): SortOrder {
  return [{ path: `search ${text}`, segments: [], direction: -1 }]
}

/** The cursor after a document of ranked results. */
export function rankedCursor(search: Search, { score, id }: Found): string {
  return encodeCursor(rankOrder(search), { keys: [score], id })
}

function decodeRanked(search: Search, cursor: string): SearchCursor {
  const { keys, id } = decodeCursor(rankOrder(search), cursor)
  const [score] = keys
  if (typeof score !== 'number')
    throw new VarveError('INVALID', 'The cursor was not made by a search: start again without it')
  return { score, id }
}

interface SearchCursor {
  readonly score: number
  readonly id: string
}

/** Everything a text finds, best first, in pages; `after` leaves out what comes before it. `expected` may be enough. */
async function* foundPages(
  source: QuerySource,
  home: SearchHome,
  terms: SearchTerms,
  { after = null, expected = Infinity }: { readonly after?: SearchCursor | null; readonly expected?: number } = {},
): AsyncGenerator<readonly Found[]> {
  const { index } = home
  if (index === null) {
    for await (const page of scanned(source, home, terms))
      yield after === null ? page : page.filter((each) => compareFound(each, after) > 0)
  } else yield* ranked(home, index, terms, { after, expected })
}

async function* scanned(source: QuerySource, home: SearchHome, terms: SearchTerms): AsyncGenerator<readonly Found[]> {
  const found = await scanSearch(source.scan({}), home, terms)
  yield found.toSorted(compareFound)
}

async function* ranked(
  { fields, look, turn }: SearchHome,
  index: NonNullable<SearchHome['index']>,
  terms: SearchTerms,
  { after: from, expected }: { readonly after: SearchCursor | null; readonly expected: number },
): AsyncGenerator<readonly Found[]> {
  const weights = fields.map(({ weight }) => weight)
  const seen = new Set<number>()
  let after: SearchPosition | null = from === null ? null : { ...from, document: Number.MAX_SAFE_INTEGER }
  let limit = Math.max(1, Math.min(expected, firstPage))
  for (;;) {
    const hits: readonly SearchHit[] = await index({ terms, weights, after, limit })
    // Scores shift when others write between two pages: what was given already is not given again.
    const fresh = hits.filter(({ document }) => !seen.has(document))
    for (const { document } of fresh) seen.add(document)
    for (let at = 0; at < fresh.length; at += firstPage) {
      yield fresh.slice(at, at + firstPage).flatMap((hit) => foundOf(hit, look))
      await turn()
    }
    after = hits.at(-1) ?? null
    if (after === null || hits.length < limit) return
    limit = nextPage(limit, hits)
  }
}

function nextPage(limit: number, hits: readonly SearchHit[]): number {
  const characters = hits.reduce((sum, { state }) => sum + (state?.length ?? 0), 0)
  const fitting = Math.floor((pageCharacters * hits.length) / Math.max(1, characters))
  return Math.max(1, Math.min(limit * 4, largestPage, fitting))
}

async function* unranked(
  { look, turn }: SearchHome,
  index: NonNullable<SearchHome['index']>,
  terms: SearchTerms,
): AsyncGenerator<readonly Found[]> {
  let after: SearchPosition | null = null
  for (;;) {
    const hits: readonly SearchHit[] = await index({ terms, weights: null, after, limit: storedPage })
    yield hits.flatMap((hit) => foundOf(hit, look))
    after = hits.at(-1) ?? null
    if (after === null || hits.length < storedPage) return
    await turn()
  }
}

function foundOf({ state, score, document }: SearchHit, look: SearchHome['look']): readonly Found[] {
  const head = shown(state === null ? null : decodeHead(state), false)
  return head === null ? [] : [{ id: head.state.id, doc: documentOf(look(head)), place: document, score }]
}

/** The matching documents, best first: at most `limit` of them. */
async function* rankedPages(
  pages: AsyncIterable<readonly Found[]>,
  predicate: Predicate,
  limit: number | null,
): AsyncGenerator<readonly Found[]> {
  let left = limit ?? Infinity
  if (left === 0) return
  for await (const page of pages) {
    const matching = page.filter(({ doc }) => matches(predicate, doc)).slice(0, left)
    if (matching.length > 0) yield matching
    left -= matching.length
    if (left <= 0) return
  }
}

/** What a text finds as the source of a query that sorts, counts or groups it: no indexes, the order left to the query. */
class SearchSource implements QuerySource {
  readonly #pages: () => AsyncIterable<readonly Found[]>
  readonly #scores = new Map<string, number>()

  constructor(pages: () => AsyncIterable<readonly Found[]>) {
    this.#pages = pages
  }

  /** The score of a document that was read. */
  scoreOf(id: string): number {
    return this.#scores.get(id) ?? 0
  }

  async *scan(): AsyncGenerator<readonly Found[]> {
    for await (const page of this.#pages()) {
      for (const { id, score } of page) this.#scores.set(id, score)
      yield page
    }
  }

  async *byIds(ids: readonly string[]): AsyncGenerator<readonly Candidate[]> {
    const wanted = new Set(ids)
    const found = new Map<string, Candidate>()
    for await (const page of this.scan()) for (const each of page) if (wanted.has(each.id)) found.set(each.id, each)
    yield ids.flatMap((id) => found.get(id) ?? [])
  }

  /** Never asked for: a query over this source is planned without indexes. */
  index(): AsyncIterable<readonly Candidate[]> {
    throw new RangeError('a search has no index rows')
  }
}

/** Which search rows a write adds and removes: the words of a document before and after it. */

import { documentOf, type Head } from '../document/head.ts'
import { documentTokens, fieldTexts, makeField, type Extractors, type SearchField } from '../search/fields.ts'
import type { SearchRow } from '../store/rows.ts'
import type { SearchState } from './state.ts'

/** Rows to put and to remove, in one write. */
export interface SearchChanges {
  readonly put: SearchRow[]
  readonly removed: Omit<SearchRow, 'fields'>[]
}

/** The declared fields of a search index; columns of its rows are in this order. */
export function searchFields(search: SearchState): readonly SearchField[] {
  return search.fields.map(([path, weight]) => makeField(path, weight))
}

/** The media types of extractors, as an index remembers those it was made with. */
export function mediaTypes(extractors: Extractors): readonly string[] {
  return [...extractors.keys()].toSorted()
}

/** Whether rows of these extractors fit among those of the index. */
export function madeWith({ types }: SearchState, extractors: Extractors): boolean {
  const now = mediaTypes(extractors)
  return types.length === now.length && types.every((type, i) => type === now[i])
}

/** The row of a document that is live. */
export function searchRow(
  search: SearchState,
  fields: readonly SearchField[],
  document: { readonly no: number; readonly head: Head },
  extractors: Extractors,
): SearchRow {
  const tokens = documentTokens(fields, documentOf(document.head), extractors)
  return { search: search.no, document: document.no, fields: tokens.map((each) => each.join(' ')) }
}

/** Collects the change of one document in `changes`; deleted documents have no row. */
export function changeSearchRow(
  search: SearchState,
  document: { readonly no: number; readonly before: Head; readonly head: Head },
  extractors: Extractors,
  changes: SearchChanges,
): void {
  const fields = searchFields(search)
  const before = textsOf(fields, document.before, extractors)
  const after = textsOf(fields, document.head, extractors)
  // Before the index is ready the row of an unchanged text may be missing; building puts it in.
  if (before === after) return
  if (after === null) changes.removed.push({ search: search.no, document: document.no })
  else changes.put.push(searchRow(search, fields, document, extractors))
}

function textsOf(fields: readonly SearchField[], head: Head, extractors: Extractors): string | null {
  if (head.state.status !== 'live') return null
  const doc = documentOf(head)
  return JSON.stringify(fields.map((field) => fieldTexts(field, doc, extractors)))
}

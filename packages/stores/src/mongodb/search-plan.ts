/** Search rows as postings: for each word of a document a row that says where it stands. */

import type { Batch } from 'varve/engine'
import { numberIn, textIn, type Row } from './cells.ts'
import { beyond, key, num } from './keys.ts'
import type { Pieces } from './pieces.ts'
import type { Rewritten } from './plan.ts'
import { encodePlaces } from './places.ts'

export function planSearches(batch: Batch, rows: Rewritten, pieces: Pieces): void {
  for (const search of batch.searchesCleared ?? [])
    for (const table of ['w', 'p', 'x']) {
      const prefix = table + num(search)
      rows.draft.clear({ from: prefix, to: beyond(prefix) })
    }
  for (const { search, document } of batch.searchRowsRemoved ?? []) removeWords(search, document, rows, pieces)
  for (const { search, document, fields } of batch.searchRows ?? []) {
    removeWords(search, document, rows, pieces)
    const tokens = fields.map((field) => (field === '' ? [] : field.split(' ')))
    const size = sizeOf(tokens)
    for (const [term, places] of placesOf(tokens))
      rows.draft.put(key.posting(search, term, document), { size, places: encodePlaces(places) })
    pieces.put(rows.draft, key.words(search, document), {}, 'fields', JSON.stringify(fields))
    addTotals(search, 1, size, rows)
  }
}

function removeWords(search: number, document: number, rows: Rewritten, pieces: Pieces): void {
  const name = key.words(search, document)
  const row = rows.get(name)
  if (row === null) return
  const tokens = tokensOf(row)
  for (const term of new Set(tokens.flat())) rows.draft.remove(key.posting(search, term, document))
  pieces.remove(rows.draft, name)
  addTotals(search, -1, -sizeOf(tokens), rows)
}

function addTotals(search: number, documents: number, tokens: number, rows: Rewritten): void {
  const before: Row = rows.get(key.totals(search)) ?? { documents: 0, tokens: 0 }
  rows.draft.put(key.totals(search), {
    documents: numberIn(before, 'documents') + documents,
    tokens: numberIn(before, 'tokens') + tokens,
  })
}

function tokensOf(row: Row): readonly (readonly string[])[] {
  const fields: unknown = JSON.parse(textIn(row, 'fields'))
  if (!Array.isArray(fields)) return []
  return fields.map((field: unknown) => (typeof field === 'string' && field !== '' ? field.split(' ') : []))
}

function sizeOf(fields: readonly (readonly string[])[]): number {
  return fields.reduce((sum, tokens) => sum + tokens.length, 0)
}

/** For each word its positions, field by field. */
function placesOf(fields: readonly (readonly string[])[]): ReadonlyMap<string, readonly (readonly number[])[]> {
  const found = new Map<string, number[][]>()
  for (const [field, tokens] of fields.entries()) {
    for (const [position, term] of tokens.entries()) {
      let places = found.get(term)
      if (places === undefined) {
        places = fields.map(() => [])
        found.set(term, places)
      }
      places[field]?.push(position)
    }
  }
  return found
}

/** How the search part of a batch becomes rows: every word of a document with its places, and sums over all documents. */

import type { Batch, SearchRow } from 'varve/engine'
import { deletion, lastOf } from './columns.ts'
import type { Statement } from './pipeline.ts'
import { names, numbers, texts } from './values.ts'

/** A place is the field times this plus the position in it. */
export const fieldWidth = 0x400_0000

/** The statements for the search rows of a batch, in the contract's order. */
export function searchStatements(s: string, store: string, batch: Batch): readonly Statement[] {
  const { searchesCleared = [], searchRowsRemoved = [], searchRows = [] } = batch
  const made: Statement[] = []
  if (searchesCleared.length > 0) {
    const cleared = numbers(searchesCleared)
    for (const table of ['search_words', 'search_rows', 'search_totals']) {
      const text = `DELETE FROM ${s}.${table} WHERE store = $1 AND search = ANY($2::bigint[])`
      made.push({ text, values: [store, cleared] })
    }
  }
  const rows = lastOf(searchRows, keyOf)
  const leaving = lastOf([...searchRowsRemoved, ...rows], keyOf)
  if (leaving.length > 0) made.push(removal(s, store, leaving))
  if (rows.length > 0) made.push(insertion(s, store, rows), totals(s, store, rows))
  return made
}

function keyOf({ search, document }: Omit<SearchRow, 'fields'>): string {
  return `${search} ${document}`
}

/** The row of a document knows its words, by which they are found. */
function removal(s: string, store: string, rows: readonly Omit<SearchRow, 'fields'>[]): Statement {
  const keys = 'unnest($2::bigint[], $3::bigint[]) AS k(search, document)'
  const words = '(SELECT g.search, g.document, t.term FROM gone g, unnest(g.terms) AS t(term)) k'
  const text = `WITH gone AS (
      ${deletion(`${s}.search_rows`, keys, ['search', 'document'])} RETURNING search, document, tokens, terms),
    words AS (
      ${deletion(`${s}.search_words`, words, ['search', 'term', 'document'])})
    UPDATE ${s}.search_totals t SET documents = t.documents - g.documents, tokens = t.tokens - g.tokens
    FROM (SELECT search, count(*) AS documents, sum(tokens) AS tokens FROM gone GROUP BY search) g
    WHERE t.store = $1 AND t.search = g.search`
  const values = [numbers(rows.map((row) => row.search)), numbers(rows.map((row) => row.document))]
  return { text, values: [store, ...values] }
}

function insertion(s: string, store: string, rows: readonly SearchRow[]): Statement {
  const text = `WITH words AS (
      INSERT INTO ${s}.search_words (store, search, term, document, places)
      SELECT $1::integer, search, term, document, places::integer[]
      FROM unnest($2::bigint[], $3::bytea[], $4::bigint[], $5::text[]) AS w(search, term, document, places)
      RETURNING search, document, term)
    INSERT INTO ${s}.search_rows (store, search, document, tokens, terms)
    SELECT $1::integer, k.search, k.document, k.tokens, coalesce(w.terms, '{}')
    FROM unnest($6::bigint[], $7::bigint[], $8::bigint[]) AS k(search, document, tokens)
    LEFT JOIN (SELECT search, document, array_agg(term) AS terms FROM words GROUP BY search, document) w
      USING (search, document)`
  const words = rows.flatMap((row) => [...placesOf(row.fields)].map(([term, places]) => ({ ...row, term, places })))
  const values = [
    numbers(words.map((word) => word.search)),
    names(words.map((word) => word.term)),
    numbers(words.map((word) => word.document)),
    texts(words.map((word) => `{${word.places.join(',')}}`)),
    numbers(rows.map((row) => row.search)),
    numbers(rows.map((row) => row.document)),
    numbers(rows.map((row) => sizeOf(row))),
  ]
  return { text, values: [store, ...values] }
}

function totals(s: string, store: string, rows: readonly SearchRow[]): Statement {
  const text = `INSERT INTO ${s}.search_totals AS t (store, search, documents, tokens)
    SELECT $1::integer, search, documents, tokens
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS k(search, documents, tokens)
    ON CONFLICT (store, search) DO UPDATE
    SET documents = t.documents + excluded.documents, tokens = t.tokens + excluded.tokens`
  const sums = new Map<number, { documents: number; tokens: number }>()
  for (const row of rows) {
    const sum = sums.get(row.search) ?? { documents: 0, tokens: 0 }
    sums.set(row.search, { documents: sum.documents + 1, tokens: sum.tokens + sizeOf(row) })
  }
  const values = [
    numbers([...sums.keys()]),
    numbers([...sums.values()].map((sum) => sum.documents)),
    numbers([...sums.values()].map((sum) => sum.tokens)),
  ]
  return { text, values: [store, ...values] }
}

function sizeOf({ fields }: SearchRow): number {
  return fields.reduce((sum, field) => sum + wordsOf(field).length, 0)
}

function wordsOf(field: string): readonly string[] {
  return field === '' ? [] : field.split(' ')
}

function placesOf(fields: readonly string[]): ReadonlyMap<string, number[]> {
  const found = new Map<string, number[]>()
  for (const [field, text] of fields.entries()) {
    for (const [position, word] of wordsOf(text).entries()) {
      const place = field * fieldWidth + position
      const places = found.get(word)
      if (places === undefined) found.set(word, [place])
      else places.push(place)
    }
  }
  return found
}

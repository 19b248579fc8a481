/** Searching: the postings of the words that are asked for, put together and ranked as the contract defines. */

import {
  compareSearchPositions,
  countsOf,
  hasPhrase,
  headId,
  matchesTerms,
  scoreOf,
  type Posting,
  type SearchHit,
  type SearchPhrase,
  type SearchScan,
} from 'varve/engine'
import { bytesIn, numberIn, textOrNullIn, type Row } from './cells.ts'
import type { Range } from './effects.ts'
import { beyond, ended, key, KeyReader, num, textKey } from './keys.ts'
import type { View } from './layers.ts'
import { wholeRow } from './pieces.ts'
import { decodePlaces } from './places.ts'
import type { Rows } from './rows.ts'

/** The words that were asked for at their places; the others are empty. */
interface Text {
  readonly fields: string[][]
  /** Words in all fields. */
  readonly size: number
}

interface Scored {
  readonly document: number
  readonly score: number
}

export async function readHits(rows: Rows, view: View, scan: SearchScan): Promise<readonly SearchHit[]> {
  if (scan.terms.all.length === 0 || scan.limit <= 0) return []
  const texts = await readTexts(rows, view, scan)
  const found = [...texts].filter(([, { fields }]) => matchesTerms(scan.terms, fields)).map(([document]) => document)
  if (scan.weights !== null) return ranked(rows, view, scan, await scored(rows, view, scan, scan.weights, texts, found))
  const after = scan.after?.document ?? -1
  const next = found.filter((document) => document > after).toSorted((one, other) => one - other)
  const hits = next.slice(0, scan.limit)
  const heads = await headsOf(rows, view, hits)
  return hits.map((document, i) => ({ document, score: 0, id: '', state: heads[i] ?? null }))
}

async function readTexts(rows: Rows, view: View, { search, terms }: SearchScan): Promise<ReadonlyMap<number, Text>> {
  const texts = new Map<number, Text>()
  const ranges = new Map<string, Range>()
  for (const phrase of [...terms.all, ...terms.none])
    for (const range of rangesOf(search, phrase)) ranges.set(range.from, range)
  // An exact word that a prefix covers comes twice, at the same places.
  for (const range of ranges.values()) {
    for (const [name, row] of await rows.range(view, range, Infinity)) {
      const { term, document } = postingKey(name)
      let text = texts.get(document)
      if (text === undefined) {
        text = { fields: [], size: numberIn(row, 'size') }
        texts.set(document, text)
      }
      for (const [field, positions] of decodePlaces(bytesIn(row, 'places')).entries())
        for (const position of positions) place(text.fields, field, position, term)
    }
  }
  return texts
}

function rangesOf(search: number, { tokens, prefix }: SearchPhrase): readonly Range[] {
  return tokens.map((token, i) => {
    const start = `p${num(search)}`
    if (!prefix || i < tokens.length - 1) {
      const exact = start + ended(textKey(token))
      return { from: exact, to: beyond(exact) }
    }
    const begun = start + ended(textKey(token)).slice(0, -1)
    return { from: begun, to: beyond(begun) }
  })
}

function place(fields: string[][], field: number, position: number, term: string): void {
  while (fields.length <= field) fields.push([])
  const text = fields[field] ?? []
  while (text.length < position) text.push('')
  text[position] = term
}

async function scored(
  rows: Rows,
  view: View,
  { search, terms }: SearchScan,
  weights: readonly number[],
  texts: ReadonlyMap<number, Text>,
  found: readonly number[],
): Promise<readonly Scored[]> {
  const totals: Row = (await rows.one(view, key.totals(search))) ?? { documents: 0, tokens: 0 }
  const all = [...texts.values()]
  const corpus = {
    documents: numberIn(totals, 'documents'),
    tokens: numberIn(totals, 'tokens'),
    having: terms.all.map((phrase) => all.filter(({ fields }) => hasPhrase(phrase, fields)).length),
  }
  return found.flatMap((document) => {
    const text = texts.get(document)
    if (text === undefined) return []
    return [{ document, score: scoreOf(corpus, countsOf(terms, text.fields, weights), text.size) }]
  })
}

/** Heads are read for as many as are wanted and for those that share a score with them, because ids break ties. */
async function ranked(
  rows: Rows,
  view: View,
  { after, limit }: SearchScan,
  all: readonly Scored[],
): Promise<readonly SearchHit[]> {
  const left = all
    .filter(({ score }) => after === null || score <= after.score)
    .toSorted((one, other) => other.score - one.score || one.document - other.document)
  const hits: SearchHit[] = []
  for (let at = 0; at < left.length && hits.length < limit;) {
    let end = Math.min(at + limit - hits.length, left.length)
    while (end < left.length && left[end]?.score === left[end - 1]?.score) end++
    const some = left.slice(at, end)
    const heads = await headsOf(
      rows,
      view,
      some.map(({ document }) => document),
    )
    const placed = some.map((hit, i) => ({ ...hit, id: headId(heads[i] ?? null), state: heads[i] ?? null }))
    hits.push(
      ...placed
        .filter((hit) => after === null || compareSearchPositions(hit, after) > 0)
        .toSorted(compareSearchPositions),
    )
    at = end
  }
  return hits.slice(0, limit)
}

async function headsOf(rows: Rows, view: View, documents: readonly number[]): Promise<readonly (string | null)[]> {
  const found = await rows.get(view, documents.map(key.document))
  return Promise.all(
    documents.map(async (no) => {
      const row = found.get(key.document(no))
      return row === undefined
        ? null
        : textOrNullIn(await wholeRow(rows, view, key.document(no), row, 'state'), 'state')
    }),
  )
}

/** Every word at its place: rows come by term and document, and hold the rest. */
export async function readPostings(
  rows: Rows,
  view: View,
  search: number,
  after: Posting | null,
  limit: number,
): Promise<readonly Posting[]> {
  const prefix = `p${num(search)}`
  let start = after === null ? prefix : key.posting(search, after.term, after.document)
  const postings: Posting[] = []
  while (postings.length < limit) {
    const wanted = Math.min(limit - postings.length + 1, 5_000)
    const page = await rows.range(view, { from: start, to: beyond(prefix) }, wanted)
    for (const [name, row] of page) {
      const { term, document } = postingKey(name)
      const isFirst = after !== null && term === after.term && document === after.document
      for (const [field, positions] of decodePlaces(bytesIn(row, 'places')).entries())
        for (const position of positions)
          if (!isFirst || field > after.field || (field === after.field && position > after.position))
            postings.push({ term, document, field, position })
    }
    const last = page.at(-1)?.[0]
    if (last === undefined || page.length < wanted) break
    start = `${last}\0`
  }
  return postings.slice(0, Math.max(0, limit))
}

function postingKey(name: string): { readonly term: string; readonly document: number } {
  const reader = new KeyReader(name)
  reader.number()
  return { term: reader.text(), document: reader.number() }
}

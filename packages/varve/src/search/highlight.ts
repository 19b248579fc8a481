/** Highlights: where in a document's text the words of a search stand, with the text around them. */

import type { JsonObject } from '../encoding/json.ts'
import { limits } from '../limits.ts'
import { fieldTexts, type Extractors, type SearchField } from './fields.ts'
import { standsAt } from './match.ts'
import { tokenise, type Token } from './tokens.ts'
import type { SearchTerms } from './types.ts'

/** A piece of a field's text in which something was found. */
export interface Highlight {
  /** Path of the field. */
  readonly path: string
  /** The text, or of a long one the part around the first place. */
  readonly text: string
  /** Where `text` begins in the whole text, in UTF-16 units. */
  readonly start: number
  /** The places found in `text`, from inclusive to exclusive in UTF-16 units; ascending, apart from each other. */
  readonly ranges: readonly Range[]
}

export type Range = readonly [from: number, to: number]

/** The highlights of a document, field by field; at most `limits.searchHighlights`. */
export function highlightsOf(
  doc: JsonObject,
  terms: SearchTerms,
  fields: readonly SearchField[],
  extractors: Extractors,
): readonly Highlight[] {
  const found: Highlight[] = []
  for (const field of fields) {
    for (const text of fieldTexts(field, doc, extractors)) {
      if (found.length === limits.searchHighlights) return found
      const ranges = rangesOf(text, terms, limits.searchExcerptCharacters)
      if (ranges.length > 0) found.push({ path: field.path, ...excerpt(text, ranges) })
    }
  }
  return found
}

/**
 * The places of all words and phrases of the search in one text, those that touch or overlap as one; none that begin
 * more than `reach` UTF-16 units behind the first.
 */
export function rangesOf(text: string, terms: SearchTerms, reach = Infinity): readonly Range[] {
  const longest = Math.max(1, ...terms.all.map(({ tokens }) => tokens.length))
  const source = tokenise(text)
  const words: string[] = []
  const tokens: Token[] = []
  const ranges: [number, number][] = []
  // Tokens before this one belong to a place that was found.
  let covered = 0
  for (let at = 0; ; at++) {
    for (let next; tokens.length < at + longest && (next = source.next()).done !== true;) {
      tokens.push(next.value)
      words.push(next.value.text)
    }
    const token = tokens[at]
    const [first] = ranges
    if (token === undefined || (first !== undefined && token.start > first[0] + reach)) return ranges
    for (const phrase of terms.all)
      if (standsAt(phrase, at, words)) covered = Math.max(covered, at + phrase.tokens.length)
    if (at >= covered) continue
    const last = ranges.at(-1)
    if (last !== undefined && token.start <= last[1]) last[1] = Math.max(last[1], token.end)
    else ranges.push([token.start, token.end])
  }
}

/** A part of a long text, cut between words where there is a space near. */
function excerpt(text: string, ranges: readonly Range[]): Omit<Highlight, 'path'> {
  const size = limits.searchExcerptCharacters
  const [first = [0, 0]] = ranges
  if (text.length <= size) return { text, start: 0, ranges }
  const lead = Math.floor(size / 4)
  const start = afterSpace(text, Math.max(0, Math.min(first[0] - lead, text.length - size)), first[0])
  const end = beforeSpace(text, Math.min(text.length, start + size), first[1])
  return {
    text: text.slice(start, end),
    start,
    // The first place may be longer than the part.
    ranges: ranges
      .filter(([, to], i) => i === 0 || to <= end)
      .map(([from, to]) => [from - start, Math.min(to, end) - start]),
  }
}

/** The first place from `at` on, at most `until`, that follows a space; else one that splits no character. */
function afterSpace(text: string, at: number, until: number): number {
  if (at === 0) return 0
  const space = text.slice(at - 1, until).search(/\s/u)
  return space === -1 ? whole(text, at) : at + space
}

function beforeSpace(text: string, at: number, from: number): number {
  if (at >= text.length) return text.length
  for (let i = at; i > from; i--) if (/\s/u.test(text[i] ?? '')) return i
  return whole(text, at)
}

/** The place itself, or the one before when it is in the middle of a surrogate pair. */
function whole(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}

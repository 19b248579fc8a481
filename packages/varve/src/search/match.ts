/** Matching without an index: what a search finds in the tokens of a document. */

import type { JsonObject } from '../encoding/json.ts'
import { documentTokens, noExtractors, type Extractors, type SearchField } from './fields.ts'
import { parseSearch } from './terms.ts'
import type { SearchPhrase, SearchTerms } from './types.ts'

/** Tokens of one document, field by field. */
export type FieldTokens = readonly (readonly string[])[]

/** Whether a phrase stands at this place. */
export function standsAt({ tokens, prefix }: SearchPhrase, at: number, text: readonly string[]): boolean {
  if (at + tokens.length > text.length) return false
  const last = tokens.length - 1
  for (let i = 0; i <= last; i++) {
    const token = text[at + i] ?? ''
    const wanted = tokens[i] ?? ''
    if (i === last && prefix ? !token.startsWith(wanted) : token !== wanted) return false
  }
  return true
}

/** How often a phrase stands in a field; places may overlap. */
export function countPhrase(phrase: SearchPhrase, text: readonly string[]): number {
  let count = 0
  for (let at = 0; at < text.length; at++) if (standsAt(phrase, at, text)) count++
  return count
}

export function hasPhrase(phrase: SearchPhrase, fields: FieldTokens): boolean {
  return fields.some((text) => text.some((_, at) => standsAt(phrase, at, text)))
}

/** Whether the tokens of a document are what the terms ask for. */
export function matchesTerms({ all, none }: SearchTerms, fields: FieldTokens): boolean {
  return (
    all.length > 0 &&
    all.every((phrase) => hasPhrase(phrase, fields)) &&
    !none.some((phrase) => hasPhrase(phrase, fields))
  )
}

/** A condition on documents, given as `{ ...attributes, id, _system }`: what `search(text)` finds, without an index. */
export function searchMatcher(
  text: string | SearchTerms,
  fields: readonly SearchField[],
  extractors: Extractors = noExtractors,
): (doc: JsonObject) => boolean {
  const terms = typeof text === 'string' ? parseSearch(text) : text
  return (doc) => matchesTerms(terms, documentTokens(fields, doc, extractors))
}

/** Searching without an index, over documents of any kind: of the past, or deleted ones; ranked like everything else. */

import type { Candidate } from '../query/source.ts'
import { documentTokens } from '../search/fields.ts'
import { countsOf, sizeOf } from '../search/inverted.ts'
import { hasPhrase, matchesTerms } from '../search/match.ts'
import { scoreOf } from '../search/score.ts'
import type { SearchTerms } from '../search/types.ts'
import type { Found, SearchHome } from './search.ts'

/** What the terms find among all documents, in their order; holds what was found. */
export async function scanSearch(
  pages: AsyncIterable<readonly Candidate[]>,
  { fields, extractors }: SearchHome,
  terms: SearchTerms,
): Promise<readonly Found[]> {
  if (terms.all.length === 0) return []
  const weights = fields.map(({ weight }) => weight)
  const having = terms.all.map(() => 0)
  const found: { readonly candidate: Candidate; readonly counts: readonly number[]; readonly size: number }[] = []
  let documents = 0
  let tokens = 0
  for await (const page of pages) {
    for (const candidate of page) {
      const texts = documentTokens(fields, candidate.doc, extractors)
      const size = sizeOf(texts)
      documents++
      tokens += size
      for (const [i, phrase] of terms.all.entries()) if (hasPhrase(phrase, texts)) having[i] = (having[i] ?? 0) + 1
      if (matchesTerms(terms, texts)) found.push({ candidate, counts: countsOf(terms, texts, weights), size })
    }
  }
  const corpus = { documents, tokens, having }
  return found.map(({ candidate, counts, size }) => ({ ...candidate, score: scoreOf(corpus, counts, size) }))
}

/** An inverted index in memory: the search rows of one index, for stores without one of their own. */

import { compareBytes, utf8 } from '../encoding/bytes.ts'
import { countPhrase, hasPhrase, matchesTerms, type FieldTokens } from './match.ts'
import { scoreOf } from './score.ts'
import type { Posting, SearchPhrase, SearchTerms } from './types.ts'

export interface Scored {
  readonly document: number
  readonly score: number
}

export class InvertedIndex {
  readonly #documents = new Map<number, FieldTokens>()
  readonly #terms = new Map<string, Set<number>>()
  #tokens = 0

  /** Puts a document in, or replaces it; each field is its tokens with a space between. */
  put(document: number, fields: readonly string[]): void {
    this.remove(document)
    const tokens = fields.map((field) => (field === '' ? [] : field.split(' ')))
    this.#documents.set(document, tokens)
    this.#tokens += sizeOf(tokens)
    for (const token of tokens.flat()) {
      const known = this.#terms.get(token)
      if (known === undefined) this.#terms.set(token, new Set([document]))
      else known.add(document)
    }
  }

  remove(document: number): void {
    const tokens = this.#documents.get(document)
    if (tokens === undefined) return
    this.#documents.delete(document)
    this.#tokens -= sizeOf(tokens)
    for (const token of tokens.flat()) {
      const having = this.#terms.get(token)
      having?.delete(document)
      if (having?.size === 0) this.#terms.delete(token)
    }
  }

  /** What is found, by document; without weights every score is 0. */
  search(terms: SearchTerms, weights: readonly number[] | null): readonly Scored[] {
    const having = terms.all.map((phrase) => this.#having(phrase))
    const [fewest] = having.toSorted((one, other) => one.size - other.size)
    const corpus = {
      documents: this.#documents.size,
      tokens: this.#tokens,
      having: having.map(({ size }) => size),
    }
    const found: Scored[] = []
    for (const document of fewest ?? []) {
      const fields = this.#documents.get(document) ?? []
      if (!matchesTerms(terms, fields)) continue
      const score = weights === null ? 0 : scoreOf(corpus, countsOf(terms, fields, weights), sizeOf(fields))
      found.push({ document, score })
    }
    return found.toSorted((one, other) => one.document - other.document)
  }

  /** Every token at its place, by (term, document, field, position); terms order by their UTF-8 bytes. */
  postings(): readonly Posting[] {
    const terms = [...this.#terms.keys()].map((term) => ({ term, bytes: utf8(term) }))
    return terms
      .toSorted((one, other) => compareBytes(one.bytes, other.bytes))
      .flatMap(({ term }) => [...(this.#terms.get(term) ?? [])].toSorted(byNumber).flatMap((no) => this.#of(term, no)))
  }

  #of(term: string, document: number): readonly Posting[] {
    const fields = this.#documents.get(document) ?? []
    return fields.flatMap((tokens, field) =>
      tokens.flatMap((token, position) => (token === term ? [{ term, document, field, position }] : [])),
    )
  }

  /** The documents that have a phrase. */
  #having(phrase: SearchPhrase): ReadonlySet<number> {
    const last = phrase.tokens.length - 1
    const sets = phrase.tokens.map((token, i) => this.#withToken(token, i === last && phrase.prefix))
    const [fewest = new Set<number>()] = sets.toSorted((one, other) => one.size - other.size)
    if (last === 0) return fewest
    return new Set([...fewest].filter((document) => hasPhrase(phrase, this.#documents.get(document) ?? [])))
  }

  #withToken(token: string, prefix: boolean): ReadonlySet<number> {
    if (!prefix) return this.#terms.get(token) ?? new Set()
    const found = new Set<number>()
    for (const [term, documents] of this.#terms)
      if (term.startsWith(token)) for (const document of documents) found.add(document)
    return found
  }
}

/** The places of each phrase, counted with the weights of their fields. */
export function countsOf(terms: SearchTerms, fields: FieldTokens, weights: readonly number[]): readonly number[] {
  return terms.all.map((phrase) =>
    fields.reduce((sum, tokens, field) => sum + countPhrase(phrase, tokens) * (weights[field] ?? 0), 0),
  )
}

export function sizeOf(fields: FieldTokens): number {
  return fields.reduce((sum, tokens) => sum + tokens.length, 0)
}

function byNumber(one: number, other: number): number {
  return one - other
}

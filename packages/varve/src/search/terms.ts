/** Reading the text of a search: words, "phrases", prefixes* and -exclusions; every text has a meaning. */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { tokensOf } from './tokens.ts'
import type { SearchPhrase, SearchTerms } from './types.ts'

/** One part of the text: a phrase in quotes to the next quote or the end, or what stands between spaces. */
const part = /(-?)(?:["“”„]([^"“”„]*)(?:["“”„](\*?)|$)|([^\s"“”„]+))/gu

/**
 * What the text asks for. A word of several tokens (`full-text`, words of scripts without spaces) is a phrase.
 * Throws `INVALID` for what is no text and `TOO_LARGE` for a text or a number of words beyond the limits.
 */
export function parseSearch(text: unknown): SearchTerms {
  if (typeof text !== 'string')
    throw new VarveError('INVALID', `The text to search for is ${typeof text}: it must be a string`)
  assertLimit(text.length, limits.searchCharacters, 'The length of the text to search for')
  const all = new Map<string, SearchPhrase>()
  const none = new Map<string, SearchPhrase>()
  let tokens = 0
  for (const [, minus, quoted, star, bare] of text.matchAll(part)) {
    const phrase = phraseOf(quoted ?? bare ?? '', star === '*')
    if (phrase.tokens.length === 0) continue
    tokens += phrase.tokens.length
    const wanted = minus === '-' ? none : all
    wanted.set(JSON.stringify([phrase.prefix, ...phrase.tokens]), phrase)
  }
  assertLimit(all.size + none.size, limits.searchPhrases, 'The number of words to search for')
  assertLimit(tokens, limits.searchTokens, 'The number of tokens to search for')
  return { all: [...all.values()], none: [...none.values()] }
}

/** The star may stand before or after the closing quote. */
function phraseOf(words: string, starred: boolean): SearchPhrase {
  return { tokens: tokensOf(words), prefix: starred || words.endsWith('*') }
}

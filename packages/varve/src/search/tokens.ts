/** The one tokeniser: text as the words that are indexed and searched for, alike in every store. */

import { limits } from '../limits.ts'

/** A token and where it stands in the text, in UTF-16 units. */
export interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Between the pieces of one field: no token, so that no phrase reaches from one piece into the next. */
export const pieceSeparator = '\u{e000}'

const words = /[\p{L}\p{N}\p{M}]+/gu
const asciiWords = /[a-z0-9]+/g
const ascii = /^[\0-\x7f]*$/
/** Scripts written without spaces between words: each character, with its marks, is a token. */
const unspaced =
  '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]'
const hasUnspaced = new RegExp(unspaced, 'u')
const parts = new RegExp(`${unspaced}\\p{M}*|(?:(?!${unspaced})[^])+`, 'gu')
const diacritics = /[\u0300-\u036f]/g

/** The tokens of a text, in order. */
export function tokensOf(text: string): readonly string[] {
  if (ascii.test(text)) return (text.toLowerCase().match(asciiWords) ?? []).map(cut)
  const found: string[] = []
  for (const { text: token } of tokenise(text)) found.push(token)
  return found
}

/** The tokens of a text with their places; one word can give several, which then share its place. */
export function* tokenise(text: string): Generator<Token> {
  for (const { 0: word, index } of text.matchAll(words)) {
    if (!hasUnspaced.test(word)) yield* normalised(word, index)
    else for (const part of word.matchAll(parts)) yield* normalised(part[0], index + part.index)
  }
}

function* normalised(word: string, start: number): Generator<Token> {
  const end = start + word.length
  if (ascii.test(word)) {
    yield { text: cut(word.toLowerCase()), start, end }
    return
  }
  // Normalising long runs of marks takes quadratic time, and tokens are short.
  const short = word.length > rawUnits ? word.slice(0, rawUnits).toWellFormed() : word
  const plain = short.normalize('NFKD').toLowerCase().normalize('NFKD').replace(diacritics, '').replaceAll('ς', 'σ')
  for (const [token] of plain.normalize('NFC').matchAll(words)) yield { text: cut(token), start, end }
}

const rawUnits = limits.searchTokenCharacters * 4

/** Longer words are the same when they begin the same. */
function cut(token: string): string {
  if (token.length <= limits.searchTokenCharacters) return token
  return Array.from(token.slice(0, rawUnits)).slice(0, limits.searchTokenCharacters).join('').toWellFormed()
}

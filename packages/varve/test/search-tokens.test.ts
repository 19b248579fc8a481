/** Tests of the tokeniser, the text of searches, matching and highlights: pure functions, without a database. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../src/encoding/json.ts'
import { limits } from '../src/limits.ts'
import { fieldTexts, makeField, noExtractors, parseSearchOptions } from '../src/search/fields.ts'
import { highlightsOf, rangesOf } from '../src/search/highlight.ts'
import { searchMatcher } from '../src/search/match.ts'
import { parseSearch } from '../src/search/terms.ts'
import { tokenise, tokensOf } from '../src/search/tokens.ts'
import { coded, failure } from './engine-world.ts'

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  fc
    .array(fc.constantFrom('Ångström', 'naïve', '東京都', 'ภาษาไทย', 'ﬁne', '½', 'ΛΌΓΟΣ', ' ', '-', '"', '*', '\ud800'))
    .map((all) => all.join('')),
)

describe('tokens', () => {
  test.each([
    ['Hello, World', ['hello', 'world']],
    ['full-text_search v2.0', ['full', 'text', 'search', 'v2', '0']],
    ['Ångström NAÏVE İstanbul', ['angstrom', 'naive', 'istanbul']],
    ['ΛΌΓΟΣ λόγος', ['λογοσ', 'λογοσ']],
    ['ﬁne ＡＢＣ ①', ['fine', 'abc', '1']],
    ['½', ['1', '2']],
    ['東京tower', ['東', '京', 'tower']],
    ['ガラス', ['ガ', 'ラ', 'ス']],
    ['한국어 검색', ['한국어', '검색']],
    ['हिन्दी', ['हिन्दी']],
    ['🙂 + - "', []],
    ['', []],
  ])('%s', (text, tokens) => {
    expect(tokensOf(text)).toEqual(tokens)
  })

  test('the quick way for ASCII and the other one agree', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(tokensOf(text)).toEqual([...tokenise(text)].map((token) => token.text))
      }),
    )
  })

  test('tokens stand in the text in order, hold no sign of a query language and are well-formed', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        let last = 0
        for (const { text: token, start, end } of tokenise(text)) {
          expect(start).toBeGreaterThanOrEqual(last)
          expect(end).toBeGreaterThan(start)
          expect(end).toBeLessThanOrEqual(text.length)
          last = start
          expect(token).toMatch(/^[\p{L}\p{N}\p{M}]+$/u)
          expect(token).not.toMatch(/[A-Z]/)
          expect(token.isWellFormed()).toBe(true)
          expect(Array.from(token).length).toBeLessThanOrEqual(limits.searchTokenCharacters)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('long words are cut alike, however long', () => {
    const word = 'a'.repeat(limits.searchTokenCharacters)
    expect(tokensOf(`${word}xyz`)).toEqual([word])
    const wide = '𝒳'.repeat(1000)
    expect(tokensOf(wide)).toEqual(['x'.repeat(limits.searchTokenCharacters)])
    const marks = `a${'\u0301\u0316'.repeat(500_000)}`
    expect(tokensOf(marks)).toEqual(['a'])
  })
})

describe('the text of a search', () => {
  const phrase = (tokens: readonly string[], prefix = false) => ({ tokens, prefix })

  test.each([
    ['Hello world', [phrase(['hello']), phrase(['world'])], []],
    ['"Hello world" x', [phrase(['hello', 'world']), phrase(['x'])], []],
    ['wor* "new yo*" "new yo"*', [phrase(['wor'], true), phrase(['new', 'yo'], true)], []],
    ['a -b -"c d" -e*', [phrase(['a'])], [phrase(['b']), phrase(['c', 'd']), phrase(['e'], true)]],
    ['full-text', [phrase(['full', 'text'])], []],
    ['東京*', [phrase(['東', '京'], true)], []],
    ['“smart quotes” „unten“', [phrase(['smart', 'quotes']), phrase(['unten'])], []],
    ['a a A', [phrase(['a'])], []],
    ['"unbalanced', [phrase(['unbalanced'])], []],
    ['a"b c"d', [phrase(['a']), phrase(['b', 'c']), phrase(['d'])], []],
    ['- -- * "" "-" a', [phrase(['a'])], []],
    [
      'a AND b OR NOT c NEAR(x) f:y',
      ['a', 'and', 'b', 'or', 'not', 'c']
        .map((word) => phrase([word]))
        .concat([phrase(['near', 'x']), phrase(['f', 'y'])]),
      [],
    ],
    ['', [], []],
  ])('%s', (text, all, none) => {
    expect(parseSearch(text)).toEqual({ all, none })
  })

  test('every short text has a meaning', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { all, none } = parseSearch(text)
        for (const { tokens } of [...all, ...none]) expect(tokens.length).toBeGreaterThan(0)
      }),
      { numRuns: 500 },
    )
  })

  test('too much of it, or something else, is refused', async () => {
    expect(await failure(() => parseSearch('x'.repeat(5_000_000)))).toEqual(coded('TOO_LARGE'))
    expect(await failure(() => parseSearch(Array.from({ length: 65 }, (_, i) => `w${i}`).join(' ')))).toEqual(
      coded('TOO_LARGE'),
    )
    expect(await failure(() => parseSearch('東'.repeat(300)))).toEqual(coded('TOO_LARGE'))
    for (const text of [null, 1, {}, undefined])
      expect(await failure(() => parseSearch(text))).toEqual(coded('INVALID'))
  })
})

describe('fields', () => {
  const doc: JsonObject = {
    name: 'Ada',
    age: 36,
    tags: ['one', ['two', 3], null, true],
    address: { city: 'London', lines: [{ text: 'x' }, { text: 'y' }] },
    file: { type: 'text/plain', name: 'a.txt', body: 'inside' },
  }
  const texts = (path: string, extractors = noExtractors): readonly string[] =>
    fieldTexts(makeField(path, 1), doc, extractors)

  test('texts and numbers count, in arrays and below them; other values and objects do not', () => {
    expect(texts('name')).toEqual(['Ada'])
    expect(texts('age')).toEqual(['36'])
    expect(texts('tags')).toEqual(['one', 'two', '3'])
    expect(texts('tags.0')).toEqual(['one'])
    expect(texts('address.lines.text')).toEqual(['x', 'y'])
    expect(texts('address')).toEqual([])
    expect(texts('nothing.at.all')).toEqual([])
    expect(texts('address.__proto__')).toEqual([])
    expect(texts('constructor.name')).toEqual([])
  })

  test('an extractor makes text of a file of its type', () => {
    const extractors = new Map([
      ['text/plain', (file: JsonObject) => (typeof file['body'] === 'string' ? file['body'] : null)],
    ])
    expect(texts('file', extractors)).toEqual(['inside'])
    expect(texts('file')).toEqual([])
    expect(texts('address', extractors)).toEqual([])
  })

  test('no phrase reaches from one element into the next', () => {
    const fields = [makeField('tags', 1)]
    expect(searchMatcher('one two', fields)(doc)).toBe(true)
    expect(searchMatcher('"one two"', fields)(doc)).toBe(false)
  })

  test.each([
    [null, 'search'],
    [{}, 'search.fields'],
    [{ fields: {} }, 'search.fields'],
    [{ fields: { a: 3 } }, 'search.fields.a'],
    [{ fields: { a: { weight: 0 } } }, 'search.fields.a.weight'],
    [{ fields: { a: { weight: Infinity } } }, 'search.fields.a.weight'],
    [{ fields: { a: { wieght: 1 } } }, 'search.fields.a.wieght'],
    [{ fields: { a: {} }, language: 'klingon' }, 'search.language'],
    [{ fields: { a: {} }, stemmer: 'x' }, 'search.stemmer'],
    [{ fields: { 'a..b': {} } }, 'a..b'],
  ])('a declaration that cannot be one is refused by name', async (options, place) => {
    const error = await failure(() => parseSearchOptions(options))
    expect(error).toEqual(coded('INVALID', { path: place }))
  })
})

describe('highlights', () => {
  const marked = (text: string, search: string): string => {
    let shown = ''
    let last = 0
    for (const [from, to] of rangesOf(text, parseSearch(search))) {
      shown += `${text.slice(last, from)}[${text.slice(from, to)}]`
      last = to
    }
    return shown + text.slice(last)
  }

  test.each([
    ['The Ångström unit', 'angstrom', 'The [Ångström] unit'],
    ['new york, new amsterdam', '"new york"', '[new] [york], new amsterdam'],
    ['new york, newer', 'new*', '[new] york, [newer]'],
    ['in 東京都 now', '東京', 'in [東京]都 now'],
    ['foo bar', 'foo -bar', '[foo] bar'],
    ['½ cup', '2', '[½] cup'],
  ])('%s', (text, search, expected) => {
    expect(marked(text, search)).toBe(expected)
  })

  test('ranges lie in the text, apart and ascending, and cover words that are asked for', () => {
    const words = ['ada', 'Ädä', 'new', 'york', 'x y', '東京', 'ﬁne', '🙂', 'a-b', 'İz']
    const text = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 3 })), {
      maxLength: 120,
    })
    const search = fc.array(fc.constantFrom('ada', 'new*', '"new york"', '東', '"x y"', 'a*', 'iz', '-york'), {
      maxLength: 3,
    })
    fc.assert(
      fc.property(text, search, (parts, asked) => {
        const whole = parts.join(' ')
        const terms = parseSearch(asked.join(' '))
        const wanted = terms.all.flatMap(({ tokens, prefix }) =>
          tokens.map((token, i) => ({ token, prefix: prefix && i === tokens.length - 1 })),
        )
        const doc = { text: whole }
        const found = highlightsOf(doc, terms, [makeField('text', 1)], noExtractors)
        expect(found.length).toBe(rangesOf(whole, terms).length > 0 ? 1 : 0)
        for (const highlight of found) {
          expect(whole.slice(highlight.start, highlight.start + highlight.text.length)).toBe(highlight.text)
          expect(highlight.ranges.length).toBeGreaterThan(0)
          let last = -1
          for (const [from, to] of highlight.ranges) {
            expect(from).toBeGreaterThan(last)
            expect(to).toBeGreaterThan(from)
            expect(to).toBeLessThanOrEqual(highlight.text.length)
            last = to
            const covered = tokensOf(highlight.text.slice(from, to))
            expect(covered.length).toBeGreaterThan(0)
            for (const token of covered)
              expect(
                wanted.some((each) => (each.prefix ? token.startsWith(each.token) : token === each.token)) ||
                  covered.length > 1,
              ).toBe(true)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['a run of characters', '一'.repeat(5000), '一'],
    ['a word', `${'a'.repeat(5000)} b`, 'a*'],
    ['a phrase', 'a '.repeat(5000), `"${'a '.repeat(200)}"`],
  ])('%s that is longer than a highlight is cut', (_, text, search) => {
    const [highlight] = highlightsOf({ text }, parseSearch(search), [makeField('text', 1)], noExtractors)
    expect(highlight?.text.length).toBeLessThanOrEqual(limits.searchExcerptCharacters)
    expect(highlight?.ranges[0]?.[0]).toBe(0)
    for (const [, to] of highlight?.ranges ?? []) expect(to).toBeLessThanOrEqual(highlight?.text.length ?? 0)
  })

  test('of a long text only the part around the first word is given, and of many pieces only some', () => {
    const long = `${'before '.repeat(1000)}needle ${'after '.repeat(1000)}`
    const [highlight] = highlightsOf({ a: long }, parseSearch('needle'), [makeField('a', 1)], noExtractors)
    expect(highlight?.text.length).toBeLessThanOrEqual(limits.searchExcerptCharacters)
    expect(highlight?.text).toMatch(/^before .*needle after.*after$/)
    expect(highlight?.ranges.map(([from, to]) => highlight.text.slice(from, to))).toEqual(['needle'])
    const many = { a: Array.from({ length: 100 }, () => 'needle') }
    expect(highlightsOf(many, parseSearch('needle'), [makeField('a', 1)], noExtractors).length).toBe(
      limits.searchHighlights,
    )
  })
})

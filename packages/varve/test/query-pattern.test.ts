/** Patterns: the same answers as the platform's own engine, in time that grows with the text alone. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Automaton } from '../src/query/pattern/automaton.ts'
import { boundedPattern, type Pattern } from '../src/query/pattern/pattern.ts'
import { programOf } from '../src/query/pattern/steps.ts'
import { parsePatternSource } from '../src/query/pattern/syntax.ts'
import { isVarveError } from '../src/errors.ts'

const atoms =
  String.raw`a b k s . [^] [] [ab] [^a] [a-c\]] \d \w \W \s \S \D é 😀 [😀] [^😀] \u0041 \x41 \cJ \c \- [\b] [\w-]
\0 \n \{ { } ] \p{L} \P{L} \u{1f600} \ud83d\ude00 \ud83d \1 \07 \8 \a \k \u \x \u00 ß - _ 1`.split(/\s/)
/** Halves of characters beyond the basic plane as well. */
const characters = [...Array.from('abAk\u212aſséÉ😀\n\r\u2028 \u00a0\v1_-ßẞ{}]cux0\0\u0001pL\\'), '\ud83d', '\ude00']
const quantifiers = ['', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,}', '{0,2}', '{1,2}?', '{,2}', '{', '{a']
const joined = (parts: fc.Arbitrary<readonly string[]>, by = ''): fc.Arbitrary<string> =>
  parts.map((all) => all.join(by))
const sources = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    { weight: 6, arbitrary: joined(fc.tuple(fc.constantFrom(...atoms), fc.constantFrom(...quantifiers))) },
    { weight: 1, arbitrary: fc.constantFrom('^', '$', '\\b', '\\B') },
    { weight: 3, arbitrary: joined(fc.array(tie('node'), { maxLength: 4 })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom('(', '(?:', '(?<n>'),
          joined(fc.array(tie('node'), { maxLength: 3 }), '|'),
          fc.constantFrom(...quantifiers),
        )
        .map(([open, inner, quantifier]) => `${open}${inner})${quantifier}`),
    },
  ),
})).node
const texts = fc.array(joined(fc.array(fc.constantFrom(...characters), { maxLength: 8 })), {
  minLength: 5,
  maxLength: 10,
})

function compiled(source: string, flags: string): RegExp | null {
  try {
    return new RegExp(source, flags)
  } catch {
    return null
  }
}

function boundedOrNull(source: string, flags: string): Pattern | null {
  try {
    return boundedPattern(source, flags)
  } catch (error) {
    if (isVarveError(error, 'INVALID')) return null
    throw error
  }
}

describe('patterns', () => {
  test('say what the platform says, under every flag', () => {
    let compared = 0
    let found = 0
    let tame = 0
    fc.assert(
      fc.property(sources, fc.subarray(['i', 'm', 's', 'u']), texts, (source, flagList, all) => {
        const flags = flagList.join('')
        // V8 finds \B between the halves of a character, where the language has no place at all.
        if (flags.includes('u') && source.includes('\\B')) return
        const native = compiled(source, flags)
        if (native === null) return
        const bounded = boundedOrNull(source, flags)
        if (bounded === null) return
        const tree = parsePatternSource(native.source, flags.includes('u'))
        if (bounded instanceof RegExp) tame++
        const automaton = new Automaton(programOf(tree), flags)
        // The platform tries every way through nested repetition: on longer texts that takes minutes.
        const most = (source.match(/\)[*+{]/g) ?? []).length > 1 ? 4 : Infinity
        for (const whole of all) {
          const text = whole.slice(0, most)
          const expected = native.test(text)
          expect([automaton.test(text), bounded.test(text)]).toEqual([expected, expected])
          compared++
          if (expected) found++
        }
      }),
      { numRuns: 20_000 },
    )
    expect(compared).toBeGreaterThan(50_000)
    expect(found).toBeGreaterThan(20_000)
    expect(tame).toBeGreaterThan(5_000)
  })

  test.each<[string, string]>([
    ['(?=a)b', 'looks ahead'],
    ['(?!a)b', 'looks ahead'],
    ['(?<=a)b', 'looks ahead or behind'],
    ['(?<!a)b', 'looks ahead or behind'],
    ['(a)\\1', 'refers back'],
    ['(?<x>a)\\k<x>', 'refers back'],
    ['((a{50}){50}){50}b*c', 'repeats more than'],
    [`${'('.repeat(200)}a${')'.repeat(200)}`, 'nested deeper'],
  ])('%s is refused: it %s', (source, problem) => {
    expect(() => boundedPattern(source, '')).toThrow(problem)
  })

  test.each<[string, boolean]>([
    ['abc', true],
    ['^abc.*', true],
    ['^a.*b$', true],
    ['ab|cd|ef', true],
    ['[a-f0-9]{8}', true],
    ['\\d+', true],
    ['a.*b', false],
    ['(a+)+$', false],
    ['^(a|aa)+$', false],
    ['^a*a*b', false],
  ])('%s goes to the platform: %s', (source, native) => {
    expect(boundedPattern(source, '') instanceof RegExp).toBe(native)
  })

  // Each of these takes longer than the universe has where every way is tried.
  test.each([
    '(a+)+$',
    '^(a|aa)+$',
    '(a|a)*b',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(?:a?){50}a{50}b',
    '(.*)*x',
    '(\\w+\\s?)*!',
  ])('%s ends', (source) => {
    const pattern = boundedPattern(source, '')
    expect(pattern.test(`${'a'.repeat(20_000)}\n`)).toBe(false)
  })

  test('texts that lead to ever new states end as well, and are right', () => {
    const tree = parsePatternSource('a.{60}c', false)
    const automaton = new Automaton(programOf(tree), '')
    let seed = 1
    const text = Array.from({ length: 5_000 }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % 3 === 0 ? 'a' : 'b'
    }).join('')
    expect(automaton.test(text)).toBe(false)
    expect(automaton.test(`${text}a${'b'.repeat(60)}c`)).toBe(true)
    expect(automaton.test(`x${'b'.repeat(60)}c`)).toBe(false)
  })
})

/** Store suite: search rows, what searches find in them, and how hits are ordered. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  comparePostings,
  compareSearchPositions,
  firstDocument,
  InvertedIndex,
  parseSearch,
  type SearchHit,
  type SearchRow,
  type SearchScan,
  type Store,
} from 'varve/engine'
import type { Case } from './frame.ts'
import { documentRow } from './sample.ts'

const first = firstDocument(1)
const row = (no: number, ...fields: string[]): SearchRow => ({ search: 1, document: first + no, fields })

const rows: readonly SearchRow[] = [
  row(1, 'ada lovelace', 'wrote the first program for the analytical engine'),
  row(2, 'charles babbage', 'designed the analytical engine with ada'),
  row(3, 'grace hopper', 'wrote the first compiler'),
  row(4, '東 京', 'é ö naïve'),
  row(5, '', ''),
]

const scanOf = (text: string, given: Partial<SearchScan> = {}): SearchScan => ({
  search: 1,
  terms: parseSearch(text),
  weights: [3, 1],
  after: null,
  limit: 100,
  ...given,
})

async function found(store: Store, text: string): Promise<readonly number[]> {
  const hits = await store.search(scanOf(text, { weights: null }))
  return hits.map(({ document }) => document - first)
}

export function searchCases(check: Case): void {
  meaningCases(check)
  changeCases(check)
  check('hits are scored as the definition says, whatever the documents and the terms', async ({ store }) => {
    const word = fc.constantFrom('a', 'ab', 'b', 'c', 'é', '東')
    const text = fc.array(word, { maxLength: 8 }).map((tokens) => tokens.join(' '))
    const terms = fc.array(fc.constantFrom('a', 'b', 'c', 'a*', '"a b"', '"b a*"', '東', '-é'), { maxLength: 3 })
    let search = 10
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 12 }), terms, async (documents, parts) => {
        search++
        const defined = new InvertedIndex()
        documents.forEach((fields, i) => {
          defined.put(first + i, fields)
        })
        await store.write({ searchRows: documents.map((fields, i) => ({ search, document: first + i, fields })) })
        const scan = scanOf(parts.join(' '), { search })
        const hits = await store.search(scan)
        const expected = defined.search(scan.terms, scan.weights)
        assert.deepEqual(byDocument(hits), byDocument(expected))
        assert.deepEqual(hits, hits.toSorted(compareSearchPositions))
      }),
      { numRuns: 40 },
    )
  })
}

/** Scores to twelve digits: the last ones differ by machine. */
function byDocument(hits: readonly { readonly document: number; readonly score: number }[]): readonly string[] {
  return hits
    .toSorted((one, other) => one.document - other.document)
    .map(({ document, score }) => `${document} ${score.toPrecision(12)}`)
}

function meaningCases(check: Case): void {
  check('words, phrases, prefixes and exclusions are found in every field', async ({ store }) => {
    await store.write({ searchRows: rows })
    const expected: readonly (readonly [string, readonly number[]])[] = [
      ['ada', [1, 2]],
      ['ada wrote', [1]],
      ['"first program"', [1]],
      ['"program first"', []],
      ['"lovelace wrote"', []],
      ['com*', [3]],
      ['"analytical eng*"', [1, 2]],
      ['wrote -compiler', [1]],
      ['wrote -"first comp*"', [1]],
      ['engine -ada', []],
      ['東京', [4]],
      ['京東', []],
      ['nothing', []],
      ['', []],
      ['-ada', []],
    ]
    for (const [text, documents] of expected) {
      assert.deepEqual(await found(store, text), documents, text)
    }
  })

  check('what looks like the language of a database is words', async ({ store }) => {
    await store.write({ searchRows: [row(1, 'near and or not', 'f0 search 1')] })
    for (const text of ['AND', 'NOT', 'near(and or)', 'f0:search', '^near', '{f0}', "'; drop table search_1; --"])
      assert.ok((await found(store, text)).length <= 1, text)
    assert.deepEqual(await found(store, 'AND OR NOT'), [1])
    const quotes = { tokens: ['a" OR "near'], prefix: true }
    assert.deepEqual(await store.search(scanOf('', { terms: { all: [quotes], none: [quotes] } })), [])
  })

  check('a search that has no rows finds nothing', async ({ store }) => {
    assert.deepEqual(await store.search(scanOf('ada', { search: 9 })), [])
    assert.deepEqual(await store.searchPostings(9, null, 10), [])
  })

  check('as many phrases and tokens as may be asked for', async ({ store }) => {
    await store.write({ searchRows: rows })
    const many = Array.from({ length: 32 }, (_, i) => `w${i}`)
    assert.deepEqual(await found(store, `ada -${many.join(' -')}`), [1, 2])
    assert.deepEqual(await found(store, many.concat(many.map((word) => `${word}*`)).join(' ')), [])
    assert.deepEqual(await found(store, `"${'the '.repeat(256)}"`), [])
  })
}

function changeCases(check: Case): void {
  check('hits come best first with their heads, and go on after any of them', async ({ store, restart }) => {
    await store.write({ documents: [documentRow(1), documentRow(2)], searchRows: rows })
    const again = await restart()
    const hits = await again.search(scanOf('the'))
    assert.deepEqual(
      hits.map(({ document, state }) => [document - first, state]),
      hits.map(({ document }) => [document - first, document - first < 3 ? documentRow(document - first).state : null]),
    )
    assert.deepEqual(hits, hits.toSorted(compareSearchPositions))
    assert.equal(hits[0]?.document, first + 1)
    for (const weights of [null, [3, 1]]) {
      const all = await again.search(scanOf('the', { weights }))
      for (const [i, after] of all.entries()) {
        const rest: readonly SearchHit[] = await again.search(scanOf('the', { weights, after, limit: 1 }))
        assert.deepEqual(rest, all.slice(i + 1, i + 2))
      }
    }
    assert.deepEqual(await again.search(scanOf('the', { limit: 0 })), [])
  })

  check('rows are replaced, removed one by one, and cleared by search', async ({ store }) => {
    await store.write({ searchRows: [...rows, { ...row(1, 'ada', ''), search: 2 }] })
    await store.write({
      searchRowsRemoved: [row(2), row(99), { search: 7, document: 1 }],
      searchRows: [row(3, 'ada', '')],
    })
    assert.deepEqual(await found(store, 'ada'), [1, 3])
    assert.deepEqual(await found(store, 'compiler'), [])
    await store.write({ searchesCleared: [1, 5], searchRows: [row(4, 'ada', '')] })
    assert.deepEqual(await found(store, 'ada'), [4])
    assert.equal((await store.search(scanOf('ada', { search: 2 }))).length, 1)
    await store.write({ searchesCleared: [1] })
    await store.write({ searchRows: [{ ...row(1, 'one', 'two', 'three') }] })
    assert.deepEqual(await found(store, 'three'), [1])
  })

  check('every word can be read at its place, from any place on', async ({ store }) => {
    await store.write({ searchRows: rows })
    await store.write({ searchRowsRemoved: [row(2)], searchRows: [row(3, 'b a b', 'ａ')] })
    const all = await store.searchPostings(1, null, 100)
    assert.deepEqual(all, all.toSorted(comparePostings))
    assert.deepEqual(
      all.filter(({ document }) => document === first + 3),
      [
        { term: 'a', document: first + 3, field: 0, position: 1 },
        { term: 'b', document: first + 3, field: 0, position: 0 },
        { term: 'b', document: first + 3, field: 0, position: 2 },
        { term: 'ａ', document: first + 3, field: 1, position: 0 },
      ],
    )
    assert.equal(all.filter(({ document }) => document === first + 2).length, 0)
    for (const [i, after] of all.entries())
      assert.deepEqual(await store.searchPostings(1, after, 2), all.slice(i + 1, i + 3))
  })

  check('a batch that fails leaves the words as they were', async ({ store }) => {
    await store.write({ searchRows: rows, values: new Map([['v', Uint8Array.of(1)]]) })
    const batch = { expect: new Map([['v', null]]), searchesCleared: [1], searchRows: [row(9, 'new', '')] }
    await assert.rejects(store.write(batch))
    await assert.rejects(
      store.write({
        ...batch,
        expect: new Map(),
        documents: [documentRow(1), { ...documentRow(2), tag: documentRow(1).tag }],
      }),
    )
    assert.deepEqual(await found(store, 'ada'), [1, 2])
    assert.deepEqual(await found(store, 'new'), [])
  })
}

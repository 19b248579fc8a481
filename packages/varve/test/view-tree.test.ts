/** Views under random definitions and changes: always what the reference makes of the documents there are. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue, ViewDefinition, ViewRow } from '../src/index.ts'
import { parseDefinition } from '../src/view/definition.ts'
import { Navigator } from '../src/view/navigator.ts'
import { categoryTotals, type Rows } from '../src/view/rows.ts'
import { bucketOf, buckets, decodeBucket, encodeBucket } from '../src/view/saved.ts'
import { ViewTree } from '../src/view/tree.ts'
import {
  referenceRows,
  referenceTotals,
  type ReferenceDocument,
  type ReferenceRow,
  type ReferenceRules,
} from './view-reference.ts'

const totalNames = ['sum', 'average', 'count', 'min', 'max'] as const
const attributes = ['a', 'b', 'c', 'd'] as const

const order = fc.constantFrom('asc' as const, 'desc' as const)
const definitions: fc.Arbitrary<ViewDefinition> = fc.record({
  name: fc.constant('test'),
  sources: fc.constant([
    { database: 'x', collection: 'p' },
    { database: 'x', collection: 'q' },
  ]),
  categories: fc
    .array(
      fc.record(
        { value: fc.constantFrom(...attributes), order, separator: fc.constantFrom('\\') },
        { requiredKeys: ['value', 'order'] },
      ),
      { maxLength: 3 },
    )
    .map((list) => list.map((each, i) => ({ ...each, name: `n${i}` }))),
  sort: fc.array(fc.record({ value: fc.constantFrom(...attributes), order }), { maxLength: 2 }),
  columns: fc
    .array(
      fc.record({
        value: fc.constantFrom(...attributes),
        totals: fc.subarray([...totalNames]),
      }),
      { maxLength: 3 },
    )
    .map((list) => list.map((each, i) => ({ ...each, name: `c${i}` }))),
})

const scalar: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 3, arbitrary: fc.constantFrom('u', 'v', 'u\\v', 'u\\w\\v', '') },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false) },
)
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }) },
)
const docs: fc.Arbitrary<JsonObject> = fc
  .record({ a: value, b: value, c: value, d: value }, { requiredKeys: [] })
  .map((doc) => ({ ...doc }))
const changes = fc.array(fc.record({ source: fc.nat(1), id: fc.nat(12), doc: fc.option(docs, { freq: 4 }) }), {
  maxLength: 60,
})

function partsOf(found: JsonValue, separator: string | undefined): JsonValue[][] {
  const list: readonly JsonValue[] = Array.isArray(found) ? (found.length === 0 ? [null] : found) : [found]
  return list.map((each) => (separator === undefined || typeof each !== 'string' ? [each] : each.split(separator)))
}

function referenceOf(definition: ViewDefinition, source: number, id: string, doc: JsonObject): ReferenceDocument {
  const at = (expression: unknown): JsonValue => doc[String(expression)] ?? null
  return {
    source,
    id,
    categories: (definition.categories ?? []).map((each) => partsOf(at(each.value), each.separator)),
    sort: (definition.sort ?? []).map((each) => at(each.value)),
    values: (definition.columns ?? []).map((each) => at(each.value)),
  }
}

function rulesOf(definition: ViewDefinition): ReferenceRules {
  const directions = (list: readonly { readonly order?: 'asc' | 'desc' }[] = []): number[] =>
    list.map((each) => (each.order === 'desc' ? -1 : 1))
  return {
    categoryDirections: directions(definition.categories),
    sortDirections: directions(definition.sort),
    columns: (definition.columns ?? []).map(({ name, totals = [] }) => ({
      name,
      totals: totalNames.filter((total) => totals.includes(total)),
    })),
  }
}

function rowsOver(tree: ViewTree): Rows {
  const from = { tenant: 't', tenantId: 'i', database: 'x', origin: null }
  return { tree, origins: ['p', 'q'].map((collection) => ({ ...from, collection })) }
}

function plain(row: ViewRow): ReferenceRow {
  const { kind, position, level, path } = row
  return row.kind === 'category'
    ? { kind, position, level, path, documents: row.totals.documents, totals: row.totals.columns }
    : { kind, position, level, path, id: row.id, values: Object.values(row.values) }
}

/** Everything the property needs of one run. */
function run(definition: ViewDefinition, steps: readonly { source: number; id: number; doc: JsonObject | null }[]) {
  const view = parseDefinition(definition)
  const tree = new ViewTree(view)
  const live = new Map<string, ReferenceDocument>()
  const check = (): void => {
    const documents = [...live.values()]
    const rows = new Navigator(rowsOver(tree)).rows()
    expect(rows.map(plain)).toEqual(referenceRows(rulesOf(definition), documents))
    const totals = categoryTotals(rowsOver(tree), tree.root)
    expect(totals).toEqual({ documents: documents.length, columns: referenceTotals(rulesOf(definition), documents) })
  }
  for (const [i, { source, id, doc }] of steps.entries()) {
    tree.put(source, `d${id}`, doc)
    if (doc === null) live.delete(`${source}/${id}`)
    else live.set(`${source}/${id}`, referenceOf(definition, source, `d${id}`, doc))
    if (i % 7 === 0) check()
  }
  check()
  return { view, tree, live }
}

describe('a view over random documents', () => {
  test('it shows the rows, positions and totals of the documents there are, after any changes', () => {
    fc.assert(
      fc.property(definitions, changes, (definition, steps) => void run(definition, steps)),
      { numRuns: 400 },
    )
  })

  test('saved and loaded, it is the same and goes on the same', () => {
    fc.assert(
      fc.property(definitions, changes, changes, (definition, steps, more) => {
        const { view, tree } = run(definition, steps)
        const again = new ViewTree(view)
        for (let bucket = 0; bucket < buckets; bucket++) {
          const documents = [...tree.all()].filter((placed) => bucketOf(placed) === bucket)
          for (const placed of decodeBucket(encodeBucket(documents), view)) again.add(placed)
        }
        for (const { source, id, doc } of more) {
          expect(again.put(source, `d${id}`, doc)).toBe(tree.put(source, `d${id}`, doc))
        }
        expect(new Navigator(rowsOver(again)).rows()).toEqual(new Navigator(rowsOver(tree)).rows())
      }),
      { numRuns: 100 },
    )
  })

  test('a document put again as it was changes nothing', () => {
    fc.assert(
      fc.property(definitions, docs, (definition, doc) => {
        const tree = new ViewTree(parseDefinition(definition))
        expect(tree.put(0, 'x', doc)).toBe(true)
        expect(tree.put(0, 'x', structuredClone(doc))).toBe(false)
        expect(tree.put(1, 'x', null)).toBe(false)
        expect(tree.put(0, 'x', null)).toBe(true)
        expect(tree.root.size).toBe(0)
      }),
    )
  })

  test('with categories opened and closed at random, numbers, pages and steps agree with the rows shown', () => {
    fc.assert(
      fc.property(
        definitions,
        changes,
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        (definition, steps, open, folds, size) => {
          const { tree } = run(definition, steps)
          const all = new Navigator(rowsOver(tree)).rows()
          const navigator = new Navigator(rowsOver(tree))
          if (!open) navigator.collapseAll()
          const closed = new Map<string, boolean>()
          const categories = all.filter((row) => row.kind === 'category')
          for (const [pick, expanded] of folds) {
            const row = categories[pick % Math.max(1, categories.length)]
            if (row === undefined) continue
            if (expanded) navigator.expand(row)
            else navigator.collapse(row)
            closed.set(row.position, !expanded)
          }
          const isClosed = (position: string): boolean => closed.get(position) ?? !open
          const shown = all.filter(({ position }) => {
            const parts = position.split('.')
            return parts.slice(1).every((_, i) => !isClosed(parts.slice(0, i + 1).join('.')))
          })
          const keys = shown.map(({ key }) => key)
          expect(navigator.rows().map(({ key }) => key)).toEqual(keys)
          expect(navigator.count).toBe(keys.length)
          for (const [i, { key, position }] of shown.entries()) {
            const page = (range: object): string[] => navigator.rows({ ...range, limit: size }).map((row) => row.key)
            expect(page({ from: i })).toEqual(keys.slice(i, i + size))
            expect(page({ after: key })).toEqual(keys.slice(i + 1, i + 1 + size))
            expect(page({ after: key, direction: 'backward' })).toEqual(keys.slice(Math.max(0, i - size), i))
            expect(navigator.gotoPosition(position)?.key).toBe(key)
            expect(navigator.current?.key).toBe(key)
            expect(navigator.next()?.key).toBe(keys[i + 1])
            if (i + 1 < keys.length) expect(navigator.previous()?.key).toBe(key)
            expect(navigator.gotoKey(key)?.position).toBe(position)
          }
          expect(navigator.rows({ from: keys.length })).toEqual([])
          const hidden = all.find((row) => !shown.includes(row))
          if (hidden !== undefined) {
            expect(navigator.gotoPosition(hidden.position)).toBeNull()
            expect(navigator.gotoKey(hidden.key)).toBeNull()
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

/** A view made the simple way, all at once and without its trees: what the engine must show. */

import type { JsonValue } from '../src/index.ts'
import { compareText, compareValues } from '../src/query/compare.ts'
import type { ColumnTotals, TotalName } from '../src/index.ts'

/** The values that a definition takes out of a document, given by hand. */
export interface ReferenceDocument {
  readonly source: number
  readonly id: string
  /** For each category column its values, each split into parts. */
  readonly categories: readonly (readonly (readonly JsonValue[])[])[]
  readonly sort: readonly JsonValue[]
  readonly values: readonly JsonValue[]
}

export interface ReferenceRules {
  readonly categoryDirections: readonly number[]
  readonly sortDirections: readonly number[]
  readonly columns: readonly { readonly name: string; readonly totals: readonly TotalName[] }[]
}

/** A row as text and values, comparable with those of the engine. */
export interface ReferenceRow {
  readonly kind: 'category' | 'document'
  readonly position: string
  readonly level: number
  readonly path: readonly JsonValue[]
  readonly id?: string
  readonly values?: readonly JsonValue[]
  readonly documents?: number
  readonly totals?: Readonly<Record<string, ColumnTotals>>
}

interface Row {
  readonly document: ReferenceDocument
  readonly path: readonly { readonly column: number; readonly value: JsonValue }[]
}

export function referenceRows(rules: ReferenceRules, documents: readonly ReferenceDocument[]): readonly ReferenceRow[] {
  return level(rules, documents.flatMap(rowsOf), 0, '', [])
}

export function referenceTotals(
  rules: ReferenceRules,
  documents: readonly ReferenceDocument[],
): ReferenceRow['totals'] {
  return totals(rules, documents)
}

function rowsOf(document: ReferenceDocument): readonly Row[] {
  let paths: Row['path'][] = [[]]
  for (const [column, values] of document.categories.entries())
    paths = paths.flatMap((path) => values.map((parts) => [...path, ...parts.map((value) => ({ column, value }))]))
  const seen = new Set<string>()
  return paths.flatMap((path) => {
    const text = JSON.stringify(path)
    if (seen.has(text)) return []
    seen.add(text)
    return [{ document, path }]
  })
}

function level(
  rules: ReferenceRules,
  rows: readonly Row[],
  depth: number,
  above: string,
  path: readonly JsonValue[],
): readonly ReferenceRow[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const step = row.path[depth]
    if (step !== undefined) groups.set(JSON.stringify(step), [...(groups.get(JSON.stringify(step)) ?? []), row])
  }
  const sorted = [...groups.values()].toSorted((a, b) => {
    const [left, right] = [a[0]?.path[depth], b[0]?.path[depth]]
    const column = left?.column ?? 0
    if (column !== right?.column) return column - (right?.column ?? 0)
    return compareValues(left?.value, right.value) * (rules.categoryDirections[column] ?? 1)
  })
  const found: ReferenceRow[] = []
  let number = 0
  for (const group of sorted) {
    const position = `${above}${++number}`
    const inner = [...path, group[0]?.path[depth]?.value ?? null]
    const documents = [...new Set(group.map(({ document }) => document))]
    found.push(
      {
        kind: 'category',
        position,
        level: depth,
        path: inner,
        documents: documents.length,
        totals: totals(rules, documents) ?? {},
      },
      ...level(rules, group, depth + 1, `${position}.`, inner),
    )
  }
  const here = rows.filter((row) => row.path.length === depth).map(({ document }) => document)
  for (const { id, values } of here.toSorted((a, b) => documentOrder(rules, a, b)))
    found.push({ kind: 'document', position: `${above}${++number}`, level: depth, path, id, values })
  return found
}

function documentOrder(rules: ReferenceRules, a: ReferenceDocument, b: ReferenceDocument): number {
  for (const [i, direction] of rules.sortDirections.entries()) {
    const order = compareValues(a.sort[i], b.sort[i]) * direction
    if (order !== 0) return order
  }
  return a.source - b.source || compareText(a.id, b.id)
}

function totals(rules: ReferenceRules, documents: readonly ReferenceDocument[]): ReferenceRow['totals'] {
  const found: Record<string, ColumnTotals> = {}
  for (const [i, { name, totals: asked }] of rules.columns.entries()) {
    if (asked.length === 0) continue
    const values = documents.map((document) => document.values[i] ?? null).filter((value) => value !== null)
    const numbers = values.filter((value) => typeof value === 'number')
    const sum = numbers.reduce((a, b) => a + b, 0)
    const all: Record<TotalName, number | null> = {
      sum,
      count: values.length,
      average: numbers.length === 0 ? null : sum / numbers.length,
      min: numbers.length === 0 ? null : Math.min(...numbers),
      max: numbers.length === 0 ? null : Math.max(...numbers),
    }
    found[name] = Object.fromEntries(asked.map((total) => [total, all[total]]))
  }
  return found
}

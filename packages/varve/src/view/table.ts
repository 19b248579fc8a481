/** A view as a table of cells: a line for each category with its totals, a line for each document, and one for all. */

import { isJsonArray, type JsonValue } from '../encoding/json.ts'
import type { Category } from './category.ts'
import type { ParsedCategory } from './definition.ts'
import { categoryTotals, type Rows } from './rows.ts'
import type { TotalName, ViewTotals } from './types.ts'

export type Cell = string | number | boolean | null

export interface TableOptions {
  /** Whether categories and the whole have lines of their own, with their totals; true when absent. */
  readonly totals?: boolean
}

/** What a total is called in the head of the table. */
const titles: Readonly<Record<TotalName, string>> = {
  sum: 'sum',
  average: 'average',
  count: 'count',
  min: 'min',
  max: 'max',
}

/** The head and then every row, everything expanded. */
export function* tableOf(rows: Rows, options: TableOptions = {}): Generator<readonly Cell[]> {
  const { categories, columns } = rows.tree.view
  const withTotals = options.totals !== false
  const totalled = columns.flatMap(({ name, totals }) => totals.map((total) => `${name} ${titles[total]}`))
  const head = [...categories.map(({ name }) => name), ...columns.map(({ name }) => name), 'id', 'origin']
  yield withTotals ? [...head, 'documents', ...totalled] : head
  yield* below(rows, rows.tree.root, [], withTotals)
  if (withTotals)
    yield [...blank(categories.length + columns.length + 2), ...totalCells(rows, categoryTotals(rows, rows.tree.root))]
}

function* below(
  rows: Rows,
  category: Category,
  path: readonly (readonly JsonValue[])[],
  withTotals: boolean,
): Generator<readonly Cell[]> {
  const { view } = rows.tree
  for (let i = 0; i < category.children.size; i++) {
    const child = category.children.at(i)
    if (child?.step === undefined || child.step === null) continue
    const { column, value } = child.step
    const inner = view.categories.map((_, at) => (at === column ? [...(path[at] ?? []), value] : (path[at] ?? [])))
    if (withTotals)
      yield [
        ...categoryCells(view.categories, inner),
        ...blank(view.columns.length + 2),
        ...totalCells(rows, categoryTotals(rows, child)),
      ]
    yield* below(rows, child, inner, withTotals)
  }
  const cells = categoryCells(view.categories, path)
  const more = withTotals ? blank(1 + view.columns.reduce((sum, { totals }) => sum + totals.length, 0)) : []
  for (let i = 0; i < category.entries.size; i++) {
    const placed = category.entries.at(i)?.placed
    if (placed !== undefined)
      yield [...cells, ...placed.values.map(cellOf), placed.id, originText(rows, placed.source), ...more]
  }
}

/** Text that was split is put together again. */
function categoryCells(
  categories: readonly ParsedCategory[],
  path: readonly (readonly JsonValue[])[],
): readonly Cell[] {
  return categories.map(({ separator }, i) => {
    const values = path[i] ?? []
    const [only = null] = values
    return values.length > 1 ? values.map((value) => String(cellOf(value))).join(separator ?? '') : cellOf(only)
  })
}

function totalCells({ tree }: Rows, totals: ViewTotals): readonly Cell[] {
  return [
    totals.documents,
    ...tree.view.columns.flatMap(({ name, totals: asked }) =>
      asked.map((total) => totals.columns[name]?.[total] ?? null),
    ),
  ]
}

function originText({ origins }: Rows, source: number): Cell {
  const origin = origins[source]
  return origin === undefined ? null : (origin.origin ?? `${origin.tenant}/${origin.database}/${origin.collection}`)
}

function blank(cells: number): readonly Cell[] {
  return Array.from({ length: cells }, () => null)
}

/** Lists of plain values with commas, anything else with a structure as JSON. */
function cellOf(value: JsonValue): Cell {
  if (typeof value !== 'object' || value === null) return value
  const plain = isJsonArray(value) && value.every((each) => typeof each !== 'object')
  return plain ? value.map(String).join(', ') : JSON.stringify(value)
}

/** Rows as applications see them. */

import type { JsonValue } from '../encoding/json.ts'
import type { Category, Entry } from './category.ts'
import { encodeMark } from './keys.ts'
import { totalsOf } from './sums.ts'
import { itemOf, positionOf, stepsTo, type IsOpen, type Trail } from './trail.ts'
import type { ViewTree } from './tree.ts'
import type { CategoryRow, DocumentRow, RowOrigin, ViewRow, ViewTotals } from './types.ts'

/** A tree with where its sources are. */
export interface Rows {
  readonly tree: ViewTree
  /** By number of the source. */
  readonly origins: readonly RowOrigin[]
}

export function categoryTotals({ tree }: Rows, category: Category): ViewTotals {
  return totalsOf(category.sums, tree.view.columns)
}

export function rowOf(rows: Rows, trail: Trail, isOpen: IsOpen): ViewRow | null {
  const item = itemOf(trail)
  if (item === null) return null
  const position = positionOf(trail)
  return item.kind === 'category'
    ? categoryRow(rows, item.category, position, isOpen(item.category))
    : documentRow(rows, item.entry, position, trail.length - 1)
}

function categoryRow(rows: Rows, category: Category, position: string, expanded: boolean): CategoryRow {
  const steps = stepsTo(category)
  return {
    kind: 'category',
    key: encodeMark({ path: steps, place: null }),
    position,
    level: category.depth - 1,
    path: steps.map(({ value }) => value),
    value: category.step?.value ?? null,
    category: rows.tree.view.categories[category.step?.column ?? 0]?.name ?? '',
    totals: categoryTotals(rows, category),
    children: category.size,
    descendants: category.rows,
    expanded,
  }
}

function documentRow({ tree, origins }: Rows, entry: Entry, position: string, level: number): DocumentRow {
  const { placed, path } = entry
  const values: Record<string, JsonValue> = {}
  for (const [i, { name }] of tree.view.columns.entries()) values[name] = placed.values[i] ?? null
  const origin = origins[placed.source]
  return {
    kind: 'document',
    key: encodeMark({ path, place: placed }),
    position,
    level,
    id: placed.id,
    tenant: origin?.tenant ?? '',
    tenantId: origin?.tenantId ?? '',
    database: origin?.database ?? '',
    collection: origin?.collection ?? '',
    origin: origin?.origin ?? null,
    path: path.map(({ value }) => value),
    values,
  }
}

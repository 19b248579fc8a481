/** Which rows of a view are shown: to which depth, with or without documents, from where and how many. */

import type { CategoryRow, Navigator, View, ViewRow } from 'varve'

export interface RowFlags {
  readonly collapse?: true
  readonly level?: number
  readonly from?: number
  readonly limit?: number
}

export interface ShownRows {
  readonly rows: readonly ViewRow[]
  /** How many there are to be shown, beyond this page too. */
  readonly count: number
}

export function shownRows(view: View, { collapse, level = Infinity, from = 0, limit = Infinity }: RowFlags): ShownRows {
  if (level === 0) return { rows: [], count: 0 }
  const navigator = view.navigator()
  if (level === Infinity && !collapse) navigator.expandAll()
  else open(navigator, (row) => row.level + 1 < level && (!collapse || hasCategories(row)))
  if (!collapse) {
    const rows = navigator.rows({ from, ...(limit === Infinity ? {} : { limit }) })
    return { rows, count: navigator.count }
  }
  // A category with categories below may have documents of its own as well.
  const categories = navigator.rows().filter(({ kind }) => kind === 'category')
  return { rows: categories.slice(from, from + limit), count: categories.length }
}

/** Opens every category for which `opens` says so, from the top down. */
function open(navigator: Navigator, opens: (row: CategoryRow) => boolean): void {
  navigator.collapseAll()
  for (let level = 0; ; level++) {
    const closed = navigator.rows().filter((row) => row.kind === 'category' && row.level === level && opens(row))
    if (closed.length === 0) return
    for (const row of closed) navigator.expand(row)
  }
}

/** Otherwise everything below stands right below. */
function hasCategories({ children, descendants }: CategoryRow): boolean {
  return descendants > children
}

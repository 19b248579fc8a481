/** Which categories of a view one navigator shows open, and counting rows under that. */

import type { Category } from './category.ts'
import { rowNumber, stepsTo, trailAtRow, trailTo, type Level, type Trail } from './trail.ts'
import type { Rows } from './rows.ts'

/** Open categories, by the one above. */
type Opened = ReadonlyMap<Category | null, readonly Category[]>

export class Folds {
  readonly #rows: Rows
  #open = true
  /** Categories that differ, by the text of their steps. */
  readonly #others = new Map<string, ReturnType<typeof stepsTo>>()

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /** Everything open, or everything closed. */
  reset(open: boolean): void {
    this.#open = open
    this.#others.clear()
  }

  set(category: Category, open: boolean): void {
    const steps = stepsTo(category)
    const text = JSON.stringify(steps)
    if (open === this.#open) this.#others.delete(text)
    else this.#others.set(text, steps)
  }

  readonly isOpen = (category: Category): boolean => {
    if (this.#others.size === 0) return this.#open
    return this.#others.has(JSON.stringify(stepsTo(category))) !== this.#open
  }

  /** Rows that are shown. */
  count(): number {
    const { root } = this.#rows.tree
    let rows = this.#open ? root.rows : root.size
    for (const category of this.#differing()) rows += this.#open ? -category.rows : category.size
    return rows
  }

  /** The way to the shown row with this number; null when there are fewer. */
  trailAt(row: number): Trail | null {
    const { root, rules } = this.#rows.tree
    if (!this.#open) return this.#trailAmongClosed(root, row, byParent(this.#differing()), null)
    const closed = this.#differing().flatMap((category) => {
      const trail = trailTo(rules, category)
      return trail === null ? [] : [{ row: rowNumber(trail), hidden: category.rows }]
    })
    let full = row
    for (const { row: at, hidden } of closed.toSorted((a, b) => a.row - b.row)) if (full > at) full += hidden
    return trailAtRow(root, full)
  }

  /** Where nothing is open but these categories, a number is the index of a child until an open one takes rows. */
  #trailAmongClosed(category: Category, row: number, open: Opened, above: Trail | null): Trail | null {
    let index = row
    for (const child of this.#openBelow(category, open)) {
      if (index <= child.index) break
      const shown = shownBelow(child.category, open)
      if (index <= child.index + shown) {
        const level: Level = { category, index: child.index }
        return this.#trailAmongClosed(
          child.category,
          index - child.index - 1,
          open,
          above === null ? [level] : [...above, level],
        )
      }
      index -= shown
    }
    if (index >= category.size) return null
    const level: Level = { category, index }
    return above === null ? [level] : [...above, level]
  }

  #openBelow(category: Category, open: Opened): readonly { category: Category; index: number }[] {
    return (open.get(category) ?? [])
      .map((child) => ({ category: child, index: trailTo(this.#rows.tree.rules, child)?.at(-1)?.index ?? 0 }))
      .toSorted((a, b) => a.index - b.index)
  }

  /** Categories that differ and are shown themselves. Those that have gone are kept: they may return. */
  #differing(): readonly Category[] {
    return [...this.#others.values()].flatMap((steps) => {
      const category = this.#rows.tree.category(steps)
      if (category === null) return []
      for (let above = category.parent; above !== null && above.parent !== null; above = above.parent)
        if (!this.isOpen(above)) return []
      return [category]
    })
  }
}

function byParent(categories: readonly Category[]): Opened {
  const found = new Map<Category | null, Category[]>()
  for (const category of categories) {
    const known = found.get(category.parent)
    if (known === undefined) found.set(category.parent, [category])
    else known.push(category)
  }
  return found
}

/** Rows shown below an open category. */
function shownBelow(category: Category, open: Opened): number {
  return (open.get(category) ?? []).reduce((sum, child) => sum + shownBelow(child, open), category.size)
}

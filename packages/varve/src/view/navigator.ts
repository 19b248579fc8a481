/** Moving through a view: a current row, categories that are open or closed, and pages both ways. */

import type { JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import type { Category } from './category.ts'
import { Folds } from './folds.ts'
import { decodeMark } from './keys.ts'
import { findRow, findValues, type OriginFilter } from './lookup.ts'
import { rowOf, type Rows } from './rows.ts'
import {
  find,
  itemOf,
  lastBelow,
  levelOf,
  markOf,
  next,
  previous,
  settle,
  shown,
  sibling,
  trailTo,
  type Level,
  type Mark,
  type Trail,
} from './trail.ts'
import type { RowRange, ViewRow } from './types.ts'

/** A category: its values from the top, or its row. */
export type CategoryPath = readonly JsonValue[] | ViewRow

/**
 * Begins before the first row, everything expanded. It holds nothing of the view, so it is cheap, and it goes on
 * from where it was when rows come and go: when the current row has gone, from where that row would be.
 */
export class Navigator {
  readonly #rows: Rows
  readonly #folds: Folds
  #mark: Mark | null = null

  constructor(rows: Rows) {
    this.#rows = rows
    this.#folds = new Folds(rows)
  }

  /** The current row; null before the first move, and when the row has gone. */
  get current(): ViewRow | null {
    const { trail, exact } = this.#here() ?? { trail: null, exact: false }
    return exact && trail !== null ? this.#row(trail) : null
  }

  /** Rows that are shown. */
  get count(): number {
    return this.#folds.count()
  }

  gotoFirst(): ViewRow | null {
    return this.#goto(this.#first())
  }

  gotoLast(): ViewRow | null {
    return this.#goto(this.#last())
  }

  /** The row after the current one; null behind the last, where the navigator stays. */
  next(): ViewRow | null {
    const here = this.#here()
    return here === null ? this.gotoFirst() : this.#goto(this.#after(here))
  }

  /** The row before the current one; null before the first, where the navigator stays. */
  previous(): ViewRow | null {
    const here = this.#here()
    return here === null ? null : this.#goto(this.#before(here))
  }

  /** The next row below the same category. */
  nextSibling(): ViewRow | null {
    const here = this.#here()
    if (here === null) return this.gotoFirst()
    return this.#goto(atRow(here.exact ? sibling(here.trail, 1) : here.trail))
  }

  previousSibling(): ViewRow | null {
    const here = this.#here()
    return here === null || levelOf(here.trail).index === 0 ? null : this.#goto(sibling(here.trail, -1))
  }

  /** The category above the current row. */
  parent(): ViewRow | null {
    const here = this.#here()
    return here === null ? null : this.#goto(trailTo(this.#rows.tree.rules, levelOf(here.trail).category))
  }

  /** The row at a position such as `1.2.3`; null when there is none, or when it is in a closed category. */
  gotoPosition(position: string): ViewRow | null {
    return this.#gotoShown(this.#positioned(position))
  }

  /** The row with this key; null when it is not there any more, or in a closed category. Throws `INVALID`. */
  gotoKey(key: string): ViewRow | null {
    return this.#gotoMark(decodeMark(key))
  }

  /**
   * The category with these values from the top; with `prefix` the first whose last value begins with that text.
   * Null when there is none, or when it is in a closed category.
   */
  gotoCategory(path: readonly JsonValue[], options: { readonly prefix?: boolean } = {}): ViewRow | null {
    const category = findValues(this.#rows.tree, path, options.prefix === true)
    return category === null ? null : this.#gotoShown(trailTo(this.#rows.tree.rules, category))
  }

  /** The first row of a document; null when it has none, or when it is in a closed category. */
  gotoDocument(id: string, origin: OriginFilter = {}): ViewRow | null {
    for (const mark of findRow(this.#rows, id, origin)) {
      const row = this.#gotoMark(mark)
      if (row !== null) return row
    }
    return null
  }

  expandAll(): void {
    this.#folds.reset(true)
  }

  collapseAll(): void {
    this.#folds.reset(false)
  }

  /** Throws `NOT_FOUND` when there is no such category. */
  expand(path: CategoryPath): void {
    this.#folds.set(this.#category(path), true)
  }

  /** The same. What is below stays as it was for when it is expanded again. */
  collapse(path: CategoryPath): void {
    this.#folds.set(this.#category(path), false)
  }

  isExpanded(path: CategoryPath): boolean {
    return this.#folds.isOpen(this.#category(path))
  }

  /** Shown rows, without moving. Throws `INVALID`. */
  rows(range: RowRange = {}): readonly ViewRow[] {
    const { limit = Number.MAX_SAFE_INTEGER, direction = 'forward' } = range
    wholeNumber(limit, 'limit')
    const backward = direction === 'backward'
    const found: ViewRow[] = []
    let trail = limit === 0 ? null : this.#begin(range, backward)
    while (trail !== null && found.length < limit) {
      const row = this.#row(trail)
      if (row === null) break
      found.push(row)
      trail = backward ? previous(trail, this.#folds.isOpen) : next(trail, this.#folds.isOpen)
    }
    return backward ? found.toReversed() : found
  }

  #begin({ from, after }: RowRange, backward: boolean): Trail | null {
    if (from !== undefined && after !== undefined)
      throw new VarveError('INVALID', 'Rows begin at a number (from) or behind a key (after): give one of them')
    if (from !== undefined) return this.#folds.trailAt(wholeNumber(from, 'from'))
    if (after === undefined) return backward ? this.#last() : this.#first()
    const place = this.#found(decodeMark(after))
    return backward ? this.#before(place) : this.#after(place)
  }

  #first(): Trail | null {
    return settle([{ category: this.#rows.tree.root, index: 0 }])
  }

  #last(): Trail | null {
    const { root } = this.#rows.tree
    return root.size === 0 ? null : lastBelow([{ category: root, index: root.size - 1 }], this.#folds.isOpen)
  }

  #here(): { readonly trail: Trail; readonly exact: boolean } | null {
    return this.#mark === null ? null : this.#found(this.#mark)
  }

  /** Where a mark is, or the closed category that hides it. */
  #found(mark: Mark): { readonly trail: Trail; readonly exact: boolean } {
    const { tree } = this.#rows
    const { trail, exact } = find(tree.rules, tree.root, mark)
    const visible = shown(trail, this.#folds.isOpen)
    return { trail: visible, exact: exact || visible !== trail }
  }

  #after({ trail, exact }: { readonly trail: Trail; readonly exact: boolean }): Trail | null {
    return exact ? next(trail, this.#folds.isOpen) : settle(trail)
  }

  #before({ trail }: { readonly trail: Trail }): Trail | null {
    return previous(trail, this.#folds.isOpen)
  }

  #goto(trail: Trail | null): ViewRow | null {
    if (trail === null) return null
    this.#mark = markOf(trail)
    return this.#row(trail)
  }

  #gotoMark(mark: Mark): ViewRow | null {
    const { tree } = this.#rows
    const { trail, exact } = find(tree.rules, tree.root, mark)
    return exact ? this.#gotoShown(trail) : null
  }

  #gotoShown(trail: Trail | null): ViewRow | null {
    return trail === null || shown(trail, this.#folds.isOpen) !== trail ? null : this.#goto(trail)
  }

  #row(trail: Trail): ViewRow | null {
    return rowOf(this.#rows, trail, this.#folds.isOpen)
  }

  #positioned(position: string): Trail | null {
    if (!/^[1-9]\d{0,14}(?:\.[1-9]\d{0,14}){0,100}$/.test(position))
      throw new VarveError('INVALID', 'A position is numbers from 1 with dots between, as in "1.2.3"')
    let category: Category | null = this.#rows.tree.root
    let levels: readonly Level[] = []
    let trail: Trail | null = null
    for (const number of position.split('.')) {
      if (category === null) return null
      const level: Level = { category, index: Number(number) - 1 }
      trail = [...levels, level]
      levels = trail
      const item = itemOf(trail)
      if (item === null) return null
      category = item.kind === 'category' ? item.category : null
    }
    return trail
  }

  #category(path: CategoryPath): Category {
    const { tree } = this.#rows
    const category = 'key' in path ? tree.category(decodeMark(path.key).path) : findValues(tree, path, false)
    if (category === null || category.parent === null)
      throw new VarveError('NOT_FOUND', 'There is no such category in the view: it may have gone with its last row')
    return category
  }
}

/** Null where nothing stands. */
function atRow(trail: Trail): Trail | null {
  return itemOf(trail) === null ? null : trail
}

function wholeNumber(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new VarveError('INVALID', `"${what}" is ${value}: it must be a whole number, zero or above`)
  return value
}

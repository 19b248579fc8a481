/** Places in a view: the way down to a row as indexes, steps from row to row, and marks that outlive changes. */

import type { Category, Entry, SortPlace, Step, ViewRules } from './category.ts'

/** The way down: a category and the index below it, again and again. Never empty. */
export type Trail = readonly [...(readonly Level[]), Level]

export interface Level {
  readonly category: Category
  readonly index: number
}

/** What stands at the end of a trail. */
export type Item =
  | { readonly kind: 'category'; readonly category: Category }
  | { readonly kind: 'document'; readonly entry: Entry }

/** Where a row is, in words that stay true when others come and go. */
export interface Mark {
  readonly path: readonly Step[]
  /** Null for a category. */
  readonly place: SortPlace | null
}

/** Whether a category shows what is below it. */
export type IsOpen = (category: Category) => boolean

function itemAt({ category, index }: Level): Item | null {
  const child = category.children.at(index)
  if (child !== undefined) return { kind: 'category', category: child }
  const entry = category.entries.at(index - category.children.size)
  return entry === undefined ? null : { kind: 'document', entry }
}

export function levelOf(trail: Trail): Level {
  return trail[trail.length - 1] ?? trail[0]
}

export function itemOf(trail: Trail): Item | null {
  return itemAt(levelOf(trail))
}

/** Numbers from 1 at each level. */
export function positionOf(trail: Trail): string {
  return trail.map(({ index }) => index + 1).join('.')
}

export function markOf(trail: Trail): Mark | null {
  const item = itemOf(trail)
  if (item === null) return null
  return item.kind === 'category'
    ? { path: stepsTo(item.category), place: null }
    : { path: item.entry.path, place: item.entry.placed }
}

export function stepsTo(category: Category): readonly Step[] {
  const steps: Step[] = []
  for (let at: Category | null = category; at !== null; at = at.parent) if (at.step !== null) steps.unshift(at.step)
  return steps
}

/** The way to a category; null at the root, which is no row. */
export function trailTo(rules: ViewRules, category: Category): Trail | null {
  const { parent, step } = category
  if (parent === null || step === null) return null
  return extend(trailTo(rules, parent), { category: parent, index: rankOf(rules, parent, step) })
}

function extend(trail: Trail | null, level: Level): Trail {
  return trail === null ? [level] : [...trail, level]
}

function rankOf(rules: ViewRules, category: Category, step: Step): number {
  return category.children.rank((other) => (other.step === null ? -1 : rules.steps(other.step, step)))
}

/** The way to a mark, and whether it is still there; else to where it would be, perhaps one beyond the last row. */
export function find(rules: ViewRules, root: Category, { path, place }: Mark): { trail: Trail; exact: boolean } {
  let category = root
  let trail: Trail | null = null
  for (const [i, step] of path.entries()) {
    const level: Level = { category, index: rankOf(rules, category, step) }
    trail = extend(trail, level)
    const child = category.child(step)
    if (child === undefined) return { trail, exact: false }
    if (place === null && i === path.length - 1) return { trail, exact: true }
    category = child
  }
  if (place === null) return { trail: [{ category: root, index: 0 }], exact: false }
  const rank = category.entries.rank((entry) => rules.places(entry.placed, place))
  const entry = category.entries.at(rank)
  const exact = entry !== undefined && rules.places(entry.placed, place) === 0
  return { trail: extend(trail, { category, index: category.children.size + rank }), exact }
}

/** The same place, or the row after it when nothing stands there; null behind the last row. */
export function settle(trail: Trail): Trail | null {
  let rest: readonly Level[] = trail
  let level = levelOf(trail)
  while (level.index >= level.category.size) {
    rest = rest.slice(0, -1)
    const above = rest.at(-1)
    if (above === undefined) return null
    level = { category: above.category, index: above.index + 1 }
  }
  return [...rest.slice(0, -1), level]
}

/** The way to the outermost closed category on it: what is below is not shown. */
export function shown(trail: Trail, isOpen: IsOpen): Trail {
  for (const [i, { category }] of trail.entries()) {
    if (i === 0 || isOpen(category)) continue
    const above = trail[i - 1]
    if (above !== undefined) return [...trail.slice(0, i - 1), above]
  }
  return trail
}

export function next(trail: Trail, isOpen: IsOpen): Trail | null {
  const item = itemOf(trail)
  if (item?.kind === 'category' && isOpen(item.category) && item.category.size > 0)
    return [...trail, { category: item.category, index: 0 }]
  return settle(sibling(trail, 1))
}

/** The row before; null at the first. The trail may point behind the last row of its category. */
export function previous(trail: Trail, isOpen: IsOpen): Trail | null {
  const { index } = levelOf(trail)
  if (index > 0) return lastBelow(sibling(trail, -1), isOpen)
  const [first, ...more] = trail.slice(0, -1)
  return first === undefined ? null : asTrail(first, more)
}

export function sibling(trail: Trail, by: number): Trail {
  const { category, index } = levelOf(trail)
  return [...trail.slice(0, -1), { category, index: index + by }]
}

function asTrail(first: Level, more: readonly Level[]): Trail {
  const last = more.at(-1)
  return last === undefined ? [first] : [first, ...more.slice(0, -1), last]
}

/** The last shown row at or below a row. */
export function lastBelow(trail: Trail, isOpen: IsOpen): Trail {
  const item = itemOf(trail)
  if (item?.kind !== 'category' || !isOpen(item.category) || item.category.size === 0) return trail
  return lastBelow([...trail, { category: item.category, index: item.category.size - 1 }], isOpen)
}

/** The row with this number when everything is expanded. */
export function trailAtRow(root: Category, row: number): Trail | null {
  let category = root
  let left = row
  let trail: Trail | null = null
  for (;;) {
    const { index, before } = category.children.atRow(left)
    const child = category.children.at(index)
    trail = extend(trail, { category, index: child === undefined ? index + left - before : index })
    if (child === undefined) return itemOf(trail) === null ? null : trail
    if (left === before) return trail
    left -= before + 1
    category = child
  }
}

/** The number of a row when everything is expanded. */
export function rowNumber(trail: Trail): number {
  let row = 0
  for (const [i, { category, index }] of trail.entries()) {
    const categories = Math.min(index, category.children.size)
    row += category.children.rowsBefore(categories) + (index - categories) + (i === 0 ? 0 : 1)
  }
  return row
}

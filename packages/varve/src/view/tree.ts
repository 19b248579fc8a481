/** The documents of a view in their categories, kept in order while they come, change and go. */

import type { JsonObject } from '../encoding/json.ts'
import { Category, rulesOf, type Entry, type Placed, type Step, type ViewRules } from './category.ts'
import type { ParsedView } from './definition.ts'
import { placeDocument, samePlace } from './place-document.ts'

export class ViewTree {
  readonly view: ParsedView
  readonly rules: ViewRules
  readonly root: Category
  /** By source and id. */
  readonly #documents: readonly Map<string, Placed>[]
  #version = 0

  constructor(view: ParsedView) {
    this.view = view
    this.rules = rulesOf(view)
    this.root = new Category(this.rules, null, null)
    this.#documents = view.sources.map(() => new Map())
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  get documents(): number {
    return this.#documents.reduce((sum, { size }) => sum + size, 0)
  }

  placed(source: number, id: string): Placed | undefined {
    return this.#documents[source]?.get(id)
  }

  /** Everything there is, source by source. */
  *all(): Generator<Placed> {
    for (const documents of this.#documents) yield* documents.values()
  }

  /** Takes over the present state of a document, null when it is not there any more. Returns whether rows changed. */
  put(source: number, id: string, doc: JsonObject | null): boolean {
    const before = this.placed(source, id)
    if (doc === null && before === undefined) return false
    const after = doc === null ? null : placeDocument(this.view, this.rules, { source, id }, doc)
    if (before !== undefined && after !== null && samePlace(before, after)) return false
    if (before !== undefined) this.#remove(before)
    if (after !== null) this.add(after)
    this.#version++
    return true
  }

  /** A document that is not there yet. */
  add(placed: Placed): void {
    this.#documents[placed.source]?.set(placed.id, placed)
    for (const [i, path] of placed.paths.entries()) {
      let category = this.root
      for (const step of path) category = category.makeChild(step)
      category.entries.insert(this.#entry(placed, i, path))
      category.touch()
    }
  }

  #remove(placed: Placed): void {
    this.#documents[placed.source]?.delete(placed.id)
    for (const [i, path] of placed.paths.entries()) {
      const category = this.category(path)
      if (category === null) continue
      category.entries.remove(this.#entry(placed, i, path))
      removeEmpty(category)
    }
  }

  category(path: readonly Step[]): Category | null {
    let category: Category | undefined = this.root
    for (const step of path) category = category?.child(step)
    return category ?? null
  }

  #entry(placed: Placed, i: number, path: readonly Step[]): Entry {
    const before = placed.paths[i - 1]
    return { placed, path, fresh: before === undefined ? 0 : this.#shared(before, path) + 1 }
  }

  /** Levels that two ways down have in common. Sorted, the one before shares the most. */
  #shared(a: readonly Step[], b: readonly Step[]): number {
    let shared = 0
    for (const [i, step] of a.entries()) {
      const other = b[i]
      if (other === undefined || this.rules.steps(step, other) !== 0) break
      shared++
    }
    return shared
  }
}

/** Categories go with their last row. */
function removeEmpty(category: Category): void {
  let below = category
  while (below.parent !== null && below.size === 0) {
    below.parent.children.remove(below)
    below = below.parent
  }
  below.touch()
}

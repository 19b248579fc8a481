/** A category of a view: its categories and documents in order, and what they weigh. */

import type { JsonValue } from '../encoding/json.ts'
import { compareText, compareValues } from '../query/compare.ts'
import type { ParsedView } from './definition.ts'
import { Ranked, type Measure, type RankedRules } from './ranked.ts'
import { addSums, noSums, sumsOf, type Sums } from './sums.ts'

/** One category on the way down: which category column it belongs to, and its value. */
export interface Step {
  readonly column: number
  readonly value: JsonValue
}

/** What decides where a document stands within its category. */
export interface SortPlace {
  readonly sort: readonly JsonValue[]
  readonly source: number
  readonly id: string
}

/** What a view keeps of a document of one source. */
export interface Placed extends SortPlace {
  readonly values: readonly JsonValue[]
  /** One for each of its rows; distinct, in order of `comparePaths`. */
  readonly paths: readonly (readonly Step[])[]
}

/** One row of a document. */
export interface Entry {
  readonly placed: Placed
  readonly path: readonly Step[]
  /** Categories at this level and below count the document here; those above count it at an earlier row. */
  readonly fresh: number
}

/** The orders and weights of one view. */
export interface ViewRules {
  readonly steps: (a: Step, b: Step) => number
  readonly places: (a: SortPlace, b: SortPlace) => number
  readonly categories: RankedRules<Category>
  readonly entries: RankedRules<Entry>
  readonly join: (parts: Iterable<Measure>) => Measure
  readonly noSums: Sums
}

export class Category {
  readonly parent: Category | null
  /** Null at the root, which is above all categories and no row itself. */
  readonly step: Step | null
  readonly depth: number
  readonly children: Ranked<Category>
  readonly entries: Ranked<Entry>
  readonly #rules: ViewRules
  /** Whether those above know already that this one weighs something else: they have not asked since. */
  #touched = false

  constructor(rules: ViewRules, parent: Category | null, step: Step | null) {
    this.#rules = rules
    this.parent = parent
    this.step = step
    this.depth = parent === null ? 0 : parent.depth + 1
    this.children = new Ranked(rules.categories)
    this.entries = new Ranked(rules.entries)
  }

  /** Categories and documents right below. */
  get size(): number {
    return this.children.size + this.entries.size
  }

  /** Rows below, when everything is expanded. */
  get rows(): number {
    return this.children.measure.rows + this.entries.measure.rows
  }

  /** Everything below. */
  get measure(): Measure {
    return this.#rules.join([this.children.measure, this.entries.measure])
  }

  /** Of the documents below, each once. */
  get sums(): Sums {
    const sums = [...this.#rules.noSums]
    for (const part of this.measure.sums.slice(0, this.depth + 1)) if (part !== undefined) addSums(sums, part)
    return sums
  }

  /** Asked by the category above, as a part of its own. */
  get asPart(): Measure {
    this.#touched = false
    const { rows, sums } = this.measure
    return { rows: rows + 1, sums }
  }

  /** Something below has changed: all above weigh something else. */
  touch(): void {
    if (this.#touched || this.parent === null) return
    this.#touched = true
    this.parent.children.touch(this)
    this.parent.touch()
  }

  child(step: Step): Category | undefined {
    return this.children.find((other) => (other.step === null ? -1 : this.#rules.steps(other.step, step)))
  }

  /** The category below with this step, made when it is new. */
  makeChild(step: Step): Category {
    const known = this.child(step)
    if (known !== undefined) return known
    const made = new Category(this.#rules, this, step)
    this.children.insert(made)
    return made
  }
}

/** Order by column, so that a category that goes on splitting its text comes before the next column. */
export function rulesOf(view: ParsedView): ViewRules {
  const directions = view.categories.map(({ direction }) => direction)
  const sorts = view.sort.map(({ direction }) => direction)
  const totalled = view.columns.flatMap(({ totals }, i) => (totals.length === 0 ? [] : [i]))
  const join = (parts: Iterable<Measure>): Measure => joinMeasures(parts, totalled.length)
  const steps = (a: Step, b: Step): number =>
    a.column === b.column ? compareValues(a.value, b.value) * (directions[a.column] ?? 1) : a.column - b.column
  const places = (a: SortPlace, b: SortPlace): number => {
    for (const [i, direction] of sorts.entries()) {
      const order = compareValues(a.sort[i], b.sort[i]) * direction
      if (order !== 0) return order
    }
    return a.source === b.source ? compareText(a.id, b.id) : a.source - b.source
  }
  return {
    steps,
    places,
    join,
    noSums: noSums(totalled.length),
    categories: {
      compare: (a, b) => (a.step === null || b.step === null ? 0 : steps(a.step, b.step)),
      measure: (category) => category.asPart,
      join,
    },
    entries: {
      compare: (a, b) => places(a.placed, b.placed),
      measure: ({ placed, fresh }) => entryMeasure(sumsOf(totalled.map((i) => placed.values[i] ?? null)), fresh),
      join,
    },
  }
}

function entryMeasure(sums: Sums, fresh: number): Measure {
  if (fresh === 0) return { rows: 1, sums: [sums] }
  const later: (Sums | undefined)[] = Array.from({ length: fresh }, () => undefined)
  return { rows: 1, sums: [...later, sums] }
}

function joinMeasures(parts: Iterable<Measure>, columns: number): Measure {
  let rows = 0
  const joined: (number[] | undefined)[] = []
  for (const part of parts) {
    rows += part.rows
    for (const [fresh, sums] of part.sums.entries()) {
      if (sums === undefined) continue
      const to = joined[fresh] ?? noSums(columns)
      addSums(to, sums)
      joined[fresh] = to
    }
  }
  return { rows, sums: joined }
}

/** Order of two ways down from the top. */
export function comparePaths(steps: ViewRules['steps'], a: readonly Step[], b: readonly Step[]): number {
  for (const [i, step] of a.entries()) {
    const other = b[i]
    if (other === undefined) return 1
    const order = steps(step, other)
    if (order !== 0) return order
  }
  return a.length - b.length
}

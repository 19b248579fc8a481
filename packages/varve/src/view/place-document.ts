/** What a view makes of a document: its categories, sorted values and columns. */

import { equalJson, isJsonArray, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { limits } from '../limits.ts'
import { comparePaths, type Placed, type Step, type ViewRules } from './category.ts'
import type { ParsedCategory, ParsedView } from './definition.ts'

export function placeDocument(
  view: ParsedView,
  rules: ViewRules,
  from: { readonly source: number; readonly id: string },
  doc: JsonObject,
): Placed {
  return {
    source: from.source,
    id: from.id,
    sort: view.sort.map(({ value }) => value(doc)),
    values: view.columns.map(({ value }) => value(doc)),
    paths: distinct(pathsOf(view, doc), rules),
  }
}

/** Every combination of its categories: many values in two of them multiply. */
function pathsOf(view: ParsedView, doc: JsonObject): readonly (readonly Step[])[] {
  let paths: readonly (readonly Step[])[] = [[]]
  for (const [column, category] of view.categories.entries()) {
    const parts = partsOf(category, column, category.value(doc))
    const [only] = parts
    const [path] = paths
    // Most documents have one value each.
    if (only !== undefined && path !== undefined && parts.length === 1 && paths.length === 1)
      paths = [[...path, ...only]]
    else paths = combined(paths, parts)
  }
  return paths.map((path) => path.slice(0, limits.viewDepth))
}

/** No more than a view shows of one document: many values of several attributes would fill the memory. */
function combined(paths: readonly (readonly Step[])[], parts: readonly (readonly Step[])[]): readonly Step[][] {
  const all: Step[][] = []
  for (const path of paths) {
    for (const part of parts) {
      if (all.length === limits.viewFanOut) return all
      all.push([...path, ...part])
    }
  }
  return all
}

/** The ways down that one category column gives: one for each element of an array. */
function partsOf(category: ParsedCategory, column: number, value: JsonValue): readonly (readonly Step[])[] {
  const values = isJsonArray(value) ? (value.length === 0 ? [null] : value.slice(0, limits.viewFanOut)) : [value]
  const { separator } = category
  return values.map((each) => {
    if (separator === null || typeof each !== 'string') return [{ column, value: each }]
    return each.split(separator, limits.viewDepth).map((part) => ({ column, value: part }))
  })
}

function distinct(paths: readonly (readonly Step[])[], rules: ViewRules): readonly (readonly Step[])[] {
  if (paths.length === 1) return paths
  const sorted = paths.toSorted((a, b) => comparePaths(rules.steps, a, b))
  return sorted.filter((path, i) => i === 0 || comparePaths(rules.steps, sorted[i - 1] ?? [], path) !== 0)
}

/** Whether two states of a document look the same in the view. */
export function samePlace(a: Placed, b: Placed): boolean {
  return (
    equalJson(a.sort, b.sort) &&
    equalJson(a.values, b.values) &&
    a.paths.length === b.paths.length &&
    a.paths.every((path, i) => sameSteps(path, b.paths[i] ?? []))
  )
}

function sameSteps(a: readonly Step[], b: readonly Step[]): boolean {
  return (
    a.length === b.length && a.every(({ column, value }, i) => column === b[i]?.column && equalJson(value, b[i]?.value))
  )
}

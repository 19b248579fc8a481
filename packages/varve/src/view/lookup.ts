/** Finding categories by their values, and the rows of a document. */

import type { JsonValue } from '../encoding/json.ts'
import { compareValues } from '../query/compare.ts'
import type { Category } from './category.ts'
import type { Rows } from './rows.ts'
import type { Mark } from './trail.ts'
import type { ViewTree } from './tree.ts'
import type { RowOrigin } from './types.ts'

/** Which sources are meant: those where all of these are so. */
export type OriginFilter = { readonly [Name in keyof RowOrigin]?: string }

/**
 * The category with these values from the top; with `prefix`, the first whose last value is text that begins so.
 * A value may stand below in two columns, when text is split: the way that leads on is taken.
 */
export function findValues(tree: ViewTree, path: readonly JsonValue[], prefix: boolean): Category | null {
  return below(tree, tree.root, path, prefix)
}

function below(tree: ViewTree, category: Category, path: readonly JsonValue[], prefix: boolean): Category | null {
  const [value, ...rest] = path
  if (value === undefined) return category
  for (const column of tree.view.categories.keys()) {
    const child =
      prefix && rest.length === 0 && typeof value === 'string'
        ? beginning(tree, category, column, value)
        : category.child({ column, value })
    const found = child === undefined ? null : below(tree, child, rest, prefix)
    if (found !== null) return found
  }
  return null
}

function beginning(tree: ViewTree, category: Category, column: number, prefix: string): Category | undefined {
  const direction = tree.view.categories[column]?.direction ?? 1
  return category.children.find(({ step }) => {
    if (step === null || step.column !== column) return (step?.column ?? -1) - column
    if (typeof step.value === 'string' && step.value.startsWith(prefix)) return 0
    return compareValues(step.value, prefix) * direction
  })
}

/** The rows of documents with this id, those of the first source first; `origin` narrows it down. */
export function* findRow({ tree, origins }: Rows, id: string, origin: OriginFilter): Generator<Mark> {
  for (const [source, from] of origins.entries()) {
    const { tenant, tenantId, database, collection, origin: label } = origin
    const wanted =
      (tenant ?? from.tenant) === from.tenant &&
      (tenantId ?? from.tenantId) === from.tenantId &&
      (database ?? from.database) === from.database &&
      (collection ?? from.collection) === from.collection &&
      (label ?? from.origin) === from.origin
    const placed = wanted ? tree.placed(source, id) : undefined
    if (placed !== undefined) for (const path of placed.paths) yield { path, place: placed }
  }
}

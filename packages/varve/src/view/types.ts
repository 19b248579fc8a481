/** The public types of views: definitions as plain data, rows, totals. `docs/views.md` describes them. */

import type { JsonValue } from '../encoding/json.ts'
import type { PathFilter } from '../query/types.ts'

/**
 * A value computed from a document: a dotted path (text), a constant (number, boolean, null, or `{ const }`), or an
 * operator with its operands, as in `{ add: ['price', 'tax'] }`. What cannot be computed is null.
 */
export type Expression = string | number | boolean | null | Operation

interface Operation {
  readonly [operator: string]: JsonValue | Expression | readonly Expression[]
}

export interface ViewSource {
  /** Name or id of the tenant; may be left out while there is one tenant. */
  readonly tenant?: string
  readonly database: string
  readonly collection: string
  /** Only documents that match; plain JSON, so patterns are written with `$regex`. */
  readonly filter?: PathFilter
  /** A label that its rows carry. */
  readonly origin?: string
}

export interface ViewCategory {
  /** Each element of an array puts the document under a category of its own; null is a category too. */
  readonly value: Expression
  /** `categoryN` when absent. */
  readonly name?: string
  readonly order?: 'asc' | 'desc'
  /** Text is split here into nested categories. */
  readonly separator?: string
}

export interface ViewSort {
  readonly value: Expression
  readonly order?: 'asc' | 'desc'
}

export type TotalName = 'sum' | 'average' | 'count' | 'min' | 'max'

export interface ViewColumn {
  readonly name: string
  readonly value: Expression
  readonly totals?: readonly TotalName[]
}

/** A view as plain JSON data. */
export interface ViewDefinition {
  /** The name it is saved under. */
  readonly name: string
  readonly sources: readonly ViewSource[]
  /** From the outermost to the innermost; none makes a flat list. */
  readonly categories?: readonly ViewCategory[]
  /** Order of the documents of a category; then by source and id. */
  readonly sort?: readonly ViewSort[]
  readonly columns?: readonly ViewColumn[]
}

/** Where a row comes from. */
export interface RowOrigin {
  /** Name and id of the tenant. */
  readonly tenant: string
  readonly tenantId: string
  readonly database: string
  readonly collection: string
  /** The label of the source; null when it has none. */
  readonly origin: string | null
}

/** Totals of one column: those it asks for. `count` counts values that are not null, the others numbers alone. */
export type ColumnTotals = { readonly [Name in TotalName]?: number | null }

export interface ViewTotals {
  /** Documents, each once, however many rows it has. */
  readonly documents: number
  readonly columns: Readonly<Record<string, ColumnTotals>>
}

interface RowPlace {
  /** Names the row: fit for lists on screens, and for `after`. */
  readonly key: string
  /** Numbers from 1 at each level, as in `1.2.3`. */
  readonly position: string
  /** 0 at the top. */
  readonly level: number
}

export interface CategoryRow extends RowPlace {
  readonly kind: 'category'
  /** The categories from the top to this one. */
  readonly path: readonly JsonValue[]
  readonly value: JsonValue
  /** Name of the category column. */
  readonly category: string
  readonly totals: ViewTotals
  /** Categories and documents right below. */
  readonly children: number
  /** All rows below, when everything is expanded. */
  readonly descendants: number
  readonly expanded: boolean
}

export interface DocumentRow extends RowPlace, RowOrigin {
  readonly kind: 'document'
  readonly id: string
  /** The categories above it. */
  readonly path: readonly JsonValue[]
  /** By the name of the column. */
  readonly values: Readonly<Record<string, JsonValue>>
}

export type ViewRow = CategoryRow | DocumentRow

export interface RowRange {
  /** Number of the first row, from 0; rows in collapsed categories are not counted. */
  readonly from?: number
  /** Key of a row: begins behind it, or before it when going backward. It need not be there any more. */
  readonly after?: string
  /** All rows when absent. */
  readonly limit?: number
  /** `backward`: the rows before, in the order of the view. Without `after` those at the end. */
  readonly direction?: 'forward' | 'backward'
}

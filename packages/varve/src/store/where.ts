/** Conditions that a store may apply while it scans, so that documents which cannot match are never handed over. */

import type { DocumentRow } from './rows.ts'
import type { JsonValue } from '../encoding/json.ts'

export type Scalar = null | boolean | number | string

/**
 * Where a value stands in a head, whose text is a JSON list: in this field of the list, and from there through objects
 * along the names. A walk that meets an array, on the way or at its end, stops there.
 */
export interface Place {
  readonly field: number
  readonly names: readonly string[]
}

/** Both ends belong to it; null is open. Text compares by code point. */
export interface Bounds<T> {
  readonly least: T | null
  readonly most: T | null
}

/** The kinds of values that are kept, for numbers and text within bounds. */
export interface Kinds {
  readonly missing: boolean
  readonly null: boolean
  readonly boolean: boolean
  readonly object: boolean
  readonly number: Bounds<number> | null
  readonly string: Bounds<string> | null
}

/**
 * What is asked of a head. Where a walk meets an array, `among` is true when one of the scalars stands anywhere in it,
 * or null is one of them; the others are true. A missing value counts as null for `among` and `none`.
 */
export type Where =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Where[] }
  /** The value is one of these. */
  | { readonly kind: 'among'; readonly at: Place; readonly scalars: readonly Scalar[] }
  /** The value is none of these. */
  | { readonly kind: 'none'; readonly at: Place; readonly scalars: readonly Scalar[] }
  | { readonly kind: 'kinds'; readonly at: Place; readonly kinds: Kinds }

/** No document. */
export const nowhere: Where = { kind: 'or', of: [] }

/** A part of a scan of one collection. */
export interface FilteredScan {
  readonly collection: number
  /** Only documents with `no` above it. */
  readonly after: number
  /** Most documents that are handed over. */
  readonly limit: number
  readonly where: Where
}

/** What one call found. It may be empty and not the end: a call looks at a bounded number of documents. */
export interface FilteredPage<Row> {
  /** By `no`. */
  readonly rows: readonly Row[]
  /** What `after` of the next call is; null when there is nothing more. */
  readonly next: number | null
}

export type DocumentPage = FilteredPage<DocumentRow>

/** Some values of a head. */
export interface DocumentValues {
  readonly no: number
  /** In the order of the places asked for, `undefined` where there is none or an array stands on the way; null for a head too large to be cut up. */
  readonly values: readonly (JsonValue | undefined)[] | null
}

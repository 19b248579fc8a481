/** The public types of queries: filters, sort orders and plans as applications write and read them. */

import type { JsonValue } from '../encoding/json.ts'
import type { KeyRange } from './order-key.ts'

/** The operators of one path. Several of them must all hold, each possibly for another element of an array. */
export interface Operators {
  readonly $eq?: JsonValue
  readonly $ne?: JsonValue
  readonly $gt?: JsonValue
  readonly $gte?: JsonValue
  readonly $lt?: JsonValue
  readonly $lte?: JsonValue
  readonly $in?: readonly (JsonValue | RegExp)[]
  readonly $nin?: readonly (JsonValue | RegExp)[]
  readonly $exists?: boolean | 0 | 1
  readonly $regex?: string | RegExp
  /** Flags of `$regex`: any of `i`, `m`, `s`, `u`. */
  readonly $options?: string
  readonly $all?: readonly (JsonValue | RegExp | { readonly $elemMatch: ElementFilter })[]
  readonly $elemMatch?: ElementFilter
  readonly $size?: number
  readonly $not?: Operators | RegExp
}

/** Operators for elements that are values, a filter for elements that are objects. */
export type ElementFilter = Operators | PathFilter

/** A value (equality), a regular expression, or operators. */
export type Condition = JsonValue | RegExp | Operators

/** A filter over paths whose types are not known. */
export interface PathFilter {
  readonly $and?: readonly PathFilter[]
  readonly $or?: readonly PathFilter[]
  readonly $nor?: readonly PathFilter[]
  readonly [path: string]: Condition | readonly PathFilter[]
}

/** A filter over documents of type `T`: the names of `T` are offered, any dotted path is allowed. */
export type Filter<T = unknown> = { readonly [Name in keyof T & string]?: Condition } & PathFilter

/** Paths in order of weight, 1 ascending and -1 descending. Equal documents come by ascending id. */
export interface Sort {
  readonly [path: string]: 1 | -1
}

/** How a query will be executed; what `explain()` returns. */
export interface QueryPlan {
  /** Number of the index that is read, null when documents are read by id. */
  readonly index: number | null
  /** Path of that index. */
  readonly path: string | null
  /** The parts of the index that are read, in ascending order: a superset of what matches. */
  readonly ranges: readonly KeyRange[]
  /** The ids that can match, ascending, when the filter names them. */
  readonly ids: readonly string[] | null
  /** Whether index or ids are read backwards. */
  readonly reverse: boolean
  /** Whether the order of reading gives the sort, so that no more than one group of equal keys is held. */
  readonly sorted: boolean
  /** Whether one document can be read more than once. */
  readonly repeats: boolean
  /** Why this plan, in words. */
  readonly reason: string
}

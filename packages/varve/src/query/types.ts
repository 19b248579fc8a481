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
type ElementFilter = Operators | PathFilter

/** A value (equality), a regular expression, or operators. */
type Condition = JsonValue | RegExp | Operators

/** A filter over paths whose types are not known. */
export interface PathFilter {
  readonly $and?: readonly PathFilter[]
  readonly $or?: readonly PathFilter[]
  readonly $nor?: readonly PathFilter[]
  readonly [path: string]: Condition | readonly PathFilter[]
}

/** What an attribute of this type is compared with: itself, null for missing, and its elements when it is an array. */
type Comparable<V> = V | null | (V extends readonly (infer Element)[] ? Element : never)

/** The operators of an attribute of a known type. */
interface OperatorsOf<V> {
  readonly $eq?: Comparable<V>
  readonly $ne?: Comparable<V>
  readonly $gt?: Comparable<V>
  readonly $gte?: Comparable<V>
  readonly $lt?: Comparable<V>
  readonly $lte?: Comparable<V>
  readonly $in?: readonly (Comparable<V> | PatternOf<V>)[]
  readonly $nin?: readonly (Comparable<V> | PatternOf<V>)[]
  readonly $exists?: boolean | 0 | 1
  readonly $regex?: PatternOf<V> | (PatternOf<V> extends never ? never : string)
  readonly $options?: string
  readonly $all?: V extends readonly unknown[] ? Operators['$all'] : readonly Comparable<V>[]
  readonly $elemMatch?: V extends readonly unknown[] ? ElementFilter : never
  readonly $size?: V extends readonly unknown[] ? number : never
  readonly $not?: OperatorsOf<V> | PatternOf<V>
}

/** Patterns are for strings, alone or in arrays. */
type PatternOf<V> = Extract<Comparable<V>, string> extends never ? never : RegExp

/** What can be asked of an attribute of type `V`; of one whose type says nothing, everything. */
type ConditionOf<V> = JsonValue extends V ? Condition : Comparable<V> | PatternOf<V> | OperatorsOf<V>

/**
 * A filter over documents of type `T`: names of `T` take values and operators of their type, any dotted path takes all.
 * Where `T` has no names of its own, every path does.
 */
export type Filter<T = unknown> = string extends keyof T
  ? PathFilter
  : { readonly [Name in keyof T & string]?: ConditionOf<Exclude<T[Name], undefined>> } & PathFilter

/** Paths in order of weight, 1 ascending and -1 descending. Equal documents come by ascending id. */
export interface Sort {
  readonly [path: string]: 1 | -1
}

/** How a query will be executed; what `explain()` returns. */
export interface QueryPlan {
  /** Number of the index that is read, null when documents are read by id or one after the other. */
  readonly index: number | null
  /** First path of that index. */
  readonly path: string | null
  /** All its paths. */
  readonly paths: readonly string[] | null
  /** The parts of the index that are read, in ascending order: a superset of what matches. */
  readonly ranges: readonly KeyRange[]
  /** The ids that can match, ascending, when the filter names them. */
  readonly ids: readonly string[] | null
  /** Whether index or ids are read backwards. */
  readonly reverse: boolean
  /** Whether the order of reading gives the sort, so that no more than one group of equal keys is held. */
  readonly sorted: boolean
  /** What makes such a group, path by path of the index: one fixed key, or the sort field of this number. */
  readonly lead: readonly (Uint8Array | number)[]
  /** Whether all sort fields are in `lead` and it is the whole key, so that a group comes by id. */
  readonly exact: boolean
  /** Whether one document can be read more than once. */
  readonly repeats: boolean
  /** Why this plan, in words. */
  readonly reason: string
}

/** The public types of counters: rules as applications write them, totals as they read them. */

import type { Filter } from '../query/types.ts'

export const operations = ['CREATE', 'UPDATE', 'DELETE'] as const
/** What a version does: enriching and restoring are updates. */
export type CounterOperation = (typeof operations)[number]

export const statistics = ['sum', 'avg', 'min', 'max', 'median'] as const
export type Statistic = (typeof statistics)[number]

export const bucketUnits = ['hour', 'day', 'week', 'month'] as const
/** Parts of time in UTC; weeks begin on Monday (ISO 8601). */
export type BucketUnit = (typeof bucketUnits)[number]

/** Statistics of the numbers at a path. */
export interface CounterMeasure {
  readonly path: string
  readonly stats: readonly Statistic[]
}

/** What is counted beside the totals, in every collection. */
export interface CounterRule {
  /** Under which the result stands; each name once. */
  readonly name: string
  /** All operations when absent. */
  readonly on?: readonly CounterOperation[]
  /** Taken over from Chronos, where indexes and contents were apart: both mean the whole document here. */
  readonly scope?: 'meta' | 'payload'
  /** All conditions must hold for the document as the version left it. */
  readonly when?: Filter
  /** Paths whose distinct values are counted. */
  readonly countUnique?: readonly string[]
  /** Distinct counts by HyperLogLog: 4 KiB a path instead of a row a value, with a standard error of 1.6 %. */
  readonly approximate?: boolean
  readonly measure?: CounterMeasure | readonly CounterMeasure[]
  /** The same figures for each part of time, and how many parts are kept. */
  readonly buckets?: { readonly [Unit in BucketUnit]?: number }
  /** Names; all collections when absent. */
  readonly collections?: readonly string[]
  /** Counts only what is recorded after the rule was defined. */
  readonly from?: 'now'
}

/** `count` is how many numbers there were; the others stand where they were asked for, null when there were none. */
export interface Measured {
  readonly count: number
  readonly sum?: number
  readonly avg?: number | null
  readonly min?: number | null
  readonly max?: number | null
  readonly median?: number | null
  /** From how many numbers the median was taken: `count` when it is exact, a random part of them beyond the limit. */
  readonly medianOf?: number
}

/** Attributes stand where the rule asks for them. */
export interface RuleFigures {
  readonly created?: number
  readonly updated?: number
  readonly deleted?: number
  readonly unique?: Readonly<Record<string, number>>
  readonly measure?: Readonly<Record<string, Measured>>
}

export interface BucketFigures extends RuleFigures {
  /** `2026-01-05T14`, `2026-01-05`, `2026-W02` or `2026-01`. */
  readonly name: string
  /** When it begins, ISO 8601. */
  readonly start: string
}

export interface RuleTotals extends RuleFigures {
  /** Those in which something was counted, oldest first. */
  readonly buckets?: { readonly [Unit in BucketUnit]?: readonly BucketFigures[] }
}

/** Versions recorded and accepted, by what they do. */
export interface CounterTotals {
  /** `tenant:T|db:D|coll:C`; several are joined by commas, and a whole database has no `coll`. */
  readonly _id: string
  readonly created: number
  readonly updated: number
  readonly deleted: number
  readonly rules: Readonly<Record<string, RuleTotals>>
  /** Trusted time of the last version counted, ISO 8601; null when there is none. */
  readonly lastAt: string | null
}

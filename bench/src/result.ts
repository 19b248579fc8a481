/** What a workload reports: figures, most of them with a floor or an earlier figure and the ratio that is allowed. */

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit:
    | 'ms'
    | 'µs'
    | 'MB'
    | 'bytes'
    | 'commits'
    | 'docs/s'
    | 'problems'
    | 'frames'
    | 'calls'
    | 'writes'
    | 'connections'
  /** What `value` is divided by. */
  readonly floor?: number
  /** The highest ratio to the floor, or without a floor the highest value, that counts as met. */
  readonly most?: number
  /** What we aim at, from the table of peers; missing it is told, and is no failure. */
  readonly aim?: number
  readonly note?: string
}

export interface Report {
  readonly workload: string
  readonly title: string
  readonly figures: readonly Figure[]
  /** Further lines for people: where time or bytes go. */
  readonly lines?: readonly string[]
}

export function ratioOf({ value, floor }: Figure): number | null {
  return floor === undefined ? null : value / floor
}

/** True unless the figure has a minimum and misses it. */
export function isMet(figure: Figure): boolean {
  if (figure.most === undefined) return true
  return (ratioOf(figure) ?? figure.value) <= figure.most
}

/** Parts of time: which hour, day, ISO week or month a moment belongs to, in UTC. */

import type { BucketUnit } from './types.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** 1 January 1970 was a Thursday: weeks are counted from the Monday before. */
const daysBefore = 3

/** Number of the part, counted upwards without gaps. */
export function bucketAt(unit: BucketUnit, ms: number): number {
  switch (unit) {
    case 'hour':
      return Math.floor(ms / hourMs)
    case 'day':
      return Math.floor(ms / dayMs)
    case 'week':
      return Math.floor((Math.floor(ms / dayMs) + daysBefore) / 7)
    case 'month': {
      const date = new Date(ms)
      return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
    }
  }
}

/** When a part begins, in Unix milliseconds. */
export function bucketStart(unit: BucketUnit, no: number): number {
  switch (unit) {
    case 'hour':
      return no * hourMs
    case 'day':
      return no * dayMs
    case 'week':
      return (no * 7 - daysBefore) * dayMs
    case 'month':
      return Date.UTC(1970, no, 1)
  }
}

/** `2026-01-05T14`, `2026-01-05`, `2026-W02` or `2026-01`. */
export function bucketName(unit: BucketUnit, no: number): string {
  const text = new Date(bucketStart(unit, no)).toISOString()
  switch (unit) {
    case 'hour':
      return text.slice(0, 13)
    case 'day':
      return text.slice(0, 10)
    case 'week':
      return weekName(no)
    case 'month':
      return text.slice(0, 7)
  }
}

/** ISO 8601: a week belongs to the year of its Thursday. */
function weekName(no: number): string {
  const thursday = bucketStart('week', no) + 3 * dayMs
  const year = new Date(thursday).getUTCFullYear()
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * dayMs))
  return `${year}-W${String(week).padStart(2, '0')}`
}

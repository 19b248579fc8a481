/** Parts of dates, in UTC. */

import type { JsonValue } from '../encoding/json.ts'

const dayMs = 86_400_000
const iso = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/

/** The moment an ISO 8601 text or Unix milliseconds stand for; text without a zone is UTC. Null for anything else. */
function moment(value: JsonValue | undefined): Date | null {
  if (typeof value === 'number') return valid(new Date(value))
  const found = typeof value === 'string' ? iso.exec(value) : null
  if (found === null) return null
  const [text, year, month, day] = found
  // Dates that do not exist are not moved to the next month.
  const date = valid(new Date(`${year}-${month}-${day}T00:00:00Z`))
  if (date === null || date.getUTCDate() !== Number(day)) return null
  if (text.length === 10) return date
  const exact = text.replace(' ', 'T')
  return valid(new Date(/(?:Z|[+-]\d{2}:?\d{2})$/.test(exact) ? exact : `${exact}Z`))
}

function valid(date: Date): Date | null {
  return Number.isNaN(date.getTime()) ? null : date
}

/** Week and its year by ISO 8601: weeks begin on Monday, the first one holds the first Thursday. */
function isoWeek(date: Date): { readonly week: number; readonly year: number } {
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * dayMs)
  const year = thursday.getUTCFullYear()
  // Not by Date.UTC, which takes the years 0 to 99 for those of the last century.
  const begin = new Date(0).setUTCFullYear(year)
  return { week: Math.floor((thursday.getTime() - begin) / dayMs / 7) + 1, year }
}

function part(read: (date: Date) => number): (args: readonly JsonValue[]) => JsonValue {
  return ([value]) => {
    const date = moment(value)
    if (date === null) return null
    const number = read(date)
    return Number.isFinite(number) ? number : null
  }
}

/** Operators that take a date: ISO 8601 text or Unix milliseconds. */
export const datePartOperators: Readonly<Record<string, (args: readonly JsonValue[]) => JsonValue>> = {
  year: part((date) => date.getUTCFullYear()),
  quarter: part((date) => Math.floor(date.getUTCMonth() / 3) + 1),
  month: part((date) => date.getUTCMonth() + 1),
  day: part((date) => date.getUTCDate()),
  hour: part((date) => date.getUTCHours()),
  /** 1 is Monday. */
  weekday: part((date) => ((date.getUTCDay() + 6) % 7) + 1),
  isoWeek: part((date) => isoWeek(date).week),
  isoYear: part((date) => isoWeek(date).year),
}

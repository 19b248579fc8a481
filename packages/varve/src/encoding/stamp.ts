/** Hybrid logical clock stamps: 48-bit milliseconds and a 16-bit counter, kept as 16 hex digits so that text order is time order. */

import { VarveError } from '../errors.ts'

/** A stamp as 16 lower-case hex digits: 12 of Unix milliseconds, 4 of the counter. */
export type Stamp = string & { readonly __stamp: never }

export const stampBytes = 8

const maximumMs = 0xffff_ffff_ffff
const maximumCounter = 0xffff

function isStamp(text: string): text is Stamp {
  return /^[0-9a-f]{16}$/.test(text)
}

/** Parses the text form; throws `INVALID`. */
export function parseStamp(text: string): Stamp {
  if (!isStamp(text)) throw new VarveError('INVALID', `"${text}" is not a stamp: 16 lower-case hex digits expected`)
  return text
}

export function makeStamp(ms: number, counter: number): Stamp {
  if (!Number.isInteger(ms) || ms < 0 || ms > maximumMs || counter < 0 || counter > maximumCounter) {
    throw new VarveError(
      'INVALID',
      `The clock says ${ms}: a stamp needs whole milliseconds from 1970 to the year 10889`,
    )
  }
  return parseStamp(ms.toString(16).padStart(12, '0') + counter.toString(16).padStart(4, '0'))
}

export const zeroStamp: Stamp = makeStamp(0, 0)

/** Milliseconds since 1970 of a stamp. */
export function stampMs(stamp: Stamp): number {
  return Number.parseInt(stamp.slice(0, 12), 16)
}

/**
 * The next stamp of a clock that has seen `last` and whose wall clock says `now`: above both.
 * A full counter moves to the next millisecond rather than repeating a stamp.
 */
export function nextStamp(last: Stamp, now: number): Stamp {
  const lastMs = stampMs(last)
  if (now > lastMs) return makeStamp(now, 0)
  const counter = Number.parseInt(last.slice(12), 16)
  return counter < maximumCounter ? makeStamp(lastMs, counter + 1) : makeStamp(lastMs + 1, 0)
}

/** The later of two stamps. */
export function laterStamp(a: Stamp, b: Stamp): Stamp {
  return a > b ? a : b
}

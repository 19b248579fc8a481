/** Counts to read totals from: as stored, as of a record number, or with what is still pending. */

import type { BookedRule } from '../counters/book.ts'
import { needsDocuments, type CountedVersion } from '../counters/count.ts'
import { noValues, Sheet, type NamedValues } from '../counters/sheet.ts'
import { VarveError } from '../errors.ts'
import { countInto, withVersions } from '../replica/counters.ts'
import { pendingVersions } from '../replica/recorded-pending.ts'
import { recountUpTo } from '../replica/recount.ts'
import type { Replica } from '../replica/replica.ts'
import { noTotals, type TotalsState } from '../replica/state.ts'

export interface Counts {
  readonly totals: TotalsState
  readonly values: NamedValues
  readonly rules: readonly BookedRule[]
  /** Trusted time of the last record that is counted. */
  readonly now: number
}

export function countsNow({ state, counters }: Replica): Counts {
  return { totals: state.totals, values: counters, rules: counters.book.rules, now: state.record.at }
}

/** Right after a record number; −1 is before the first. Throws `NOT_FOUND`. */
export async function countsOfPast(replica: Replica, record: number): Promise<Counts> {
  const { state, counters, store } = replica
  if (!Number.isSafeInteger(record) || record < -1 || record >= state.record.length)
    throw new VarveError('NOT_FOUND', `There is no record ${record}: they go from 0 to ${state.record.length - 1}`)
  const { rules } = counters.book
  if (record < 0) return { totals: noTotals, values: noValues, rules, now: 0 }
  const { totals, sheet } = await recountUpTo(replica, record + 1, rules)
  const [last] = await store.receipts(record, 1)
  return { totals, values: sheet, rules, now: last?.at ?? 0 }
}

export async function countsWithPending(replica: Replica): Promise<Counts> {
  const { totals, values, rules, now } = countsNow(replica)
  const versions = await pendingVersions(
    replica,
    rules.some(({ rule }) => needsDocuments(rule)),
  )
  const sheet = new Sheet(values)
  await countInto(sheet, replica, replica.state, rules, versions)
  const last = versions.reduce((latest, { at }: CountedVersion) => Math.max(latest, at), now)
  return { totals: withVersions(totals, versions, totals.counted), values: sheet, rules, now: last }
}

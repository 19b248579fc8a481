/** The published conformance suite of the storage contract: every adapter, decorated or not, passes it. */

import { atomicCases } from './atomic.ts'
import { documentCases } from './documents.ts'
import { extremeCases } from './extremes.ts'
import { filterCases } from './filtered.ts'
import { casesOf, type Case, type StoreSuiteOptions } from './frame.ts'
import { indexCases } from './index-rows.ts'
import { lifecycleCases } from './lifecycle.ts'
import { logCases } from './log.ts'
import { markCases } from './marks.ts'
import { searchCases } from './search-rows.ts'
import { traitCases } from './traits.ts'
import { valueCases } from './values.ts'

const topics: readonly (readonly [string, (check: Case) => void])[] = [
  ['values', valueCases],
  ['log', logCases],
  ['documents', documentCases],
  ['filtered scans', filterCases],
  ['index rows', indexCases],
  ['search', searchCases],
  ['marks', markCases],
  ['atomicity', atomicCases],
  ['extremes', extremeCases],
  ['lifecycle', lifecycleCases],
  ['traits', traitCases],
]

/**
 * Adds the suite's tests through `test`. It reads `supports`: what an adapter does not claim is not
 * asked of it.
 */
export function storeSuite(options: StoreSuiteOptions): void {
  const check = casesOf(options)
  options.test.describe(`store contract: ${options.name}`, () => {
    for (const [topic, cases] of topics) {
      options.test.describe(topic, () => {
        cases(check)
      })
    }
  })
}

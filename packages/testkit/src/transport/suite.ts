/** The published conformance suite of the transport contract: every transport, over a real connection, passes it. */

import { breakingCases } from './breaking.ts'
import { closedCases, closingCases } from './closing.ts'
import { deliveryCases } from './delivery.ts'
import { casesOf, type TransportCase, type TransportSuiteOptions } from './frame.ts'
import { refusalCases } from './refusals.ts'

const topics: readonly (readonly [string, (check: TransportCase) => void])[] = [
  ['delivery', deliveryCases],
  ['closing', closingCases],
  ['closed', closedCases],
  ['breaking', breakingCases],
  ['refusals', refusalCases],
]

/** Adds the suite's tests through `test`, each in both directions. */
export function transportSuite(options: TransportSuiteOptions): void {
  const check = casesOf(options)
  options.test.describe(`transport contract: ${options.name}`, () => {
    for (const [topic, cases] of topics) {
      options.test.describe(topic, () => {
        cases(check)
      })
    }
  })
}

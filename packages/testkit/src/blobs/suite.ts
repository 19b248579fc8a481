/** The published conformance suite of object storage: every adapter, decorated or not, passes it. */

import { blobCasesOf, type BlobCase, type BlobSuiteOptions } from './frame.ts'
import { blobLifecycleCases } from './lifecycle.ts'
import { linkCases } from './links.ts'
import { listCases } from './lists.ts'
import { byteCases, objectCases } from './objects.ts'
import { raceCases } from './races.ts'

const topics: readonly (readonly [string, (check: BlobCase) => void])[] = [
  ['objects', objectCases],
  ['bytes', byteCases],
  ['lists', listCases],
  ['at once', raceCases],
  ['lifecycle', blobLifecycleCases],
  ['links', linkCases],
]

/**
 * Adds the suite's tests through `test`. It reads `supports`: what an adapter does not claim is not asked of it, beyond
 * that it says so.
 */
export function blobSuite(options: BlobSuiteOptions): void {
  const check = blobCasesOf(options)
  options.test.describe(`object storage contract: ${options.name}`, () => {
    for (const [topic, cases] of topics) {
      options.test.describe(topic, () => {
        cases(check)
      })
    }
  })
}

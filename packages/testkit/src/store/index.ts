/** `@varve/testkit/store`: the suite of the storage contract alone, for where Node is not. */

export { storeSuite } from './suite.ts'
export type { StoreSuiteOptions, TestFunctions } from './frame.ts'

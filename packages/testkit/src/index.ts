/** Conformance suites, models and faulty parts for testing what is built on Varve's contracts. */

export { FaultyDisk, type DiskFaults, type Random } from './disk/faulty-disk.ts'
export { arbitraryBatch, historyOf } from './store/arbitrary.ts'
export { faulty, type Fault } from './store/faulty.ts'
export type { StoreSuiteOptions, TestFunctions } from './store/frame.ts'
export * from './store/sample.ts'
export { answersOf, type Extent } from './store/snapshot.ts'
export { storeSuite } from './store/suite.ts'

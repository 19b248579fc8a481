/** Conformance suites, models and faulty parts for testing what is built on Varve's contracts. */

export { FaultyDisk, type DiskFaults, type Random } from './disk/faulty-disk.ts'
export {
  command,
  jsonValue,
  type Change,
  type Command,
  type Find,
  type Step,
  type Target,
  type Words,
} from './generators/commands.ts'
export * from './model/database.ts'
export { read as modelRead, type Json, type JsonMap } from './model/json.ts'
export * from './model/operations.ts'
export { arbitraryBatch, historyOf } from './store/arbitrary.ts'
export { faulty, type Fault } from './store/faulty.ts'
export type { StoreSuiteOptions, TestFunctions } from './store/frame.ts'
export * from './store/sample.ts'
export { answersOf, type Extent } from './store/snapshot.ts'
export { storeSuite } from './store/suite.ts'
export { stateHash, stateText, type StateHashOptions } from './store/state-hash.ts'
export { bareDevice, bareWorld, type BareDevice, type BareWorld } from './sim/device.ts'
export { SeededRandom } from './sim/random.ts'
export { runServers, type Plant } from './sim/servers/world.ts'
export { runWorld, type WorldResult } from './sim/world.ts'
export { frameOf, Listener, type TransportPair, type TransportSuiteOptions } from './transport/frame.ts'
export { transportSuite } from './transport/suite.ts'

/** Conformance suites, models and faulty parts for testing what is built on Varve's contracts. */

export { faultyBlobs, type BlobFault, type FaultyBlobsOptions } from './blobs/faulty-blobs.ts'
export type { BlobPlace, BlobSuiteOptions } from './blobs/frame.ts'
export { hostileBlobSuite, type HostileSuiteOptions } from './blobs/hostile.ts'
export { blobSuite } from './blobs/suite.ts'
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
export {
  type OnDisk,
  postgresProgram,
  startPostgres,
  type PostgresNode,
  type PostgresOptions,
  type RunningPostgres,
} from './servers/postgres.ts'
export { arbitraryBatch, historyOf } from './store/arbitrary.ts'
export { faulty, type Fault } from './store/faulty.ts'
export type { StoreSuiteOptions, TestFunctions } from './store/frame.ts'
export * from './store/sample.ts'
export { answersOf, type Extent } from './store/snapshot.ts'
export { storeSuite } from './store/suite.ts'
export { stateHash, stateText, type StateHashOptions } from './store/state-hash.ts'
export { azureProgram, startAzure, type RunningAzure } from './servers/azure.ts'
export { mongodbProgram, startMongodb, type MongodbOptions, type RunningMongodb } from './servers/mongodb.ts'
export { startMongodbMembers, type MongodbMember, type RunningMembers } from './servers/mongodb-members.ts'
export { FaultProxy, type ProxyOptions, type Towards, type Unaware } from './servers/proxy.ts'
export { SmallDisk, smallDiskProgram } from './servers/small-disk.ts'
export { s3Program, startS3, type RunningS3 } from './servers/s3.ts'
export { isTested } from './servers/tested.ts'
export { bareDevice, bareWorld, type BareDevice, type BareWorld } from './sim/device.ts'
export { SeededRandom } from './sim/random.ts'
export { runServers, type Plant } from './sim/servers/world.ts'
export { runWorld, type WorldResult } from './sim/world.ts'
export { frameOf, Listener, type TransportPair, type TransportSuiteOptions } from './transport/frame.ts'
export { transportSuite } from './transport/suite.ts'

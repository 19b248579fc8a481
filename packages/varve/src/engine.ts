/** What adapters, suites and tools build on: the storage contract, its rows, errors and encoding helpers. */

export { primitives } from './crypto/primitives.ts'
export { Database, replicaOf } from './database/database.ts'
export { decodeHead, headOv, type Head } from './document/head.ts'
export { fromBase64url, toBase64url } from './encoding/base64.ts'
export * from './encoding/bytes.ts'
export { encodeCbor, decodeCbor } from './encoding/cbor.ts'
export { bytesOf, listOf, textOf, wholeNumber } from './encoding/decode.ts'
export { makeStamp, nextStamp, parseStamp, stampMs, zeroStamp, type Stamp } from './encoding/stamp.ts'
export type { Env, Logger, LogLevel } from './env/env.ts'
export { systemEnv } from './env/system.ts'
export { errorCodes, isVarveError, VarveError, type ErrorCode, type VarveErrorOptions } from './errors.ts'
export { sealingKey } from './keys/derive.ts'
export { createIdentity, decodeIdentity, encodeIdentity, type DeviceIdentity } from './keys/identity.ts'
export { newKey } from './keys/key.ts'
export { assertLimit, limits } from './limits.ts'
export { decodeHeader, splitBodies, type CommitHeader } from './log/header.ts'
export { collectionTag, documentTag } from './log/tag.ts'
export type { Mode, ReplicaContext, SealKey } from './replica/context.ts'
export { summaryOf, unitsFor, type Summary } from './replica/exchange.ts'
export { ingest, type Ingested } from './replica/ingest.ts'
export { Replica } from './replica/replica.ts'
export { decodeState, stateName, type CollectionState, type ReplicaState } from './replica/state.ts'
export { verifyReplica } from './replica/verify.ts'
export { decorate, decorateStores, type Around, type StoreMethod } from './store/decorate.ts'
export type { Disk } from './store/disk.ts'
export { memory, type MemoryOptions } from './store/memory.ts'
export { checkFileName, checkPageKey, checkStoreName, smallFiles } from './store/names.ts'
export { readOnly } from './store/read-only.ts'
export { retry, type RetryOptions } from './store/retry.ts'
export * from './store/rows.ts'
export type * from './store/store.ts'
export { Epochs } from './directory/epochs.ts'
export { Succession } from './directory/succession.ts'
export {
  acceptAppointment,
  decodeAppointment,
  encodeAppointment,
  signAppointment,
  type Appointment,
  type Epoch,
  type HandOver,
} from './log/appointment.ts'
export { decodeUnit } from './log/unit.ts'
export { Outgoing } from './replica/outgoing.ts'
export { comparePositions, positionOf, type FeedPosition, type Position } from './replica/position.ts'
export { recordPending, releaseHeld } from './replica/ingest.ts'
export type { Access, Admission, SyncHost } from './sync/host.ts'
export { Standing } from './directory/standing.ts'
export type { Level } from './log/header.ts'
export type { Device } from './replica/context.ts'
export { checkpointKey, originOf, parseCheckpoint, verifyCheckpoint, type Checkpoint } from './log/checkpoint.ts'
export { verifierKey, type NoteKey } from './log/note.ts'
export { parseProof, verifyProof, type Proven, type RecordProof } from './log/proof.ts'
export { verifyConsistency, verifyInclusion, type Inclusion, type TreeHead } from './log/tree.ts'
export { auditRecord, type Audit, type AuditProblem, type CheckpointClaim } from './replica/audit.ts'
export { keepCheckpoint, keptCheckpoint, type SignedCheckpoint } from './replica/kept.ts'
export { recordTree, type RecordTree } from './replica/tree.ts'
export type { Moment } from './directory/members.ts'
export { decodeRegistration, type Registration } from './directory/registration.ts'
export { directoryCollections, type Rules, type StandingParts } from './directory/standing.ts'
export {
  createInvitation,
  formatInvitation,
  openRequest,
  openResponse,
  parseInvitation,
  sealRequest,
  sealResponse,
  type Invitation,
} from './keys/invitation.ts'
export { levels, type StandingChange } from './log/header.ts'
export type { ByteSource, FetchLike } from './platform/fetch.ts'
export type { MakeWebSocket, WebSocketLike } from './platform/websocket.ts'
export { byteStreamTransport, nodeDuplex, type ByteDuplex } from './sync/transports/byte-stream.ts'
export { chunksOf } from './sync/transports/chunks.ts'
export { createConnector, type ConnectorOptions } from './sync/transports/connect.ts'
export { encodeFrames, endOfFrames, FrameDecoder, keepAlive } from './sync/transports/frame-decoder.ts'
export { openHttpStream, sequenceHeader, sessionHeader, streamPath } from './sync/transports/http-stream.ts'
export { messagePortTransport, type MessagePortLike } from './sync/transports/message-port.ts'
export { pipe, type PipeOptions } from './sync/transports/pipe.ts'
export type * from './sync/transports/transport.ts'
export { openWebSocket, subprotocol, webSocketTransport } from './sync/transports/websocket.ts'
export { offline, WireTransport, type Sink, type TransportOptions, type Wire } from './sync/transports/wire.ts'
export { backoffMs } from './connection/backoff.ts'
export { SyncDriver, type DriverOptions } from './sync/driver.ts'
export type { DriverEvent } from './sync/driver-events.ts'
export { decodeReceipt } from './log/receipt.ts'
export { decodeFrame } from './sync/decode-frame.ts'
export { encodeFrame, errorFrame, frameTypes, type Frame, type FrameOf } from './sync/frames.ts'
export { authMessage, syncVersions, type AuthContext, type Role } from './sync/handshake.ts'
export { SyncMachine, type ChannelWork, type SyncOptions } from './sync/machine.ts'
export type { Output, SyncEvent, Work } from './sync/outputs.ts'

/** Varve: a document database that keeps every layer. The public API. */

export {
  createJoinRequest,
  createTenant,
  joinTenant,
  openTenant,
  type JoinOptions,
  type StoreOptions,
} from './tenant/open.ts'
export type { Tenant } from './tenant/tenant.ts'
export { openView, type View, type ViewOptions } from './tenant/open-view.ts'
export type { Visible } from './tenant/build-view.ts'
export type { ViewTenant } from './tenant/view-home.ts'
export type { CsvOptions } from './view/csv.ts'
export type { OriginFilter } from './view/lookup.ts'
export type { CategoryPath, Navigator } from './view/navigator.ts'
export type { TableOptions } from './view/table.ts'
export type {
  CategoryRow,
  ColumnTotals,
  DocumentRow,
  Expression,
  RowOrigin,
  RowRange,
  TotalName,
  ViewCategory,
  ViewColumn,
  ViewDefinition,
  ViewRow,
  ViewSort,
  ViewSource,
  ViewTotals,
} from './view/types.ts'
export type { DatabaseInfo } from './home/catalogue.ts'
export type { ApproveOptions, Directory } from './home/directory.ts'
export type { WipePolicy } from './home/own-standing.ts'
export type { Device, User } from './home/people.ts'
export type { Keyring } from './home/keyring.ts'
export type { Database } from './database/database.ts'
export {
  combineTotals,
  type Counters,
  type CountersReport,
  type TotalsOptions,
  type TotalsSource,
} from './database/counters.ts'
export type {
  BucketFigures,
  BucketUnit,
  CounterMeasure,
  CounterOperation,
  CounterRule,
  CounterTotals,
  Measured,
  RuleFigures,
  RuleTotals,
  Statistic,
} from './counters/types.ts'
export type { Collection } from './database/collection.ts'
export type { TextOptions } from './database/open-text.ts'
export type { SharedText, TextChange, TextEnd, TextEvents, TextStep } from './database/shared-text.ts'
export type { TextDifference } from './text/delta.ts'
export type { TextAwareness } from './database/text-awareness.ts'
export type { Staged, Transaction, TransactionCollection } from './database/transaction.ts'
export type { CollectionView, DatabaseView } from './database/view.ts'
export type { Hit, HitPage, Page, Query } from './database/query.ts'
export type { Live } from './database/watch.ts'
export type { PruneOptions } from './database/prune.ts'
export type { PruneReport } from './replica/prune-batch.ts'
export type { RestoreAllOptions, RestoreAllProgress, RestoreAllReport, RestorePoint } from './database/restore-all.ts'
export type {
  Cancellable,
  Change,
  ChangesOptions,
  CollectionOptions,
  CommitInfo,
  Conflict,
  ConflictSide,
  CreateOptions,
  DatabaseStats,
  DeepPartial,
  EnrichOptions,
  IndexDeclaration,
  Patch,
  SyncReport,
  UpdateOperators,
  VerifyProblem,
  VerifyReport,
  Version,
  WriteOptions,
  WriteReceipt,
  Written,
} from './database/types.ts'
export { Connection } from './connection/connection.ts'
export type { ConnectOptions } from './connection/connections.ts'
export { joinByInvitation, type InvitedOptions } from './tenant/join-by-invitation.ts'
export type { AnswerOptions, Answers, Approved, TurnedDown } from './invitations/answer-invitations.ts'
export type { AuditOptions, AuditReport, DatabaseAudit } from './audit/audit.ts'
export type { AuditProblem } from './replica/audit.ts'
export type { InviteOptions, OpenInvitation } from './invitations/invite.ts'
export type { KnownNode } from './home/known-node.ts'
export type { NodeAccess } from './node/parts.ts'
export { checkProof, type CommitProof, type Provable, type ProvenCommit } from './audit/prove.ts'
export type { Published, PublishOptions } from './node/publish.ts'
export type { AttachmentsStatus, DatabaseStatus, TenantStatus } from './tenant/status.ts'
export type { ConnectionEvents, ConnectionStatus } from './connection/listeners.ts'
export type { RefusedWrite } from './database/refused.ts'
export { modeOf, type Mode } from './log/database-id.ts'
export type { Difference } from './document/diff.ts'
export type { Doc, System } from './document/head.ts'
export type { EntryKind, Level } from './log/header.ts'
export type { JsonObject, JsonValue } from './encoding/json.ts'
export type { Group, Total } from './query/group.ts'
export type { Filter, Operators, QueryPlan, Sort } from './query/types.ts'
export type { Declared } from './database/declared.ts'
export type { Duplicate } from './database/duplicates.ts'
export type { EntityMapping, SavedEntities, SavedEntity } from './database/entities.ts'
export type { Extractor, SearchOptions } from './search/fields.ts'
export type { Highlight } from './search/highlight.ts'
export type { Env, Logger, LogLevel } from './env/env.ts'
export { systemEnv } from './env/system.ts'
export { byteStreamTransport, nodeDuplex, type ByteDuplex } from './sync/transports/byte-stream.ts'
export { createConnector, type ConnectorOptions } from './sync/transports/connect.ts'
export { messagePortTransport, type MessagePortLike } from './sync/transports/message-port.ts'
export { pipe } from './sync/transports/pipe.ts'
export type { Connector, Transport } from './sync/transports/transport.ts'
export { Attachment, type FileRange } from './attachments/attachment.ts'
export type { FileContent } from './attachments/cut.ts'
export type { Collected } from './attachments/collect.ts'
export type { UploadStatus } from './attachments/uploads.ts'
export type { Attachments, CollectOptions, FileOptions } from './tenant/attachments.ts'
export type { AttachmentOptions, AttachOptions } from './database/attach.ts'
export type { StoredFile } from './database/named-files.ts'
export type { FileToStore } from './database/storing.ts'
export type { FileInfo } from './document/file.ts'
export type { Layers } from './tenant/layers.ts'
export { sinkingStores, type SinkingStores, type SinkingStoresOptions } from './sinking/stores.ts'
export type { Sinker, SinkState, SinkSums } from './sinking/sinker.ts'
export { SinkingShare, type SinkingShareOptions } from './sinking/share.ts'
export type { SinkOptions } from './sinking/window.ts'
export { memoryBlobs } from './blobs/memory-blobs.ts'
export type { BlobStore } from './blobs/blob-store.ts'
export { memory } from './store/memory.ts'
export type { StoreProvider } from './store/store.ts'
export { errorCodes, isVarveError, VarveError, type ErrorCode, type VarveErrorOptions } from './errors.ts'
export { limits } from './limits.ts'

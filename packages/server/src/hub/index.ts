/** The hub: many tenants, tiers and engines in one process. */

export { openHub, type Hub, type HubOptions, type Whose } from './hub.ts'
export { parseHubConfig, readHubConfig } from './config/config.ts'
export type { ConfigProblem } from './config/object.ts'
export type { DatabaseType, HubConfig } from './config/types.ts'
export type { HealthOptions, HubAdmin, HubHealth, HubStats, MoveOptions, Rebalancing } from './admin.ts'
export type { HubAttachment } from './collection/hub-attachment.ts'
export type { HubCollection } from './collection/hub-collection.ts'
export type { HubEntityMapping, RecordWithEntities, SavedWithEntities } from './collection/entities.ts'
export type { HubQuery } from './collection/hub-query.ts'
export type { SpaceHealth } from './connections/spaces.ts'
export type { ConnectionHealth, ConnectionStats } from './connections/connections.ts'
export type { PoolFigures, StoreEngine } from './connections/engine.ts'
export type { HubDeadLetter } from './dead-letters.ts'
export type { Base64Content, LinkOptions, ReadOptions } from './collection/base64/read.ts'
export type { ContentDeadLetter } from './kept/kept-letters.ts'
export type { KeptStats } from './kept/kept-places.ts'
export type { HubLayers, LayerState, OfTenant, Segment, SinkDeadLetter, WrongSegment } from './layers.ts'
export type { RenderedMetrics } from './metrics.ts'
export type { CheckedPlacement } from './check.ts'
export type { Migrated } from './migrate.ts'
export type { SinkingStats } from '../sinking/sunk-stores.ts'
export { openEngine, type OpenEngine } from './connections/engines.ts'
export type { HubContext, HubPlace, Tier } from './context.ts'
export type { HubCounters, TotalsQuery } from './counters.ts'
export type {
  Identities,
  IdentityAccount,
  IdentityAuthentication,
  IdentityPermission,
  IdentityRole,
  IdentityUser,
} from './identities.ts'
export type { Knowledge, KnowledgeOptions } from './knowledge.ts'
export type { HubLogLevel, LogEntry, LogLine, Logs } from './logs.ts'
export type { Messaging, TopicOptions } from './messaging/messaging.ts'
export type { Snapshots } from './messaging/snapshots.ts'
export type {
  DeadLetter,
  Delivery,
  Message,
  PublishOptions,
  ReceiveOptions,
  Snapshot,
  Topic,
} from './messaging/types.ts'
export type { MoveFigures, MoveLimits, MoveReport, MoveTarget } from './move/moves.ts'
export { hashOf, jump, jumpPlace, rendezvous } from './placement/hash.ts'
export type { GivenPlacements, HubTenants, TenantInfo } from './tenants.ts'

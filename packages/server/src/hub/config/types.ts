/** What a hub's configuration says, once it was read and checked; `docs/hub.md` gives meaning and default of every key. */

import type { CounterRule, SinkOptions } from 'varve'

export const databaseTypes = ['metadata', 'knowledge', 'runtime', 'logs', 'messaging', 'identities'] as const
export type DatabaseType = (typeof databaseTypes)[number]

/** Types that may be one database for all. */
export const flatTypes = ['logs', 'messaging', 'identities'] as const

export type DbConnection =
  | { readonly kind: 'memory'; readonly url: string }
  | { readonly kind: 'sqlite'; readonly url: string; readonly dir: string }
  | {
      readonly kind: 'postgres'
      readonly url: string
      /** Other servers of which one may take over. */
      readonly standbys: readonly string[]
      readonly maxConnections: number | null
    }
  | {
      readonly kind: 'mongodb'
      readonly url: string
      readonly maxConnections: number | null
      /** Present documents in collections of their own, for other tools. */
      readonly heads: boolean
    }

export interface SpacesConnection {
  readonly kind: 's3' | 'azure'
  readonly endpoint: string
  readonly region?: string | undefined
  /** For Azure the name of the account. */
  readonly accessKey?: string | undefined
  readonly secretKey?: string | undefined
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`; true unless said otherwise. */
  readonly forcePathStyle?: boolean | undefined
}

/** Where payloads of a placement go. */
export interface SpacePlace {
  readonly spaceConnRef: string
  readonly bucket: string
}

/** Where the data of one database type, tier, and tenant or domain lives. */
export interface PlacementConfig {
  /** At least one; of several, one is chosen by hash. */
  readonly dbConnRefs: readonly string[]
  readonly dbName: string
  readonly space: SpacePlace | null
}

export interface DatabaseConfig {
  readonly generic: PlacementConfig | null
  readonly domains: ReadonlyMap<string, PlacementConfig>
  readonly tenants: ReadonlyMap<string, PlacementConfig>
  /** For tenants added at run time. */
  readonly defaults: TenantDefaults | null
  /** One database for all: contexts have no tier. */
  readonly flat: boolean
}

export interface TenantDefaults {
  readonly dbConnRefs: readonly string[]
  readonly dbNamePrefix: string
  readonly space: SpacePlace | null
}

export const routingFields = ['databaseType', 'tier', 'tenantId', 'domain'] as const
export type RoutingField = (typeof routingFields)[number]

export interface Routing {
  readonly hashAlgo: 'rendezvous' | 'jump'
  /** Null for the whole placement. */
  readonly chooseKey: readonly RoutingField[] | null
}

export interface CollectionMap {
  /** Empty: every top-level attribute with a plain value. */
  readonly indexedProps: readonly string[]
  readonly requiredIndexed: readonly string[]
  readonly base64Props: ReadonlyMap<string, Base64Prop>
}

export interface Base64Prop {
  readonly contentType: string
  readonly preferredText?: boolean | undefined
  readonly textCharset?: string | undefined
}

export interface Retention {
  readonly ver: { readonly days?: number | undefined; readonly maxPerItem?: number | undefined }
  readonly counters: {
    readonly days?: number | undefined
    readonly weeks?: number | undefined
    readonly months?: number | undefined
  }
}

export interface WriteOptimization {
  readonly batchSize?: number | undefined
  readonly debounceMs?: number | undefined
  readonly compressionEnabled?: boolean | undefined
}

export interface Fallback {
  readonly enabled: boolean
  readonly maxRetries?: number | undefined
  readonly retryDelayMs?: number | undefined
  readonly maxDelayMs?: number | undefined
  readonly deadLetterCollection?: string | undefined
}

export interface DevShadow {
  readonly enabled: boolean
  readonly ttlHours?: number | undefined
  readonly maxBytesPerDoc?: number | undefined
}

/** Where the hub keeps what it must remember itself. */
export interface OwnPlace {
  readonly dbConnRef: string
  readonly dbName: string
}

/** How the processes of one hub reach each other. */
export interface ClusterConfig {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** URL of this process for the others; null for host and port. */
  readonly address: string | null
  /** What proves that a process belongs to the hub. */
  readonly secret: string
  /** Milliseconds after which others may take over what a process held that died. */
  readonly leaseMs: number
}

export interface HubConfig {
  readonly dbConnections: ReadonlyMap<string, DbConnection>
  readonly spacesConnections: ReadonlyMap<string, SpacesConnection>
  /** Folder that takes the place of object storage; null when it does not. */
  readonly localStorage: string | null
  readonly databases: ReadonlyMap<DatabaseType, DatabaseConfig>
  readonly routing: Routing
  readonly retention: Retention
  readonly collectionMaps: ReadonlyMap<string, CollectionMap>
  readonly counterRules: readonly CounterRule[]
  readonly writeOptimization: WriteOptimization
  readonly fallback: Fallback
  readonly devShadow: DevShadow
  /** What leaves databases for object storage, where there is any; null for nothing. */
  readonly sink: SinkOptions | null
  /** Null when nothing says where. */
  readonly own: OwnPlace | null
  readonly openPlacements: number
  readonly idleMs: number
  /** Null for a hub of one process. */
  readonly cluster: ClusterConfig | null
}

/** What the HTTP side asks of its neighbours: the tenants a node keeps, and the entry of the sync protocol. */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Env, FeedEnd, Level, StoreProvider } from 'varve/engine'
import type { Disposals } from './chunks/disposals.ts'
import type { ChunkShelf } from './chunks/shelf.ts'

export type { Level }

/** Plain numbers about all tenants together, for metrics and the status page. */
export interface NodeStats {
  readonly tenants: number
  readonly databases: number
  /** Sync connections that are open now. */
  readonly connections: number
  /** Receipts this node has given since it was started. */
  readonly recorded: number
}

/**
 * The tenants of one node. Tenants, databases and records are named as in URLs: ids of 16 bytes in
 * lower-case hex. Every method fails with `NOT_FOUND` for a tenant or database that is not here.
 */
export interface ServedTenants {
  /** The node's own identity: an Ed25519 public key of 32 bytes. */
  readonly publicKey: Uint8Array
  /** Takes a tenant in, by the bytes its founder signed; idempotent. `INVALID` when they are none. */
  register(registration: Uint8Array): Promise<{ readonly tenant: string; readonly created: boolean }>
  /** Appoints this node: verified, countersigned, stored; idempotent. Gives the countersigned bytes. */
  appoint(tenant: string, appointment: Uint8Array): Promise<Uint8Array>
  /** All appointments of a tenant, oldest first. */
  appointments(tenant: string): Promise<readonly Uint8Array[]>
  /** What a device, named by its public key, is to the tenant now; null when it is unknown. */
  level(tenant: string, device: Uint8Array): Promise<Level | null>
  /** The signed checkpoint of a record, as text. */
  checkpoint(tenant: string, database: string): Promise<string>
  /** The text bundle that proves record number `record` in a record of `size` receipts. */
  inclusion(tenant: string, database: string, record: number, size: number): Promise<string>
  /** The hashes that prove that a record of `to` receipts continues the one of `from`. */
  consistency(tenant: string, database: string, from: number, to: number): Promise<readonly Uint8Array[]>
  /** Record number of a commit id (32 bytes); null when it is not recorded here. */
  commitRecord(tenant: string, database: string, commit: Uint8Array): Promise<number | null>
  /** Ids of the databases of a tenant that are here. */
  databases(tenant: string): Promise<readonly string[]>
  /** How far the feeds of a database go here. */
  feeds(tenant: string, database: string): Promise<readonly FeedEnd[]>
  /** Calls `listener` when a device gains, changes or loses its standing; returns a function that ends it. */
  onLevel(listener: (tenant: string, device: Uint8Array, level: Level | null) => void): () => void
  stats(): NodeStats
  /** True when the node can serve: stores open, disk writable. */
  ready(): Promise<boolean>
  /** Idempotent; waits for the writes under way. */
  close(): Promise<void>
}

/** What a sync connection counts; shown at `/metrics`. */
export interface SyncMeter {
  /** A connection was opened; the returned function says, once, that it ended. */
  connected(transport: 'websocket' | 'stream'): () => void
  /** A frame of `bytes` crossed the wire. */
  frame(direction: 'in' | 'out', bytes: number): void
  units(direction: 'in' | 'out', count: number): void
  recorded(count: number): void
  /** A commit was refused with this error code. */
  refused(code: string): void
}

/** What the server hands to those who build on it. */
export interface ServerParts {
  /** Data folder of this node. */
  readonly dir: string
  /** Origins of web pages, other than this server's own, that may connect from a browser. */
  readonly origins: readonly string[]
  /** The engine's environment; `log` goes to the server's log. */
  readonly env: Env
  readonly meter: SyncMeter
  /**
   * Counts a connection of a tenant, once its tenant is known; the returned function, called once,
   * frees the place. Throws `RATE_LIMITED` when the tenant has as many as the limits allow.
   */
  readonly admitTenant: (tenant: string) => () => void
  /** The same stores, whose old payloads sink to the server's object storage and are read from there. */
  readonly layered: (provider: StoreProvider) => StoreProvider
  /** Where chunks of attachments are kept. */
  readonly chunks: ChunkShelf
  readonly disposals: Disposals
}

/** The sync protocol at its two doors. Both sides of a connection are its business, refusals too. */
export interface SyncEntry {
  /** A WebSocket upgrade of `/v1/sync`, within the limits of its address; owns the socket from here on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void
  /** Any request to `/v1/sync/stream`. Its body must end within the limit `requestMs`; the response may go on. */
  stream(request: Request): Promise<Response>
  /** Ends every connection in order; idempotent. */
  close(): Promise<void>
}

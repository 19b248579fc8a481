/** The Varve server: many tenants behind one HTTP entry, without a key of any sealed database. */

export { parseMirrorFile, type MirrorFile } from './mirror-file.ts'
export { createNode, type Node, type NodeOptions } from './serve.ts'
export { createServer, type Server } from './server.ts'
export type { BlobsConfig } from './config-storage.ts'
export { parseConfig, type LogLevelName, type Publish, type ServerConfig } from './config.ts'
export type { NodeStats, Level, ServerParts, SyncEntry, SyncMeter, ServedTenants } from './contract.ts'
export type { ServerLimits } from './limits.ts'
export type { LogOptions } from './observe/log.ts'
export type { ServerOptions } from './settings.ts'

/** The options of a server with every default filled in, and checked like the configuration file. */

import { join } from 'node:path'
import type { BlobStore, StoreProvider, Env, SinkOptions } from 'varve/engine'
import { systemEnv, VarveError } from 'varve/engine'
import { readBlobs, readSink, type BlobsConfig } from './config-storage.ts'
import { readLimits, readOrigin, readPublish, type Publish, type ServerConfig } from './config.ts'
import type { ServerParts, SyncEntry, ServedTenants } from './contract.ts'
import { listOf, text, whole } from './decode.ts'
import { defaultLimits, type ServerLimits } from './limits.ts'
import type { LogOptions } from './observe/log.ts'

/** What `createServer` takes: the names of the configuration file, and what only a program can give. */
export interface ServerOptions extends Omit<ServerConfig, 'log' | 'dir' | 'blobs'> {
  /** Data folder; created, for its owner only, when absent. */
  readonly dir: string
  readonly log?: LogOptions | undefined
  /** Clock, randomness and timers; those of the system otherwise. */
  readonly env?: Env | undefined
  /** Where sessions, invitations and the publish token are kept; SQLite in `dir` otherwise. */
  readonly stores?: StoreProvider | undefined
  /**
   * Where chunks of attachments, and what sinks, are kept; the folder `blobs` in `dir` otherwise. What a program opened
   * itself is not closed with the server.
   */
  readonly blobs?: BlobStore | BlobsConfig | undefined
  /** Opens the tenants of this node. */
  readonly tenants: (parts: ServerParts) => Promise<ServedTenants>
  /** Makes the entry of the sync protocol; without one `/v1/sync` is not found. */
  readonly sync?: ((parts: ServerParts, tenants: ServedTenants) => SyncEntry) | undefined
}

export interface Settings {
  readonly dir: string
  readonly host: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | null
  readonly trustProxy: boolean | readonly string[]
  /** Null: open where only this machine can reach the server, else with the token kept in the data folder. */
  readonly publish: Publish | null
  readonly origins: readonly string[]
  readonly blobs: BlobStore | BlobsConfig
  /** Null when nothing sinks by itself. */
  readonly sink: SinkOptions | null
  readonly limits: ServerLimits
  readonly log: LogOptions
  readonly env: Env
}

/** Throws `INVALID` naming the option. */
export function settingsOf(options: ServerOptions): Settings {
  const limits = { ...defaultLimits, ...readLimits(options.limits ?? {}, 'limits') }
  if (limits.headersMs > limits.requestMs) {
    throw new VarveError('INVALID', '"limits.headersMs" should not be above "limits.requestMs"', {
      details: { path: 'limits.headersMs' },
    })
  }
  const dir = text(options.dir, 'dir')
  return {
    dir,
    host: options.host === undefined ? '127.0.0.1' : text(options.host, 'host'),
    port: options.port === undefined ? 7400 : whole(0, 65_535)(options.port, 'port'),
    tls: options.tls ?? null,
    trustProxy: options.trustProxy ?? false,
    publish: options.publish === undefined ? null : readPublish(options.publish, 'publish'),
    origins: listOf(readOrigin)(options.origins ?? [], 'origins'),
    blobs: blobsOf(options.blobs, dir),
    sink: options.sink === undefined ? null : readSink(options.sink, 'sink'),
    limits,
    log: options.log ?? {},
    env: options.env ?? systemEnv(),
  }
}

function blobsOf(given: BlobStore | BlobsConfig | undefined, dir: string): BlobStore | BlobsConfig {
  if (given === undefined) return { kind: 'fs', dir: join(dir, 'blobs') }
  return 'kind' in given ? readBlobs(given, 'blobs') : given
}

/** True when only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

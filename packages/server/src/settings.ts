/** The options of a server with every default filled in, and checked like the configuration file. */

import type { StoreProvider, Env } from 'varve/engine'
import { systemEnv, VarveError } from 'varve/engine'
import { readLimits, readOrigin, readPublish, type Publish, type ServerConfig } from './config.ts'
import type { ServerParts, SyncEntry, TenantHub } from './contract.ts'
import { listOf, text, whole } from './decode.ts'
import { defaultLimits, type ServerLimits } from './limits.ts'
import type { LogOptions } from './observe/log.ts'

/** What `createServer` takes: the names of the configuration file, and what only a program can give. */
export interface ServerOptions extends Omit<ServerConfig, 'log' | 'dir'> {
  /** Data folder; created, for its owner only, when absent. */
  readonly dir: string
  readonly log?: LogOptions | undefined
  /** Clock, randomness and timers; those of the system otherwise. */
  readonly env?: Env | undefined
  /** Where sessions, invitations and the publish token are kept; SQLite in `dir` otherwise. */
  readonly stores?: StoreProvider | undefined
  /** Opens the tenants of this node. */
  readonly hub: (parts: ServerParts) => Promise<TenantHub>
  /** Makes the entry of the sync protocol; without one `/v1/sync` is not found. */
  readonly sync?: ((parts: ServerParts, hub: TenantHub) => SyncEntry) | undefined
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
  return {
    dir: text(options.dir, 'dir'),
    host: options.host === undefined ? '127.0.0.1' : text(options.host, 'host'),
    port: options.port === undefined ? 7400 : whole(0, 65_535)(options.port, 'port'),
    tls: options.tls ?? null,
    trustProxy: options.trustProxy ?? false,
    publish: options.publish === undefined ? null : readPublish(options.publish, 'publish'),
    origins: listOf(readOrigin)(options.origins ?? [], 'origins'),
    limits,
    log: options.log ?? {},
    env: options.env ?? systemEnv(),
  }
}

/** True when only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

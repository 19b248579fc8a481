/** Hubs over each engine, and the configurations of the Chronos document with its connections led to an engine at hand. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemEnv } from 'varve/engine'
import { openEngine, openHub, type Hub, type HubOptions, type OpenEngine, type StoreEngine } from '../src/hub/index.ts'

/** One place per name; the same name is the same place. */
export interface HubEngine {
  readonly name: string
  url(name: string): string
}

const cleanups: (() => Promise<void> | void)[] = []

/** Call in `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
}

export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'varve-hub-'))
  cleanups.push(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

export function memoryEngine(): HubEngine {
  return { name: 'memory', url: (name) => `memory:${name}` }
}

export function sqliteEngine(): HubEngine {
  const dir = temporaryFolder()
  return { name: 'sqlite', url: (name) => `sqlite:${join(dir, name)}` }
}

/** Engines that keep what they hold when a hub is closed. */
export const lastingEngines: readonly (readonly [string, () => HubEngine])[] = [['sqlite', sqliteEngine]]

/** Engines that every example runs on. */
export const engines: readonly (readonly [string, () => HubEngine])[] = [['memory', memoryEngine], ...lastingEngines]

export async function startHub(config: unknown, options: HubOptions = {}): Promise<Hub> {
  const hub = await openHub(config, options)
  cleanups.push(() => hub.admin.shutdown())
  return hub
}

/** Engines that outlive a hub, one for each URL, so that memory survives it being opened again. */
export function keptEngines(): OpenEngine {
  const kept = new Map<string, Promise<StoreEngine>>()
  return async (connection, ...rest) => {
    const opening = kept.get(connection.url) ?? openEngine(connection, ...rest)
    kept.set(connection.url, opening)
    const engine = await opening
    return {
      provider: (name) => engine.provider(name),
      check: () => engine.check(),
      close: () => Promise.resolve(),
    }
  }
}

/** A clock that is set by the test, and engines that outlive a hub. */
export function clock(): HubOptions & { advance(ms: number): void } {
  let ahead = 0
  return {
    env: systemEnv({ now: () => Date.now() + ahead }),
    openEngine: keptEngines(),
    advance: (ms) => {
      ahead += ms
    },
  }
}

export function connections(engine: HubEngine, ...names: readonly string[]): Record<string, { readonly url: string }> {
  return Object.fromEntries(names.map((name) => [name, { url: engine.url(name) }]))
}

const space = { spaceConnRef: 's3-primary' }

/** The quick start of the Chronos document. `tenantDefaults` is what Varve needs to let `tenant-b` in. */
export function quickStart(engine: HubEngine): Record<string, unknown> {
  const primary = { dbConnRef: 'mongo-primary', ...space }
  return {
    dbConnections: connections(engine, 'mongo-primary', 'mongo-analytics'),
    spacesConnections: {
      's3-primary': {
        endpoint: 'https://s3.amazonaws.com',
        region: 'us-east-1',
        accessKey: 'key',
        secretKey: 'secret',
      },
    },
    databases: {
      metadata: {
        genericDatabase: { ...primary, bucket: 'chronos-metadata', dbName: 'chronos_metadata_generic' },
        domainsDatabases: [
          {
            domain: 'healthcare',
            ...primary,
            bucket: 'chronos-metadata-healthcare',
            dbName: 'chronos_metadata_healthcare',
          },
        ],
        tenantDatabases: [
          {
            tenantId: 'tenant-a',
            ...primary,
            bucket: 'chronos-metadata-tenant-a',
            dbName: 'chronos_metadata_tenant_a',
          },
        ],
      },
      knowledge: {
        genericDatabase: { ...primary, bucket: 'chronos-knowledge', dbName: 'chronos_knowledge_generic' },
        domainsDatabases: [],
        tenantDatabases: [],
      },
      runtime: {
        tenantDatabases: [
          {
            tenantId: 'tenant-a',
            ...primary,
            bucket: 'chronos-runtime-tenant-a',
            dbName: 'chronos_runtime_tenant_a',
            analyticsDbName: 'chronos_analytics_tenant_a',
          },
        ],
        tenantDefaults: { ...primary, bucket: 'chronos-runtime', dbNamePrefix: 'chronos_runtime_' },
      },
      logs: { ...primary, bucket: 'chronos-logs', dbName: 'chronos_logs' },
    },
    routing: { hashAlgo: 'rendezvous' },
    retention: { ver: { days: 90 }, counters: { days: 30 } },
    collectionMaps: {
      users: { indexedProps: ['email', 'tenantId'] },
      orders: { indexedProps: ['orderId', 'customerId', 'tenantId'] },
    },
    logicalDelete: { enabled: true },
    versioning: { enabled: true },
    transactions: { enabled: true },
    writeOptimization: { batchSize: 1000, debounceMs: 100 },
    fallback: { enabled: true, maxRetries: 3 },
  }
}

export const runtimeOf = (tenantId: string, collection: string) =>
  ({ databaseType: 'runtime', tier: 'tenant', tenantId, collection }) as const

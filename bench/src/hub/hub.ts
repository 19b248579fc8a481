/** Hubs for one workload: tenants over one connection, whose old payloads sink into a folder. */

import { openHub, type Hub, type HubCollection } from '@varve/server/hub'
import { systemEnv, type Env } from 'varve/engine'
import type { PackageRecord } from '../data.ts'

export interface HubShape {
  readonly url: string
  /** Takes the place of object storage. */
  readonly folder: string
  readonly tenants: readonly string[]
  readonly openPlacements?: number
}

/** Small enough that payloads sink while a workload runs. */
const sink = { keepCommits: 100, segmentBytes: 256 * 1024 }

/** A configuration, as in a JSON file. */
function configOf({ url, folder, tenants, openPlacements = 100 }: HubShape): unknown {
  const place = { dbConnRef: 'main', spaceConnRef: 'space', bucket: 'payloads' }
  const tenantDatabases = tenants.map((tenantId) => ({ ...place, tenantId, dbName: `runtime_${tenantId}` }))
  return {
    dbConnections: { main: { url } },
    spacesConnections: { space: { endpoint: 'http://127.0.0.1:1', accessKey: 'none', secretKey: 'none' } },
    localStorage: { enabled: true, basePath: folder },
    databases: { runtime: { tenantDatabases } },
    collectionMaps: { packages: { indexedProps: ['section'] }, sizes: { indexedProps: ['installedSize'] } },
    sink,
    hub: { openPlacements },
  }
}

/** The rounds that a hub makes every minute come every second here, so that a short run meets them too. */
function hurried(env: Env): Env {
  return { ...env, timer: (run, ms) => env.timer(run, ms >= 20_000 ? ms / 60 : ms) }
}

export function startHub(shape: HubShape): Promise<Hub> {
  return openHub(configOf(shape), { env: hurried(systemEnv()) })
}

export function collectionOf(hub: Hub, tenantId: string, collection: string): HubCollection<PackageRecord> {
  return hub.with<PackageRecord>({ databaseType: 'runtime', tier: 'tenant', tenantId, collection })
}

/** The configuration of each process of the hub: every engine, object storage, and layers that sink as soon as they can. */

import { join } from 'node:path'
import type { Backends } from './backends.ts'
import { leaseMs } from './engines.ts'
import { customers, people, type EngineName } from './names.ts'

export interface HubConfigParts {
  /** Of the process. */
  readonly number: number
  /** Where the other process reaches it, when they share tenants. */
  readonly port: number
  readonly dir: string
  readonly engines: readonly EngineName[]
  readonly isShared: boolean
  readonly backends: Backends
}

export function hubConfig(parts: HubConfigParts): unknown {
  const { number, port, engines, isShared, backends } = parts
  const { s3 } = backends
  return {
    dbConnections: Object.fromEntries(engines.map((engine) => [engine, { url: urlOf(engine, parts) }])),
    spacesConnections: {
      s3: { endpoint: s3.url(number), region: s3.region, accessKey: s3.accessKey, secretKey: s3.secretKey },
    },
    databases: { runtime: { tenantDatabases: [] } },
    collectionMaps: { [people]: { indexedProps: ['email'] }, [customers]: { indexedProps: ['code'] } },
    counterRules: { rules: [{ name: 'made', on: ['CREATE'], countUnique: ['kind'] }] },
    sink: { keepCommits: 10, segmentBytes: 500 },
    ...(isShared ? { cluster: { port, secret: backends.peerSecret, leaseSeconds: leaseMs / 1_000 } } : {}),
    // What nobody uses is closed soon, and opened again.
    hub: { dbConnRef: engines[0], dbName: isShared ? 'varve_hub' : `varve_hub_${number}`, idleSeconds: 1 + number },
  }
}

function urlOf(engine: EngineName, { number, dir, backends }: HubConfigParts): string {
  if (engine === 'sqlite') return `sqlite:${join(dir, `sqlite-${number}`)}`
  return backends[engine]?.url(number) ?? ''
}

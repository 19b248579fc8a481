/** A server on a data folder with the embedded default: SQLite for every tenant, HTTP and sync in front. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { toHex } from 'varve/engine'
import type { MirrorFile } from './mirror-file.ts'
import { createServer, type Server } from './server.ts'
import type { ServerOptions } from './settings.ts'
import { syncEntry } from './tenants/entry.ts'
import { NodeTenants } from './tenants/node-tenants.ts'

export interface Node extends Server {
  /** Public key of this node in hex: what devices expect to meet. */
  readonly publicKey: string
}

export interface NodeOptions extends Omit<ServerOptions, 'tenants' | 'sync'> {
  /** Tenants this node takes in; 10,000 when absent. */
  readonly maximumTenants?: number
  /** Databases of one tenant; 1,000 when absent. */
  readonly maximumDatabases?: number
  /** Tenants whose databases this node follows at other nodes, from now on and after restarts. */
  readonly mirrors?: readonly MirrorFile[]
}

/** Opens everything under `options.dir`; it answers once `listen` was called. Throws like `createServer`. */
export async function createNode(options: NodeOptions): Promise<Node> {
  const folder = join(options.dir, 'tenants')
  let tenants: NodeTenants | null = null
  const server = await createServer({
    ...options,
    tenants: async ({ env, layered, chunks, disposals }) => {
      tenants = await NodeTenants.open({
        env,
        node: sqlite({ dir: join(options.dir, 'node') }),
        tenant: (id) => layered(sqlite({ dir: join(folder, id) })),
        known: () => folders(folder),
        maximumTenants: options.maximumTenants ?? 10_000,
        maximumDatabases: options.maximumDatabases ?? 1_000,
        chunks,
        disposals,
      })
      for (const { registration, tenant, ...plan } of options.mirrors ?? []) {
        await tenants.register(registration)
        await tenants.mirror(tenant, plan)
      }
      return tenants
    },
    sync: ({ env, meter, admitTenant, origins }, opened) => {
      if (!(opened instanceof NodeTenants)) throw new TypeError('a node has tenants of its own')
      return syncEntry({ env, tenants: opened, meter, admitTenant, origins })
    },
  })
  return {
    publicKey: tenants === null ? '' : publicKeyOf(tenants),
    fetch: (request) => server.fetch(request),
    listen: () => server.listen(),
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

function publicKeyOf(tenants: NodeTenants): string {
  return toHex(tenants.publicKey)
}

/** Names of the folders in a folder; none when it does not exist yet. */
async function folders(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory() && /^[0-9a-f]{32}$/.test(entry.name)).map(({ name }) => name)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** The PostgreSQL adapter: the stores of one provider in one schema, over connections that any number of them share. */

import { performance } from 'node:perf_hooks'
import { cached, checkFileName, checkPageKey, checkStoreName, VarveError, type StoreProvider } from 'varve/engine'
import { readSmall, writeSmall } from './files.ts'
import { Lease, releasePayload, standingOf, takeLease } from './lease.ts'
import { foundVersion, migrate, type Home } from './migrate.ts'
import { PostgresStore, postgresSupports } from './postgres-store.ts'
import { postgresPool, type PostgresHealth, type PostgresPool, type PostgresPoolOptions } from './pool.ts'
import { removeAll } from './remove.ts'
import { checkSchema } from './schema.ts'

export { postgresPool, type PostgresHealth, type PostgresPool, type PostgresPoolOptions }

export interface PostgresOptions {
  /** Made by `postgresPool`; it lives as long as its maker wants, and longer than the stores. */
  readonly pool: PostgresPool
  /** Name of the schema, made when it is not there: one for each provider. */
  readonly schema: string
  /** Where other processes reach this one; they are told when they find a store open. */
  readonly address?: string
  /** Milliseconds after which others may open a store whose process has died; 15,000 by default, 300 at least. */
  readonly leaseMs?: number
  /** Bytes of heads kept in memory for each open store, about; 16 MB by default. */
  readonly cacheBytes?: number
}

export interface PostgresProvider extends StoreProvider {
  /**
   * Waits while another has the store: until it is given back, its lease runs out, or `ms` have passed. True when it can
   * be opened, which another may do first.
   */
  waitForRelease(name: string, ms: number): Promise<boolean>
}

const shortestLeaseMs = 300
const defaultCacheBytes = 16 * 1024 * 1024

/** Stores as rows in the tables of one schema. Nothing happens, and nothing is kept, before the first call. */
export function postgres(options: PostgresOptions): PostgresProvider {
  const { pool, schema, address, leaseMs = 15_000, cacheBytes = defaultCacheBytes } = options
  const home: Home = { pool, schema: checkSchema(schema), where: `schema "${schema}" of ${pool.where}` }
  if (!(leaseMs >= shortestLeaseMs)) {
    throw new VarveError('INVALID', `A lease of ${leaseMs} ms is too short: use ${shortestLeaseMs} or more`)
  }
  const terms = { address: address ?? null, leaseMs: Math.ceil(leaseMs) }
  return {
    supports: postgresSupports,
    async open(name, { pageKey }) {
      checkStoreName(name)
      if (checkPageKey(pageKey) !== null) {
        throw new VarveError(
          'UNSUPPORTED',
          'PostgreSQL does not encrypt pages with a key of ours: open without a passphrase, and encrypt its disk',
        )
      }
      await migrate(home)
      const lease = new Lease(home, name, terms, await takeLease(home, name, terms))
      return cached(new PostgresStore(home, name, lease), { bytes: cacheBytes, held: () => lease.held })
    },
    readFile: async (name) => readSmall(home, checkFileName(name)),
    writeFile: async (name, bytes) => writeSmall(home, checkFileName(name), bytes),
    waitForRelease: (name, ms) => waitForRelease(home, checkStoreName(name), ms),
    destroy: () => removeAll(home),
  }
}

async function waitForRelease(home: Home, name: string, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; ;) {
    const left = end - performance.now()
    // Listening begins before the look, so that a release in between is not missed.
    const told = home.pool.notified(releasePayload(home.schema, name))
    try {
      await told.ready
      const standing = (await foundVersion(home)) === 0 ? null : await standingOf(home, name)
      if (standing === null || standing.isFree) return true
      if (left <= 0) return false
      await told.within(Math.min(left, standing.leftMs + 1))
    } finally {
      told.stop()
    }
  }
}

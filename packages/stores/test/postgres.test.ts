/** The PostgreSQL adapter against the storage contract, on a real server. */

import { postgresProgram, startPostgres, storeSuite, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool } from '@varve/stores/postgres'
import { decorateStores, recent, retry, systemEnv } from 'varve/engine'
import { afterAll, beforeAll, describe, it } from 'vitest'

describe.runIf(postgresProgram() !== null || process.env['CI'] === 'true')('PostgreSQL', () => {
  let server: RunningPostgres
  let pool: PostgresPool
  let count = 0

  beforeAll(async () => {
    server = await startPostgres()
    pool = postgresPool({ url: server.url })
  })

  afterAll(async () => {
    await pool.close()
    await server.stop()
  })

  const providers = {
    postgres: (schema: string) => postgres({ pool, schema, cacheBytes: 0 }),
    'postgres, with heads and commits kept and retries': (schema: string) =>
      retry(decorateStores(postgres({ pool, schema }), recent), { attempts: 3, env: systemEnv() }),
  }
  for (const [name, make] of Object.entries(providers)) {
    const provider = async () => {
      const one = make(`tenant-${++count}`)
      return { provider: one, cleanup: () => one.destroy() }
    }
    storeSuite({ name, provider, test: { describe, it } })
  }
})

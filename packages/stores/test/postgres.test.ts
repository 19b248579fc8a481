/** The PostgreSQL adapter against the storage contract, on a real server. */

import { postgresProgram, startPostgres, storeSuite, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool } from '@varve/stores/postgres'
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

  const provider = async () => {
    const one = postgres({ pool, schema: `tenant-${++count}` })
    return { provider: one, cleanup: () => one.destroy() }
  }
  storeSuite({ name: 'postgres', provider, test: { describe, it } })
})

/** The PostgreSQL adapter against the storage contract, on a real server. */

import { storeSuite } from '@varve/testkit'
import { postgres } from '@varve/stores/postgres'
import { decorateStores, recent, retry, systemEnv } from 'varve/engine'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hasPostgres, startPostgresWorld, type PostgresWorld } from './postgres-world.ts'

describe.runIf(hasPostgres)('PostgreSQL', () => {
  let world: PostgresWorld
  let count = 0

  beforeAll(async () => {
    world = await startPostgresWorld()
  })

  afterAll(() => world.stop())

  const providers = {
    postgres: (schema: string) => postgres({ pool: world.pool, schema, cacheBytes: 0 }),
    'postgres, with heads and commits kept and retries': (schema: string) =>
      retry(decorateStores(postgres({ pool: world.pool, schema }), recent), { attempts: 3, env: systemEnv() }),
  }
  for (const [name, make] of Object.entries(providers)) {
    const provider = async () => {
      const one = make(`tenant-${++count}`)
      return { provider: one, cleanup: () => one.destroy() }
    }
    storeSuite({ name, provider, test: { describe, it } })
  }
})

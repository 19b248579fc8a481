/** Memory and PostgreSQL give equal answers to the same random history of batches, restarts and reads. */

import { postgres } from '@varve/stores/postgres'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { agreesWithMemory } from './agreement.ts'
import { hasPostgres, startPostgresWorld, type PostgresWorld } from './postgres-world.ts'

describe.runIf(hasPostgres)('PostgreSQL', () => {
  let world: PostgresWorld

  beforeAll(async () => {
    world = await startPostgresWorld({ settings: { synchronous_commit: 'off' } })
  })

  afterAll(() => world.stop())

  test('memory and PostgreSQL agree', async () => {
    await agreesWithMemory(postgres({ pool: world.pool, schema: 'agreement' }), 100)
  })
})

/** Random histories that are pruned, over the database servers: what is kept answers as it did, the rest says that it is gone. */

import fc from 'fast-check'
import { isTested, mongodbProgram } from '@varve/testkit'
import { mongodb } from '@varve/stores/mongodb'
import { postgres } from '@varve/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { points, runPruned, steps } from '../../varve/test/prune-history.ts'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'
import { hasPostgres, startPostgresWorld, type PostgresWorld } from './postgres-world.ts'

const numRuns = Number(process.env['VARVE_PRUNE_RUNS'] ?? 3)

describe.runIf(hasPostgres)('PostgreSQL', () => {
  let world: PostgresWorld

  beforeAll(async () => {
    world = await startPostgresWorld({ settings: { synchronous_commit: 'off' } })
  })

  afterAll(() => world.stop())

  test('pruned as a whole copy says', async () => {
    let versions = 0
    let run = 0
    await fc.assert(
      fc.asyncProperty(steps, points, async (list, at) => {
        versions += (await runPruned(postgres({ pool: world.pool, schema: `pruned_${run++}` }), 'open', list, at))
          .versions
      }),
      { numRuns },
    )
    expect(versions).toBeGreaterThan(0)
  })
})

describe.runIf(isTested(mongodbProgram()))('MongoDB', () => {
  let world: MongodbWorld

  beforeAll(async () => {
    world = await startWorld()
  })

  afterAll(() => world.stop())

  test('pruned as a whole copy says', async () => {
    let versions = 0
    await fc.assert(
      fc.asyncProperty(steps, points, async (list, at) => {
        const store = mongodb({ client: world.client, database: world.database() })
        versions += (await runPruned(store, 'open', list, at)).versions
      }),
      { numRuns },
    )
    expect(versions).toBeGreaterThan(0)
  })
})

/** Memory and PostgreSQL give equal answers to the same random history of batches, restarts and reads. */

import fc from 'fast-check'
import { arbitraryBatch, historyOf, postgresProgram, startPostgres, type RunningPostgres } from '@varve/testkit'
import { postgres, postgresPool, type PostgresPool } from '@varve/stores/postgres'
import { memory } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const turns = fc.array(fc.array(arbitraryBatch, { maxLength: 4 }), { minLength: 1, maxLength: 3 })

describe.runIf(postgresProgram() !== null || process.env['CI'] === 'true')('PostgreSQL', () => {
  let server: RunningPostgres
  let pool: PostgresPool

  beforeAll(async () => {
    server = await startPostgres({ settings: { synchronous_commit: 'off' } })
    pool = postgresPool({ url: server.url })
  })

  afterAll(async () => {
    await pool.close()
    await server.stop()
  })

  test('memory and PostgreSQL agree', async () => {
    const stores = postgres({ pool, schema: 'agreement' })
    let run = 0
    await fc.assert(
      fc.asyncProperty(turns, async (history) => {
        run++
        const expected = await historyOf(memory(), 'main', history)
        expect(await historyOf(stores, `run-${run}`, history)).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })
})

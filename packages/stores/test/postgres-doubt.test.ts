/** Answers that are lost, statements that arrive late: a batch takes effect once if its write is answered, and else not. */

import { startPostgres, type RunningPostgres } from '@varve/testkit'
import { postgres } from '@varve/stores/postgres'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PipelineFailure, type Row, type Statement } from '../src/postgres/pipeline.ts'
import { PostgresPool } from '../src/postgres/pool.ts'
import { countIn, counting, documentsOf, hasPostgres } from './postgres-world.ts'

/** What becomes of statements: `late` ones arrive when nobody waits for them any more. */
type Fate = 'answered' | 'unanswered' | 'lost' | 'late'

/** A pool whose next round trips have the fates that it is told. */
class FatefulPool extends PostgresPool {
  readonly late: Promise<unknown>[] = []
  fates: Fate[] = []

  override async run(statements: readonly Statement[]): Promise<readonly (readonly Row[])[]> {
    const fate = this.fates.shift() ?? 'answered'
    if (fate === 'answered') return super.run(statements)
    if (fate === 'unanswered') await super.run(statements).catch(() => undefined)
    if (fate === 'late') {
      const send = (): Promise<unknown> => super.run(statements).catch(() => undefined)
      this.late.push(new Promise((resolve) => setTimeout(resolve, 45)).then(send))
    }
    throw new PipelineFailure(new Error('as asked'), false, 0)
  }
}

describe.runIf(hasPostgres)('PostgreSQL in doubt', () => {
  let server: RunningPostgres
  let pool: FatefulPool

  beforeAll(async () => {
    server = await startPostgres({ settings: { synchronous_commit: 'off' } })
    pool = new FatefulPool({ url: server.url })
  })

  afterAll(async () => {
    await Promise.all(pool.late)
    await pool.close()
    await server.stop()
  })

  const opened = (schema: string, name = 'main') =>
    postgres({ pool, schema, cacheBytes: 0 }).open(name, { pageKey: null })

  test('a batch that never arrived is not taken for written when the answer to the question is lost too', async () => {
    const store = await opened('asked')
    await store.write(counting(0))
    pool.fates = ['lost', 'unanswered']
    await store.write(counting(1))
    expect(await countIn(store)).toBe(2)
    expect(await documentsOf(store)).toEqual([1, 2])
    await store.close()
  })

  test('a batch is not written again after a read found out that it is there', async () => {
    const store = await opened('read')
    pool.fates = ['unanswered']
    const write = store.write(counting(0))
    await new Promise((resolve) => setImmediate(resolve))
    const counts = await Promise.all([countIn(store), countIn(store)])
    await write
    expect(counts.every((count) => count <= 1)).toBe(true)
    await store.write(counting(1))
    expect(await documentsOf(store)).toEqual([1, 2])
    await store.close()
  })

  test('a question that arrives late disturbs nothing', async () => {
    const store = await opened('late')
    pool.fates = ['lost', 'late']
    await store.write(counting(0))
    await store.write(counting(1))
    await Promise.all(pool.late)
    await store.write(counting(2))
    expect(await documentsOf(store)).toEqual([1, 2, 3])
    await store.close()
  })

  test('whatever becomes of round trips, what is counted is counted once', async () => {
    const fate = fc.constantFrom<Fate>('answered', 'answered', 'unanswered', 'lost', 'late')
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fate, { maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 4 }),
        async (fates, reads) => {
          const store = await opened('any', `run-${++run}`)
          pool.fates = [...fates]
          for (const [count, isRead] of reads.entries()) {
            const write = store.write(counting(count))
            if (isRead) expect([count, count + 1]).toContain(await countIn(store))
            await write
          }
          pool.fates = []
          expect(await countIn(store)).toBe(reads.length)
          expect(await documentsOf(store)).toEqual(reads.map((_, i) => i + 1))
          await store.close()
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)
})

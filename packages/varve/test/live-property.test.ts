/** Live results equal the query run again, after every change of two replicas that sync. */

import fc from 'fast-check'
import { describe, test } from 'vitest'
import { found, joined, storeOf, type Data, type StoreName } from './engine-world.ts'
import { asked, follow, pool, queryOf, step, take, type Asked, type Followed, type Step } from './live-world.ts'

type Run = (asks: readonly Asked[], steps: readonly Step[]) => Promise<void>

/** Every run has a database of its own, on the recorder's device and a member's. */
async function runner(store: StoreName): Promise<Run> {
  const first = await found(await storeOf(store))
  const second = await joined(first.tenant, 'bob', { store: await storeOf(store) })
  let databases = 0
  return async (asks, steps) => {
    const name = `db${databases++}`
    const a = await first.tenant.database(name)
    await a.collection<Data>('things').createMany(pool.slice(5).map((id, i) => ({ id, a: i % 3, b: [i % 5] })))
    const b = await second.tenant.database(name)
    await b.sync(a)
    const followed: Followed[] = []
    for (const ask of asks)
      for (const database of [a, b])
        followed.push(follow(await queryOf(database.collection<Data>('things'), ask), database))
    for (const live of followed) await live.check()
    for (const each of steps) {
      await take([a, b], each)
      for (const live of followed) await live.check()
    }
    for (const live of followed) live.stop()
  }
}

const runs = Number(process.env['VARVE_LIVE_RUNS'] ?? 100)

describe.each([
  ['memory', runs],
  ['sqlite', Math.ceil(runs / 10)],
] as const)('on %s', (store, numRuns) => {
  test('F3 a live result equals the query run again after every write, transaction and sync', async () => {
    const run = await runner(store)
    const asks = fc.array(asked, { minLength: 1, maxLength: 4 })
    const steps = fc.array(step, { minLength: 1, maxLength: 12 })
    await fc.assert(fc.asyncProperty(asks, steps, run), { numRuns })
  })
})

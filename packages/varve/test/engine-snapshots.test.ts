/** Snapshots of documents that several devices write at once: without them every late entry costs the whole history. */

import { expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import { limits } from '../src/limits.ts'
import { threeCopies, type Data } from './engine-world.ts'

test('a document that two devices keep writing at once has its snapshots on both, and they are right', async () => {
  const { a, b, c } = await threeCopies('sealed')
  const { id } = await a.collection<Data>('people').create({ n: 0 })
  await b.sync(a)
  await c.sync(a)
  const [rounds, each] = [12, 6]
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < each; i++)
      for (const copy of [b, c]) await copy.collection<Data>('people').patch(id, { $inc: { n: 1 } })
    for (const copy of [b, c, b]) await copy.sync(a)
  }
  const versions = 1 + rounds * each * 2
  for (const copy of [b, c]) {
    await copy.sync(a)
    expect(await copy.collection<Data>('people').get(id)).toMatchObject({ n: versions - 1 })
    const { snapshots } = await replicaOf(copy).store.stats()
    expect(snapshots).toBeGreaterThanOrEqual(Math.floor(versions / limits.snapshotEvery) - 1)
    expect(await copy.verify()).toMatchObject({ ok: true, problems: [] })
  }
})

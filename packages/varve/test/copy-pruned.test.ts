/** A pruned replica copied on its own device: what is gone, what is kept, what is counted and what is found. */

import { describe, expect, test } from 'vitest'
import { decorate, decorateStores, isLaidOutAs, memory, memoryBlobs, replicaOf, verifyReplica } from '../src/engine.ts'
import { copyPruned } from '../src/replica/copy-pruned.ts'
import { Replica } from '../src/replica/replica.ts'
import { notedFiles } from '../src/replica/file-notes.ts'
import { copyOf, expectSame, follow, readable } from './copy-world.ts'
import { createTenant } from '../src/index.ts'
import { afterTest, coded, failure, storeOf, tickingEnv, untyped, type Data } from './engine-world.ts'

const looking = { name: 'big', on: ['UPDATE'], when: { n: { $gte: 3 } }, countUnique: ['n'] } as const

async function pruned(store = memory()) {
  const env = tickingEnv()
  const tenant = await createTenant({ name: 'acme', user: 'ada', store, blobs: memoryBlobs({ env }), env })
  afterTest(() => tenant.close())
  const database = await tenant.database('crm', { mode: 'open' })
  await database.counters.define([looking])
  const things = database.collection<Data>('things', {
    indexes: ['n', { paths: ['code'], unique: true }],
    search: { fields: { text: {} } },
  })
  for (const id of ['a', 'b', 'c']) await things.create({ n: 0, code: id, text: 'first word' }, { id })
  for (let n = 1; n < 6; n++) for (const id of ['a', 'b']) await things.patch(id, { n, text: `word number${n}` })
  await things.delete('b')
  await things.attach('a', 'scan', Uint8Array.of(1, 2, 3), { name: 'scan', type: 'image/png' })
  await things.attach('a', 'scan', Uint8Array.of(4, 5, 6), { name: 'scan', type: 'image/png' })
  await things.patch('a', { n: 7 })
  await database.prune({ keepVersions: 1 })
  return { tenant, database, things }
}

describe.each(['memory', 'sqlite'] as const)('on %s', (name) => {
  test('holes, edges, counts, files and indexes are the same, and go on', async () => {
    const { tenant, database, things } = await pruned(await storeOf(name))
    const from = replicaOf(database)
    const copy = await copyOf(database, await storeOf(name))
    await expectSame(from, copy)
    const there = readable(copy, tenant.id)
    const copied = there.collection<Data>('things')
    expect(await there.counters.totals()).toEqual(await database.counters.totals())
    expect((await there.counters.totals()).rules).toMatchObject({ big: { updated: 9 } })
    expect(await failure(() => copied.getVersion('a', 2))).toEqual(await failure(() => things.getVersion('a', 2)))
    expect(await failure(() => copied.getVersion('a', 2))).toEqual(coded('PRUNED', { id: 'a', ov: 8 }))
    expect(await copied.get('b')).toBeNull()
    expect(copy.state.collections.map(({ indexes }) => indexes.map(({ ready }) => ready))).toEqual([[true, true], []])
    expect(await copied.find({ n: 7 }).count()).toBe(1)
    const files = async (replica: Replica): Promise<readonly string[]> =>
      (await notedFiles(replica.store)).map(({ hash }) => hash).toSorted()
    expect(await files(copy)).toEqual(await files(from))
    expect(await files(copy)).toHaveLength(2)
    await things.patch('a', { n: 9 })
    await things.create({ n: 1, code: 'd', text: 'last word' }, { id: 'd' })
    await follow(from, copy)
    await expectSame(from, copy)
    expect(await there.counters.totals()).toEqual(await database.counters.totals())
    await copy.close()
  })
})

test('what is pruned while it is copied makes the copy useless, and it says so', async () => {
  const { database, things } = await pruned()
  const from = replicaOf(database)
  for (let n = 0; n < 3; n++) await things.patch('c', { n })
  const copy = await copyOf(database)
  expect(await isLaidOutAs(from, copy)).toBe(true)
  await database.prune({ keepVersions: 1 })
  expect(await isLaidOutAs(from, copy)).toBe(false)
  await copy.close()
  for (let n = 0; n < 3; n++) await things.patch('c', { n })
  const store = await memory().open('copy', { pageKey: null })
  const to = await Replica.open({ ...from.context, store })
  const copying = copyPruned(from, to)
  await database.prune({ keepVersions: 1 })
  expect(await copying).toBe(false)
  expect(await isLaidOutAs(from, to)).toBe(false)
  await to.close()
})

test('an interrupted copy is not taken for a whole one', async () => {
  const { database } = await pruned()
  const from = replicaOf(database)
  const stores = memory()
  const store = await stores.open('copy', { pageKey: null })
  let left = 3
  const dying = decorate(store, (method, call) => {
    if (method === 'write' && left-- <= 0) throw new Error('the process is dead')
    return call()
  })
  const to = await Replica.open({ ...from.context, store: dying })
  await expect(copyPruned(from, to)).rejects.toThrow('dead')
  const again = await Replica.open({ ...from.context, store })
  expect(await isLaidOutAs(from, again)).toBe(false)
  await store.close()
})

test('a body that was changed in the original is found when the copy is verified', async () => {
  let lies = false
  const lying = decorateStores(memory(), (store) =>
    decorate(store, async (method, call) => {
      const answer: unknown = await call()
      if (!lies || method !== 'bodies' || !Array.isArray(answer)) return untyped(answer)
      const [first, ...more]: readonly unknown[] = answer
      return untyped([first instanceof Uint8Array ? first.toReversed() : first, ...more])
    }),
  )
  const { database } = await pruned(lying)
  const from = replicaOf(database)
  const to = await Replica.open({ ...from.context, store: await memory().open('copy', { pageKey: null }) })
  lies = true
  await copyPruned(from, to).catch(() => undefined)
  expect(await verifyReplica(to)).toMatchObject({ ok: false })
  await to.close()
})

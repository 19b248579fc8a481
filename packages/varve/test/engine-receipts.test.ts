/** Requirement tests of waiting for the recorder's word: over refusals that are issued again, and at what cost. */

import { expect, test } from 'vitest'
import { decorate, decorateStores, memory, replicaOf, type StoreMethod } from '../src/engine.ts'
import { aheadWorld, docsOf, isSettled, putRight, reissue } from './ahead-world.ts'
import { coded, failure, found, joined, tickingEnv } from './engine-world.ts'

test('A11 the receipt of a write refused as ahead of time is that of the commit it is issued again as', async () => {
  const world = await aheadWorld()
  const { a, b } = world
  const written = await docsOf(b).patch('x', { v: 1 })
  const early = written.receipt()
  await b.sync(a)
  expect(await isSettled(early)).toBe(false)
  const late = written.receipt()
  putRight(world)
  await reissue(b)
  expect(await b.refused()).toEqual([])
  expect(await isSettled(early)).toBe(false)
  await b.sync(a)
  expect([await early, await late]).toMatchObject([
    { record: 2, ov: 1 },
    { record: 2, ov: 1 },
  ])
  expect(await written.receipt()).toEqual(await early)
})

test('A11 a receipt waits over several refusals', async () => {
  const world = await aheadWorld()
  const { a, b } = world
  const written = await docsOf(b).create({ id: 'y' })
  const waiting = written.receipt()
  for (let round = 0; round < 3; round++) {
    await b.sync(a)
    expect(await b.refused()).toMatchObject([{ code: 'CLOCK_AHEAD' }])
    // Told so by somebody whose clock is as wrong.
    await replicaOf(b).clockFoundRight()
    expect(await b.refused()).toEqual([])
  }
  expect(await isSettled(waiting)).toBe(false)
  await b.sync(a)
  putRight(world)
  await reissue(b)
  await b.sync(a)
  expect(await waiting).toMatchObject({ record: 5, ov: 0 })
})

test('A11 a receipt ends with the code of the refusal when that is dismissed', async () => {
  const { a, b } = await aheadWorld()
  const written = await docsOf(b).patch('x', { v: 1 })
  const waiting = failure(() => written.receipt())
  await b.sync(a)
  expect(await isSettled(waiting)).toBe(false)
  for (const { record } of await b.refused()) await b.dismissRefused(record)
  expect(await waiting).toEqual(coded('CLOCK_AHEAD', { id: 'x', record: 1 }))
  expect(await failure(() => written.receipt())).toEqual(coded('CLOCK_AHEAD'))
})

test('A11 a receipt ends with the reason why a write cannot be issued again', async () => {
  const world = await aheadWorld()
  const { a, b } = world
  await docsOf(b).create({ id: 'y' })
  const written = await docsOf(b).patch('y', { v: 1 })
  const waiting = failure(() => written.receipt())
  await b.sync(a)
  const [created] = await b.refused()
  await b.dismissRefused(created?.record ?? -1)
  expect(await isSettled(waiting)).toBe(false)
  putRight(world)
  await reissue(b)
  expect(await waiting).toEqual(coded('NOT_FOUND', { id: 'y', record: 2 }))
  expect(String(await waiting)).toContain('refused as ahead of time')
  expect(await b.refused()).toMatchObject([{ record: 2, code: 'CLOCK_AHEAD' }])
  expect(await failure(() => written.receipt())).toEqual(coded('NOT_FOUND'))
})

test('A11 a receipt ends with the refusal of the commit that its write is issued again as', async () => {
  const world = await aheadWorld()
  const { a, b } = world
  const written = await docsOf(b).patch('x', { v: 1 }, { expectedOv: 0 })
  await b.sync(a)
  await docsOf(a).patch('x', { v: 2 })
  const waiting = failure(() => written.receipt())
  putRight(world)
  await reissue(b)
  await b.sync(a)
  expect(await waiting).toEqual(coded('CONFLICT', { id: 'x' }))
})

test('A11 a receipt waits while the key is missing, also for what needs a document that waits for it', async () => {
  const world = await aheadWorld()
  const { a, b, bob } = world
  for (const name of ['one', 'two']) await bob.keys.create(name)
  const file = await bob.keys.export(['one'], 'password')
  const created = await docsOf(b).create({ id: 'y' }, { key: 'one' })
  const patched = await docsOf(b).patch('y', { v: 1 }, { key: 'two' })
  await b.sync(a)
  await bob.keys.remove('one')
  putRight(world)
  await reissue(b)
  expect(await b.refused()).toHaveLength(2)
  const waiting = Promise.all([created.receipt(), patched.receipt()])
  expect(await isSettled(waiting)).toBe(false)
  await bob.keys.import(file, 'password')
  await reissue(b)
  await b.sync(a)
  expect(await waiting).toMatchObject([{ ov: 0 }, { ov: 1 }])
})

test('A11 closing ends waiting receipts, of pending writes and of refused ones', async () => {
  const { a, b, bob } = await aheadWorld()
  const refused = await docsOf(b).patch('x', { v: 1 })
  await b.sync(a)
  const pending = await docsOf(b).patch('x', { v: 2 })
  const waiting = [refused, pending].map((write) => failure(() => write.receipt()))
  expect(await isSettled(Promise.race(waiting))).toBe(false)
  await bob.close()
  expect(await Promise.all(waiting)).toEqual([coded('CLOSED'), coded('CLOSED')])
  expect(await failure(() => refused.receipt())).toEqual(coded('CLOSED'))
})

test('A11 waiting receipts cost a write nothing, and two reads each when they settle', async () => {
  const alone = await readsWith(0)
  const others = await readsWith(100)
  expect(others.writing).toBe(alone.writing)
  expect(others.syncing - alone.syncing).toBe(200)
})

/** Reads of the store by 100 writes and by a sync, while `count` receipts wait. */
async function readsWith(count: number): Promise<{ readonly writing: number; readonly syncing: number }> {
  let reads = 0
  const counted = async <T>(method: StoreMethod, call: () => Promise<T>): Promise<T> => {
    if (method !== 'write') reads++
    return call()
  }
  const { tenant } = await found()
  const store = decorateStores(memory(), (inner) => decorate(inner, counted))
  const second = await joined(tenant, 'bob', { env: tickingEnv(), store })
  const [a, b] = [await tenant.database('crm'), await second.tenant.database('crm')]
  await b.sync(a)
  const writes = []
  for (let n = 0; n < 100; n++) writes.push(await docsOf(b).create({ id: `d${n}` }))
  const waiting = Promise.all(writes.slice(0, count).map((write) => write.receipt()))
  expect(await isSettled(waiting)).toBe(count === 0)
  reads = 0
  for (let n = 0; n < 100; n++) await docsOf(b).create({ id: `other${n}` })
  const writing = reads
  reads = 0
  await b.sync(a)
  expect(await waiting).toHaveLength(count)
  return { writing, syncing: reads }
}

/** Copies of one device issue again what was refused as ahead, not knowing of each other: it counts once, and none calls it lost. */

import { expect, test } from 'vitest'
import { replicaOf, toHex } from '../src/engine.ts'
import type { Database } from '../src/index.ts'
import { decodeHeader } from '../src/log/header.ts'
import { bring, docsOf, hour, isSettled, putRight, reissue } from './ahead-world.ts'
import { coded, failure, type Data } from './engine-world.ts'
import { copyWorld } from './reissue-world.ts'

/** Per commit of the record with an original: the id of that in hex, and what the recorder said. */
async function issues(database: Database): Promise<readonly { of: string; verdict: string; record: number }[]> {
  const { store, state } = replicaOf(database)
  const heads = await store.commitHeads((await store.receipts(0, state.record.length)).map(({ commit }) => commit))
  return heads.flatMap((head) => {
    const original = head === null ? null : decodeHeader(head.header).original
    if (head === null || original === null) return []
    return [{ of: toHex(original.id), verdict: head.refused ?? 'accepted', record: head.record ?? -1 }]
  })
}

async function expectOnce(all: readonly Database[], log: readonly unknown[]): Promise<void> {
  for (const database of all) {
    expect(await docsOf(database).get('x')).toMatchObject({ log, _system: { pending: false } })
    expect(await database.refused()).toEqual([])
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
  }
}

test('what both have issued again counts once, and its author is given the receipt of the one that does', async () => {
  const world = await copyWorld(2)
  const { a, b, written } = world
  const later = await world.copy()
  putRight(world)
  later.clock.now = world.clockA.now
  await reissue(later.database)
  await later.database.sync(a)
  const counted = await issues(a)
  await reissue(b)
  const receipts = written.map((each) => each.receipt())
  expect(await b.refused()).toEqual([])
  await b.sync(a)
  await later.database.sync(a)
  await expectOnce([a, b, later.database], [0, 1])
  expect((await issues(a)).map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted', 'EXISTS', 'EXISTS'])
  expect((await Promise.all(receipts)).map(({ record }) => record)).toEqual(counted.map(({ record }) => record))
})

test('one that hears of it first issues nothing, also while it is pending and comes from elsewhere', async () => {
  const world = await copyWorld(3)
  const { a, b } = world
  const [later, other] = [await world.copy(), await world.copy()]
  putRight(world)
  for (const copy of [later, other]) copy.clock.now = world.clockA.now
  await reissue(later.database)
  await bring(later.database, other.database)
  await bring(other.database, b)
  for (const database of [b, other.database]) {
    expect(await database.refused()).toEqual([])
    const { position } = replicaOf(database).state
    await reissue(database)
    expect(replicaOf(database).state.position).toBe(position)
    expect(await docsOf(database).get('x')).toMatchObject({ log: [0, 1, 2] })
  }
  await other.database.sync(a)
  await b.sync(a)
  await later.database.sync(a)
  await expectOnce([a, b, later.database, other.database], [0, 1, 2])
  expect((await issues(a)).map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted', 'accepted'])
})

test('one whose clock stays wrong is told that it was issued, and has nothing on its list', async () => {
  const world = await copyWorld(1)
  const { a, b, written } = world
  const later = await world.copy()
  later.clock.now = world.clockA.tick()
  await reissue(later.database)
  await later.database.sync(a)
  const receipt = written[0]?.receipt() ?? Promise.reject(new Error('nothing was written'))
  expect(await isSettled(receipt)).toBe(false)
  await bring(a, b)
  await expectOnce([b], [0])
  expect(await receipt).toMatchObject({ record: (await issues(a))[0]?.record })
})

test('however often it is refused as ahead, the next one names the first, in the order in which they were written', async () => {
  const world = await copyWorld(2)
  const { a, b, clockB } = world
  const later = await world.copy()
  for (let round = 0; round < 2; round++) {
    clockB.now = world.clockA.now + 2 * hour
    await replicaOf(b).clockFoundRight()
    await b.sync(a)
    expect(await b.refused()).toMatchObject([{ code: 'CLOCK_AHEAD' }, { code: 'CLOCK_AHEAD' }])
  }
  putRight(world)
  later.clock.now = world.clockA.now
  await reissue(later.database)
  await reissue(b)
  await b.sync(a)
  await later.database.sync(a)
  await later.database.sync(a)
  await b.sync(a)
  await expectOnce([a, b, later.database], [0, 1])
  const all = await issues(a)
  expect(new Set(all.map(({ of }) => of)).size).toBe(2)
  const codes = ['CLOCK_AHEAD', 'CLOCK_AHEAD', 'CLOCK_AHEAD', 'CLOCK_AHEAD', 'EXISTS', 'EXISTS', 'accepted', 'accepted']
  expect(all.map(({ verdict }) => verdict).toSorted()).toEqual(codes.toSorted())
})

/** The device created "y", which a unique index of the recorder does not allow until "z" has another value. */
async function uniqueWorld() {
  const world = await copyWorld(1, (database) => docsOf(database).create({ id: 'y', v: 1 }))
  const things = world.a.collection<Data>('people', { indexes: [{ paths: ['v'], unique: true }] })
  await things.create({ id: 'z', v: 1 })
  const [later, third] = [await world.copy(), await world.copy()]
  putRight(world)
  for (const copy of [later, third]) copy.clock.now = world.clockA.now
  await reissue(world.b)
  await reissue(later.database)
  await bring(world.b, world.a)
  await bring(world.a, world.b)
  expect(await world.b.refused()).toMatchObject([{ code: 'EXISTS', reason: expect.stringContaining('unique') }])
  return { ...world, things, later, third }
}

test('what one was refused for another reason is off the list once the other counts', async () => {
  const { a, b, things, later, written } = await uniqueWorld()
  expect(await failure(() => written[0]?.receipt())).toEqual(coded('EXISTS'))
  await things.patch('z', { v: 2 })
  await bring(a, later.database)
  expect(await later.database.refused()).toEqual([])
  await bring(later.database, a)
  for (const copy of [b, later.database]) {
    await copy.sync(a)
    expect(await copy.refused()).toEqual([])
    expect(await docsOf(copy).get('y')).toMatchObject({ v: 1, _system: { pending: false } })
    expect(await copy.verify()).toMatchObject({ ok: true, problems: [] })
  }
  expect(await written[0]?.receipt()).toMatchObject({ ov: 0 })
})

test('one that had still to issue it lists the refusal of the one that was issued elsewhere, and issues nothing', async () => {
  const { a, things, third } = await uniqueWorld()
  await bring(a, third.database)
  expect(await third.database.refused()).toMatchObject([{ code: 'EXISTS' }])
  await things.patch('z', { v: 2 })
  const { position } = replicaOf(third.database).state
  await third.restart()
  await reissue(third.database)
  expect(replicaOf(third.database).state.position).toBe(position)
})

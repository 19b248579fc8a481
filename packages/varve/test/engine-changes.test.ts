/** Requirement tests of following a database: changes once each, resumable, deletions, live, stale cursors; and the log. */

import { describe, expect, test } from 'vitest'
import type { Change } from '../src/index.ts'
import { coded, failure, found, gather, joined, reopened, storeOf, threeCopies, type Data } from './engine-world.ts'

const brief = ({ id, kind }: Change): readonly string[] => [id, kind]

describe.each(['memory', 'sqlite'] as const)('changes on %s', (store) => {
  test('A10 every changed document comes once, with its latest state, deletions included', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('crm')
    const docs = database.collection<Data>('people')
    await docs.createMany([
      { id: 'a', n: 0 },
      { id: 'b', n: 0 },
      { id: 'c', n: 0 },
    ])
    for (let n = 1; n <= 200; n++) await docs.patch('a', { n })
    await docs.delete('b')
    await database.collection<Data>('other').create({ id: 'x' })
    const seen = await gather(database.changes())
    expect(seen.map(brief)).toEqual([
      ['c', 'created'],
      ['a', 'updated'],
      ['b', 'deleted'],
      ['x', 'created'],
    ])
    expect(seen[1]).toMatchObject({ collection: 'people', doc: { n: 200, _system: { ov: 200 } } })
    expect(seen[2]?.doc).toBeNull()
    expect((await gather(database.changes({ collections: ['other'] }))).map(brief)).toEqual([['x', 'created']])
    expect(await gather(database.changes({ since: seen.at(-1)?.cursor ?? '' }))).toEqual([])
  })

  test('C2 changes resume after any cursor, also in the middle of a commit and after a restart', async () => {
    const world = await found(await storeOf(store))
    const database = await world.tenant.database('crm')
    const docs = database.collection<Data>('people')
    await docs.createMany(Array.from({ length: 10 }, (_, n) => ({ id: `m${n}` })))
    for (let n = 0; n < 5; n++) await docs.create({ id: `s${n}` })
    await docs.patch('m3', { x: 1 })
    const all = await gather(database.changes())
    expect(all).toHaveLength(15)
    for (const [i, { cursor }] of all.entries())
      expect(await gather(database.changes({ since: cursor }))).toEqual(all.slice(i + 1))
    const { tenant } = await reopened(world)
    const again = await tenant.database('crm')
    expect(await gather(again.changes({ since: all[4]?.cursor ?? '' }))).toEqual(all.slice(5))
    const more = await again.collection<Data>('people').create({})
    const rest = await gather(again.changes({ since: all.at(-1)?.cursor ?? '' }))
    expect(rest.map(({ id }) => id)).toEqual([more.id])
  })

  test('C2 a live reader sees what is written while it waits, exactly once, and stops when aborted', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('crm')
    const docs = database.collection<Data>('people')
    const controller = new AbortController()
    const seen: Change[] = []
    const following = (async () => {
      for await (const change of database.changes({ live: true, signal: controller.signal })) seen.push(change)
    })()
    for (let n = 0; n < 20; n++) {
      await docs.create({ id: `d${n}`, n: 0 })
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await docs.delete('d3')
    await expect.poll(() => seen.some(({ id, kind }) => id === 'd3' && kind === 'deleted')).toBe(true)
    controller.abort()
    expect(await failure(() => following)).toBeDefined()
    const count = seen.length
    await docs.create({ id: 'after' })
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(seen).toHaveLength(count)
    const last = new Map(seen.map(({ id, kind }) => [id, kind]))
    expect(last.size).toBe(20)
    expect(new Set(seen.map(({ cursor }) => cursor)).size).toBe(seen.length)
  })

  test('C2 a live reader ends when the tenant closes', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('crm')
    await database.collection('people').create({ id: 'a' })
    const following = gather(database.changes({ live: true }))
    await new Promise((resolve) => setTimeout(resolve, 10))
    await tenant.close()
    const ended = await Promise.allSettled([following])
    if (ended[0]?.status === 'rejected') expect(ended[0].reason).toEqual(coded('CLOSED'))
    else expect(ended[0]?.value.map(brief)).toEqual([['a', 'created']])
  })
})

test('STALE_CURSOR for a cursor of another copy, INVALID for what is none', async () => {
  const { a, b } = await threeCopies()
  await a.collection('people').create({ id: 'x' })
  await b.sync(a)
  const [change] = await gather(a.changes())
  expect(await failure(() => gather(b.changes({ since: change?.cursor ?? '' })))).toEqual(coded('STALE_CURSOR'))
  expect(await failure(() => gather(b.commits({ since: change?.cursor ?? '' })))).toEqual(coded('STALE_CURSOR'))
  const ahead = (change?.cursor ?? '').replace(/\.(\d+)\.(\d+)$/, '.999999.0')
  expect(await failure(() => gather(a.changes({ since: ahead })))).toEqual(coded('STALE_CURSOR'))
  for (const since of ['', 'x', 'v1.00.1', 'v2.00.1.1', `${change?.cursor ?? ''} `])
    expect(await failure(() => gather(a.changes({ since })))).toEqual(coded('INVALID'))
})

test('A11 a refused write comes as a change that takes it back, under its own id', async () => {
  const { a, b } = await threeCopies()
  await b.collection<Data>('people').create({ id: 'mine', v: 1 }, { expectedOv: -1 })
  await a.collection<Data>('people').create({ id: 'x', v: 'a' })
  await b.sync(a)
  await a.collection<Data>('people').patch('x', { v: 'a2' })
  await b.collection<Data>('people').patch('x', { v: 'b2' }, { expectedOv: 0 })
  await a.collection<Data>('people').create({ id: 'slot', v: 'a' })
  await b.collection<Data>('people').create({ id: 'gone', v: 1 })
  await b.transact(async (tx) => {
    await tx.collection<Data>('people').patch('gone', { v: 2 })
    await tx.collection<Data>('people').create({ id: 'refused' })
    await tx.collection<Data>('people').patch('x', { more: 1 }, { expectedOv: 1 })
  })
  const last = (await gather(b.changes())).at(-1)?.cursor ?? ''
  await b.sync(a)
  const seen = await gather(b.changes({ since: last }))
  const taken = new Map(seen.map((change) => [change.id, change]))
  expect(taken.get('x')?.doc).toMatchObject({ v: 'a2' })
  expect(taken.get('x')?.doc).not.toHaveProperty('more')
  expect(taken.get('gone')?.doc).toMatchObject({ v: 1 })
  expect(taken.get('refused')).toMatchObject({ kind: 'deleted', collection: 'people', doc: null })
  expect([...taken.keys()].toSorted()).toEqual(['gone', 'refused', 'slot', 'x'])
})

test('B1 commits lists the log with devices, records and refusals, and resumes', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  const [a, b] = [await first.tenant.database('crm'), await second.tenant.database('crm')]
  await a.collection<Data>('people').create({ id: 'x' })
  await b.sync(a)
  await a.collection<Data>('people').patch('x', { v: 1 })
  await b.collection<Data>('people').patch('x', { v: 2 }, { expectedOv: 0 })
  await b.sync(a)
  const log = await gather(a.commits())
  expect(log.map(({ device, record, refused, entries }) => [device, record, refused, entries])).toEqual([
    [first.tenant.me.device, 0, null, 1],
    [first.tenant.me.device, 1, null, 1],
    [second.tenant.me.device, 2, 'CONFLICT', 1],
  ])
  expect(await gather(a.commits({ since: log[0]?.cursor ?? '' }))).toEqual(log.slice(1))
  const ids = (await gather(b.commits())).map(({ id }) => id)
  expect(ids.toSorted()).toEqual(log.map(({ id }) => id).toSorted())
})

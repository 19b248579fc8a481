/** Requirement tests of several devices: merging, deletes, conflicts, refusals, and exchanges in any order. */

import { describe, expect, test } from 'vitest'
import type { Database } from '../src/index.ts'
import {
  coded,
  contentsOf,
  failure,
  found,
  gather,
  HandClock,
  joined,
  storeOf,
  threeCopies,
  tickingEnv,
  type Data,
} from './engine-world.ts'

const docsOf = (database: Database) => database.collection<Data>('people')

async function expectSame(...copies: readonly Database[]): Promise<void> {
  const [first, ...others] = await Promise.all(copies.map(contentsOf))
  for (const other of others) expect(other).toEqual(first)
  for (const copy of copies) expect(await copy.verify()).toMatchObject({ ok: true, problems: [] })
}

describe.each([
  ['memory', 'sealed'],
  ['memory', 'open'],
  ['sqlite', 'sealed'],
] as const)('two devices, %s, %s', (store, mode) => {
  async function pair() {
    const first = await found(await storeOf(store))
    const second = await joined(first.tenant, 'bob', { store: await storeOf(store) })
    const [a, b] = [await first.tenant.database('crm', { mode }), await second.tenant.database('crm', { mode })]
    await b.sync(a)
    return { a, b }
  }

  test('A9 two devices that change different attributes offline keep both', async () => {
    const { a, b } = await pair()
    const { id } = await docsOf(a).create({ name: 'Ada', address: { city: 'Paris', zip: 1 }, tags: ['x'] })
    await a.sync(b)
    await docsOf(a).patch(id, { name: 'Ada L', 'address.city': 'Rome' })
    await docsOf(a).patch(id, { $addToSet: { tags: 'a' }, $inc: { n: 2 } })
    await docsOf(b).patch(id, { age: 36, 'address.zip': 2 })
    await docsOf(b).patch(id, { $addToSet: { tags: 'b' }, $inc: { n: 3 } })
    await a.sync(b)
    const merged = { name: 'Ada L', age: 36, address: { city: 'Rome', zip: 2 }, n: 5 }
    expect(await docsOf(a).get(id)).toMatchObject({ ...merged, _system: { ov: 4, pending: false } })
    expect((await docsOf(a).get(id))?.['tags']).toEqual(expect.arrayContaining(['x', 'a', 'b']))
    expect((await docsOf(a).conflicts(id)).map(({ path }) => path)).toEqual([])
    await expectSame(a, b)
  })

  test('A9 the same attribute: the later stamp wins on both, and conflicts lists both sides', async () => {
    const { a, b } = await pair()
    const { id } = await docsOf(a).create({ v: 0 })
    await a.sync(b)
    await docsOf(b).patch(id, { v: 'b' }, { actor: 'bob' })
    await docsOf(a).patch(id, { v: 'a1' })
    await docsOf(a).patch(id, { v: false }, { actor: 'ann' })
    await b.sync(a)
    await expectSame(a, b)
    const winner = (await docsOf(a).get(id))?.['v']
    const conflicts = await docsOf(a).conflicts(id)
    expect(await docsOf(b).conflicts(id)).toEqual(conflicts)
    expect(conflicts).toHaveLength(2)
    for (const { path, winner: won, loser, resolvedBy } of conflicts) {
      expect([path, resolvedBy]).toEqual(['v', null])
      expect(won.device).not.toBe(loser.device)
      expect(Date.parse(won.at)).toBeGreaterThanOrEqual(Date.parse(loser.at))
    }
    expect(conflicts.at(-1)?.winner.value).toBe(winner)
    await docsOf(b).patch(id, { v: 'settled' })
    await b.sync(a)
    for (const { resolvedBy } of await docsOf(a).conflicts(id)) expect(resolvedBy).toBe(4)
  })

  test('A9 one id created on two devices ends as one merged document', async () => {
    const { a, b } = await pair()
    await docsOf(a).create({ x: 1, same: 'a' }, { id: 'one' })
    await docsOf(b).create({ y: 2, same: 'b' }, { id: 'one' })
    await a.sync(b)
    expect(await docsOf(a).get('one')).toMatchObject({ x: 1, y: 2, _system: { ov: 1 } })
    await expectSame(a, b)
  })

  test('A10 a concurrent later edit revives a deleted document with all attributes, an earlier one does not', async () => {
    const clockA = new HandClock()
    const clockB = new HandClock()
    const first = await found(await storeOf(store), clockA.env())
    const second = await joined(first.tenant, 'bob', { store: await storeOf(store), env: clockB.env() })
    const [a, b] = [await first.tenant.database('crm', { mode }), await second.tenant.database('crm', { mode })]
    await docsOf(a).createMany([
      { id: 'revived', x: 1, y: 1 },
      { id: 'dead', x: 1 },
    ])
    await a.sync(b)
    clockB.tick(1000)
    await docsOf(b).patch('dead', { x: 2 })
    clockA.tick(2000)
    await docsOf(a).delete('revived')
    await docsOf(a).delete('dead')
    clockB.tick(2000)
    clockA.tick(5000)
    await docsOf(b).patch('revived', { x: 3 })
    await b.sync(a)
    for (const copy of [a, b]) {
      expect(await docsOf(copy).get('revived')).toMatchObject({ x: 3, y: 1, _system: { deleted: false } })
      expect(await docsOf(copy).get('dead')).toBeNull()
      expect(await docsOf(copy).getVersion('dead', 2)).toMatchObject({ x: 2, _system: { deleted: true } })
    }
    await expectSame(a, b)
  })

  test('A10 deleted documents never flash up in a first sync', async () => {
    const { a, b } = await pair()
    await docsOf(a).createMany(Array.from({ length: 20 }, (_, n) => ({ id: `d${n}` })))
    for (let n = 0; n < 20; n += 2) await docsOf(a).delete(`d${n}`)
    await b.sync(a)
    const seen = await gather(b.changes())
    expect(seen.map(({ id, kind }) => [id, kind])).toEqual(
      Array.from({ length: 10 }, (_, n) => [`d${2 * n + 1}`, 'created']),
    )
  })

  test('A11 provisional answers become receipts once the recorder has the commits', async () => {
    const { a, b } = await pair()
    await docsOf(a).create({ id: 'x' })
    const written = await docsOf(b).create({ id: 'y' })
    expect(await docsOf(b).get('y')).toMatchObject({ _system: { pending: true } })
    expect((await b.stats()).pending).toBe(1)
    let settled = false
    const receipt = written.receipt().then((answer) => {
      settled = true
      return answer
    })
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(settled).toBe(false)
    await b.sync(a)
    expect(await receipt).toMatchObject({ record: 1, ov: 0, cv: 1 })
    expect((await b.stats()).pending).toBe(0)
    await expectSame(a, b)
  })

  test('A12 reject: a stale offline write is refused, rolled back, and later writes are not affected', async () => {
    const { a, b } = await pair()
    const strict = { conflict: 'reject' } as const
    const [left, right] = [a.collection<Data>('ledger', strict), b.collection<Data>('ledger', strict)]
    const { id } = await left.create({ v: 0 })
    await a.sync(b)
    await left.patch(id, { v: 'a' })
    const stale = await right.patch(id, { v: 'b', only: 'b' })
    const other = await right.create({ id: 'later', v: 1 })
    const merged = await docsOf(b).create({ id: 'free' })
    expect(await right.get(id)).toMatchObject({ v: 'b' })
    const refused = failure(() => stale.receipt())
    await b.sync(a)
    expect(await refused).toEqual(coded('CONFLICT'))
    expect(await other.receipt()).toMatchObject({ ov: 0 })
    expect(await merged.receipt()).toMatchObject({ ov: 0 })
    for (const copy of [left, right]) {
      expect(await copy.get(id)).toMatchObject({ v: 'a', _system: { ov: 1, pending: false } })
      expect(await copy.get(id)).not.toHaveProperty('only')
      expect(await gather(copy.history(id))).toHaveLength(2)
    }
    await right.patch(id, { v: 'again' })
    await b.sync(a)
    expect(await left.get(id)).toMatchObject({ v: 'again', _system: { ov: 2 } })
    const log = await gather(a.commits())
    expect(log.filter(({ refused: code }) => code === 'CONFLICT')).toHaveLength(1)
    await expectSame(a, b)
  })

  test('A12 A14 a write made on top of a refused one is refused too, although the number fits', async () => {
    const { a, b } = await pair()
    const strict = { conflict: 'reject' } as const
    const [left, right] = [a.collection<Data>('ledger', strict), b.collection<Data>('ledger', strict)]
    const { id } = await left.create({ balance: 100 })
    await a.sync(b)
    await left.patch(id, { balance: 5 })
    const first = await right.patch(id, { balance: 90 })
    const second = await right.patch(id, { balance: 80 })
    await b.sync(a)
    expect(await failure(() => first.receipt())).toEqual(coded('CONFLICT'))
    expect(await failure(() => second.receipt())).toEqual(coded('CONFLICT'))
    expect(await left.get(id)).toMatchObject({ balance: 5, _system: { ov: 1 } })
    await expectSame(a, b)
  })

  test('A14 compare-and-set on sealed data: of two offline devices one wins, also for creates', async () => {
    const { a, b } = await pair()
    const [left, right] = [docsOf(a), docsOf(b)]
    await left.create({ id: 'lock', owner: null })
    await a.sync(b)
    await left.patch('lock', { owner: 'a' }, { expectedOv: 0 })
    const lost = await right.patch('lock', { owner: 'b' }, { expectedOv: 0 })
    await left.create({ id: 'slot', by: 'a' }, { expectedOv: -1 })
    const late = await right.create({ id: 'slot', by: 'b' }, { expectedOv: -1 })
    const chained = await right.patch('lock', { owner: 'b2' }, { expectedOv: 1 })
    await b.sync(a)
    for (const write of [lost, late, chained]) expect(await failure(() => write.receipt())).toEqual(coded('CONFLICT'))
    expect(await right.get('lock')).toMatchObject({ owner: 'a' })
    expect(await right.get('slot')).toMatchObject({ by: 'a' })
    await expectSame(a, b)
  })

  test('A12 a chain of offline writes on a version that still stands is accepted whole', async () => {
    const { a, b } = await pair()
    const strict = { conflict: 'reject' } as const
    const [left, right] = [a.collection<Data>('ledger', strict), b.collection<Data>('ledger', strict)]
    const { id } = await left.create({ n: 0 })
    await left.patch(id, { n: 1 })
    await a.sync(b)
    const writes = [await right.patch(id, { n: 2 }), await right.patch(id, { n: 3 }), await right.delete(id)]
    await b.sync(a)
    for (const [i, write] of writes.entries()) expect(await write.receipt()).toMatchObject({ ov: 2 + i })
    await expectSame(a, b)
  })

  test('A14 a refused transaction is refused as a whole', async () => {
    const { a, b } = await pair()
    await docsOf(a).createMany([
      { id: 'p', n: 0 },
      { id: 'q', n: 0 },
    ])
    await a.sync(b)
    await docsOf(a).patch('p', { n: 1 })
    await b.transact(async (tx) => {
      await tx.collection<Data>('people').patch('p', { n: 9 }, { expectedOv: 0 })
      await tx.collection<Data>('people').patch('q', { n: 9 })
      await tx.collection<Data>('fresh').create({ id: 'f' })
    })
    expect(await docsOf(b).get('q')).toMatchObject({ n: 9 })
    await b.sync(a)
    for (const copy of [a, b]) {
      expect(await docsOf(copy).get('p')).toMatchObject({ n: 1 })
      expect(await docsOf(copy).get('q')).toMatchObject({ n: 0 })
      expect(await copy.collection('fresh').get('f')).toBeNull()
    }
    await expectSame(a, b)
  })
})

test('C2 pending commits travel between peers and are recorded once, whoever brings them', async () => {
  const { a, b, c } = await threeCopies()
  await docsOf(b).create({ id: 'x', from: 'b' })
  await c.sync(b)
  expect(await docsOf(c).get('x')).toMatchObject({ from: 'b', _system: { pending: true } })
  await docsOf(c).patch('x', { more: 'c' })
  await c.sync(a)
  expect(await docsOf(a).get('x')).toMatchObject({ from: 'b', more: 'c', _system: { ov: 1, pending: false } })
  await b.sync(a)
  await b.sync(c)
  await expectSame(a, b, c)
  expect(await a.sync(b)).toMatchObject({ sent: 0, received: 0, bytesSent: 0, bytesReceived: 0 })
})

test('C2 syncs of one copy with several peers at once, and twice with one, all succeed', async () => {
  const { a, b, c } = await threeCopies()
  for (let round = 0; round < 5; round++) {
    for (const [i, copy] of [a, b, c].entries())
      await docsOf(copy).createMany(Array.from({ length: 20 }, (_, n) => ({ id: `${i}-${round}-${n}` })))
    await Promise.all([a.sync(b), b.sync(a), c.sync(a), c.sync(b), a.sync(c), a.sync(b)])
  }
  await c.sync(a)
  await b.sync(a)
  await expectSame(a, b, c)
  expect(await docsOf(a).find().count()).toBe(300)
})

test('C2 writes during a sync are neither lost nor doubled', async () => {
  const { a, b } = await threeCopies()
  const writing = Promise.all([
    ...Array.from({ length: 50 }, (_, n) => docsOf(a).create({ id: `a${n}` })),
    ...Array.from({ length: 50 }, (_, n) => docsOf(b).create({ id: `b${n}` })),
  ])
  await Promise.all([writing, a.sync(b), b.sync(a)])
  await a.sync(b)
  await expectSame(a, b)
  expect(await docsOf(a).find().count()).toBe(100)
})

test('commits from the future are refused with CLOCK_AHEAD, and issued again, in order, once the clock is right', async () => {
  const [clockA, clockB] = [new HandClock(), new HandClock()]
  const { a, b, c } = await threeCopies('sealed', { a: clockA.env(), b: clockB.env(), c: tickingEnv() })
  await docsOf(a).create({ id: 'x', v: 0 })
  await b.sync(a)
  clockB.tick(3_600_000)
  const ahead = await docsOf(b).patch('x', { v: 'future' })
  await docsOf(b).create({ id: 'y' })
  await b.sync(a)
  let settled = false
  const receipt = ahead.receipt().finally(() => {
    settled = true
  })
  expect(await b.refused()).toMatchObject([
    { code: 'CLOCK_AHEAD', documents: [{ collection: 'people', id: 'x' }] },
    { code: 'CLOCK_AHEAD', documents: [{ collection: 'people', id: 'y' }] },
  ])
  expect(await docsOf(b).get('x')).toMatchObject({ v: 0, _system: { ov: 0, pending: false } })
  expect(await docsOf(b).get('y')).toBeNull()
  expect(settled).toBe(false)
  clockB.now = clockA.tick(1000)
  const again = await docsOf(b).patch('x', { v: 'now' })
  expect(await b.refused()).toEqual([])
  expect(await docsOf(b).get('y')).toMatchObject({ id: 'y' })
  const fresh = await docsOf(b).create({ id: 'z' })
  expect(settled).toBe(false)
  await b.sync(a)
  expect(await receipt).toMatchObject({ ov: 1 })
  expect(await again.receipt()).toMatchObject({ ov: 2 })
  expect(await fresh.receipt()).toMatchObject({ ov: 0 })
  expect(await docsOf(a).get('x')).toMatchObject({ v: 'now' })
  expect(await docsOf(a).get('y')).toMatchObject({ id: 'y' })
  expect(await docsOf(a).conflicts('x')).toEqual([])
  await docsOf(a).patch('x', { v: 'later' })
  await b.sync(a)
  const expecting = await docsOf(b).patch('x', { v: 'last' }, { expectedOv: 3 })
  await b.sync(a)
  expect(await expecting.receipt()).toMatchObject({ ov: 4 })
  await c.sync(a)
  await expectSame(a, b, c)
})

test('a commit from the future that a peer brings does not move the clocks of others', async () => {
  const [clockA, clockB, clockC] = [new HandClock(), new HandClock(), new HandClock()]
  const { a, b, c } = await threeCopies('sealed', { a: clockA.env(), b: clockB.env(), c: clockC.env() })
  clockB.tick(3_600_000)
  await docsOf(b).create({ id: 'future' })
  await c.sync(b)
  expect(await docsOf(c).get('future')).toBeNull()
  const written = await docsOf(c).create({ id: 'now' })
  await c.sync(a)
  expect(await written.receipt()).toMatchObject({ ov: 0 })
  await b.sync(a)
  await c.sync(a)
  await expectSame(a, b, c)
})

test('databases of different tenants, different databases and one with itself do not sync', async () => {
  const [one, two] = [await found(), await found()]
  const [x, y] = [await one.tenant.database('crm'), await two.tenant.database('crm')]
  const z = await one.tenant.database('other')
  expect(await failure(() => x.sync(y))).toEqual(coded('FORBIDDEN'))
  expect(await failure(() => x.sync(z))).toEqual(coded('INVALID'))
  expect(await failure(() => x.sync(x))).toEqual(coded('INVALID'))
})

test('an aborted sync stops with the reason, and the next one goes on', async () => {
  const { a, b } = await threeCopies()
  await docsOf(a).createMany(Array.from({ length: 50 }, (_, n) => ({ id: `d${n}` })))
  const controller = new AbortController()
  controller.abort(new Error('enough'))
  expect(await failure(() => b.sync(a, { signal: controller.signal }))).toMatchObject({ message: 'enough' })
  expect(await docsOf(b).find().count()).toBe(0)
  await b.sync(a)
  await expectSame(a, b)
})

test('C1 what is written while a sync begins goes now or next time', async () => {
  const { a, b } = await threeCopies()
  const [here, there] = [a, b].map((database) => database.collection<Data>('people'))
  for (let turns = 0; turns < 60; turns++) {
    const writes: Promise<unknown>[] = []
    const busy = (async () => {
      for (let i = 0; i < turns; i++) await Promise.resolve()
      for (let i = 0; i < 3; i++) {
        writes.push(here?.create({ id: `d${turns}-${i}` }) ?? Promise.resolve())
        await Promise.resolve()
      }
    })()
    await b.sync(a)
    await busy
    await Promise.all(writes)
  }
  await b.sync(a)
  expect(await there?.find().count()).toBe(180)
})

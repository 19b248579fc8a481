/** Pruning as applications see it: what goes, what stays, what answers PRUNED, and what is refused. */

import { describe, expect, test } from 'vitest'
import { replicaOf } from '../src/engine.ts'
import { memory, type Database } from '../src/index.ts'
import {
  coded,
  contentsOf,
  failure,
  found,
  gather,
  HandClock,
  joined,
  storeOf,
  untyped,
  type Data,
} from './engine-world.ts'
import { expectKept, keptOf } from './prune-world.ts'

const day = 86_400_000
const nothing = { versions: 0, commits: 0, bytes: 0 }
const modes = ['open', 'sealed'] as const

/** A recorder with one document a day that is written once a day, and a copy that keeps everything. */
async function tenDays(mode: 'open' | 'sealed' = 'open') {
  const clock = new HandClock()
  const first = await found(memory(), clock.env())
  const second = await joined(first.tenant, 'bob', { env: clock.env() })
  const a = await first.tenant.database('crm', { mode })
  const whole = await second.tenant.database('crm', { mode })
  const things = a.collection<Data>('things', { indexes: ['n'], search: { fields: { text: {} } } })
  const times: Date[] = []
  for (let n = 0; n < 10; n++) {
    times.push(new Date(clock.now))
    if (n === 0) await things.create({ n, text: 'word zero' }, { id: 'a' })
    else await things.patch('a', { $set: { n, text: `word number${n}` }, $push: { all: n } })
    await things.create({ n: 100 + n }, { id: `d${n}` })
    clock.tick(day)
  }
  await whole.sync(a)
  return { clock, first, second, a, whole, things, times }
}

describe.each(modes)('%s', (mode) => {
  test('by number: the newest stay, the rest says PRUNED and names the edge', async () => {
    const { a, whole, things, times } = await tenDays(mode)
    const before = { contents: await contentsOf(a), cursor: a.cursor(), stats: await a.stats() }
    const report = await a.prune({ keepVersions: 3 })
    expect(report).toMatchObject({ versions: 7, commits: 7 })
    const edge = { id: 'a', ov: 7, at: times[7]?.toISOString(), record: 14 }
    const gone = coded('PRUNED', edge)
    for (const call of [
      () => things.getVersion('a', 6),
      () => things.getVersion('a', 0),
      () => things.getAsOf('a', times[6] ?? ''),
      () => things.getAsOf('a', times[6] ?? '', { time: 'authored' }),
      () => things.diff('a', 6, 9),
      () => things.restore('a', { ov: 6 }),
      () => things.restore('a', { at: times[3]?.toISOString() ?? '' }),
      () => gather(things.history('a', { from: 6 })),
      async () => (await a.asOf({ record: 12 })).collection('things').get('a'),
      async () => (await a.asOf(times[6] ?? '')).collection('things').find().toArray(),
    ])
      expect(await failure(call)).toEqual(gone)
    expect(await things.getAsOf('a', new Date((times[0]?.getTime() ?? 0) - 1))).toBeNull()
    expect(await things.getVersion('a', 7)).toMatchObject({ n: 7, all: [1, 2, 3, 4, 5, 6, 7] })
    const history = await gather(things.history('a'))
    expect(history.map(({ ov, edge: isEdge = false }) => [ov, isEdge])).toEqual([
      [7, true],
      [8, false],
      [9, false],
    ])
    expect(history[0]?.paths).toEqual(['n', 'text', 'all'])
    expect(await contentsOf(a)).toEqual(before.contents)
    expect(await gather(a.changes({ since: before.cursor }))).toEqual([])
    expect(await things.find({ n: 9 }).count()).toBe(1)
    expect((await things.find().search('number9').toArray()).map(({ id }) => id)).toEqual(['a'])
    expect((await a.stats()).bytes.bodies).toBe(before.stats.bytes.bodies - report.bytes)
    await expectKept(a, whole, [0, 30, 60, 70, 75, 80, 99])
  })

  test('by age: every document stays as it was at any time since', async () => {
    const { a, whole, things, times } = await tenDays(mode)
    // Ten days have passed; what was newest four and a half days ago is version 5.
    expect(await a.prune({ olderThanDays: 4.5 })).toMatchObject({ versions: 5 })
    expect(await failure(() => things.getVersion('a', 4))).toEqual(coded('PRUNED', { ov: 5 }))
    expect(await things.getAsOf('a', times[5] ?? '')).toMatchObject({ n: 5 })
    expect(await (await a.asOf(times[5] ?? '')).collection('things').find().count()).toBe(7)
    await expectKept(a, whole, [0, 50, 55, 60, 99])
    expect(await a.prune({ olderThanDays: 4.5 })).toEqual(nothing)
    expect(await a.prune({ olderThanDays: 1.5, keepVersions: 9 })).toMatchObject({ versions: 3 })
    await expectKept(a, whole, [0, 80, 85, 99])
  })

  test('a dry run says the same and changes nothing', async () => {
    const { a, whole, things } = await tenDays(mode)
    const rule = { olderThanDays: 3, keepVersions: 4 }
    const planned = await a.prune({ ...rule, dryRun: true })
    expect(await things.getVersion('a', 0)).toMatchObject({ n: 0 })
    expect(await a.prune(rule)).toEqual(planned)
    expect(planned.versions).toBeGreaterThan(0)
    await expectKept(a, whole, [50])
  })

  test('later writes, restores and prunings go on from the edge', async () => {
    const { a, whole, things, clock } = await tenDays(mode)
    await a.prune({ keepVersions: 2 })
    await things.restore('a', { ov: 8 })
    await things.enrich('a', { deep: { x: 1 } })
    clock.tick(day)
    await things.delete('a')
    await things.restore('a')
    await whole.sync(a)
    await expectKept(a, whole, [80, 95])
    expect(await a.prune({ keepVersions: 1 })).toMatchObject({ versions: 5 })
    expect(await things.get('a')).toMatchObject({ n: 8, deep: { x: 1 } })
    expect(await failure(() => things.getVersion('a', 12))).toEqual(coded('PRUNED', { ov: 13 }))
    await expectKept(a, whole, [80, 95])
  })

  test('what is read from is really gone, snapshots too', async () => {
    const { a, things, first, store } = await longDocument(mode)
    const { store: rows, state } = replicaOf(a)
    await a.prune({ keepVersions: 5 })
    const heads = await rows.commitsAfter(0, 1000)
    const [create] = heads.filter(({ size }) => size > 0)
    const bodies = await rows.bodies([{ commit: create?.no ?? 0, offset: 0, size: create?.size ?? 0 }])
    expect(bodies[0]?.length).toBe(0)
    expect(state.collections.length).toBeGreaterThan(0)
    const [row] = await rows.scan(1, 2 ** 32, 10)
    expect((await rows.snapshot(row?.no ?? 0, 80))?.state).toBe('[]')
    expect(await things.getVersion('long', 95)).toMatchObject({ n: 95 })
    expect(store).toBeDefined()
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
    await first.tenant.close()
  })
})

/** A document with a hundred versions. */
async function longDocument(mode: 'open' | 'sealed') {
  const store = await storeOf('sqlite')
  const first = await found(store, new HandClock().env())
  const a = await first.tenant.database('crm', { mode })
  const things = a.collection<Data>('things')
  await things.create({ n: 0, secret: 'in the first version' }, { id: 'long' })
  for (let n = 1; n < 100; n++) await things.update('long', { n })
  return { a, things, first, store }
}

describe('refused', () => {
  test('rules that are none', async () => {
    const { a } = await tenDays()
    for (const rule of [{}, { dryRun: true }]) expect(await failure(() => a.prune(rule))).toEqual(coded('INVALID'))
    for (const olderThanDays of [-1, Number.NaN, Infinity, untyped('3')])
      expect(await failure(() => a.prune({ olderThanDays }))).toEqual(coded('INVALID', { path: 'olderThanDays' }))
    for (const keepVersions of [0, 1.5, -2, untyped('3')])
      expect(await failure(() => a.prune({ keepVersions }))).toEqual(coded('INVALID', { path: 'keepVersions' }))
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(a.prune({ keepVersions: 1, signal: aborted })).rejects.toThrow('enough')
  })

  test('where another device records', async () => {
    const { whole } = await tenDays()
    expect(await failure(() => whole.prune({ keepVersions: 1 }))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => whole.prune({ keepVersions: 1, dryRun: true }))).toEqual(coded('FORBIDDEN'))
  })

  test('nothing to let go of is no error', async () => {
    const { tenant } = await found()
    const empty = await tenant.database('empty', { mode: 'open' })
    expect(await empty.prune({ olderThanDays: 0, keepVersions: 1 })).toEqual(nothing)
    await empty.collection('things').create({ n: 1 }, { id: 'once' })
    expect(await empty.prune({ olderThanDays: 0, keepVersions: 1 })).toEqual(nothing)
    expect(await empty.verify()).toMatchObject({ ok: true })
  })

  test('taking everything back to before: nothing is written, not even the pages that could go back', async () => {
    const { a, things } = await tenDays()
    await a.prune({ keepVersions: 3 })
    const before = await contentsOf(a)
    expect(await failure(() => things.restoreAll({ cv: 9 }))).toEqual(coded('PRUNED', { id: 'a', ov: 7 }))
    expect(await contentsOf(a)).toEqual(before)
    expect(await things.restoreAll({ cv: 15 })).toMatchObject({ restored: 3 })
  })
})

describe('others', () => {
  test('a copy that lacks what is gone is told so, takes nothing, and gets it elsewhere', async () => {
    const { a, whole, first } = await tenDays()
    await a.prune({ keepVersions: 1 })
    const fresh = await (await joined(first.tenant, 'cleo')).tenant.database('crm', { mode: 'open' })
    expect(await failure(() => fresh.sync(a))).toEqual(coded('PRUNED'))
    expect(replicaOf(fresh).state.record.length).toBe(0)
    expect(await fresh.collection('things').find().count()).toBe(0)
    expect(await fresh.verify()).toMatchObject({ ok: true })
    await fresh.sync(whole)
    await a.collection('things').patch('a', { later: true })
    await fresh.sync(a)
    expect(await contentsOf(fresh)).toEqual(await contentsOf(a))
    expect(await fresh.collection('things').getVersion('a', 0)).toMatchObject({ n: 0 })
    await whole.sync(a)
    await expectKept(a, whole)
  })

  test('a change that belongs below an edge is refused; one that belongs above counts', async () => {
    const { a, whole, things, clock, first } = await tenDays()
    const third = await joined(first.tenant, 'cleo', { env: clock.env() })
    const between = await third.tenant.database('crm', { mode: 'open' })
    const theirs = whole.collection<Data>('things')
    await theirs.patch('a', { theirs: 'too late' })
    await theirs.patch('d3', { theirs: 'in time' })
    clock.tick(day)
    await things.patch('a', { n: 10 })
    clock.tick(day)
    await things.patch('a', { n: 11 })
    await between.sync(a)
    await a.prune({ keepVersions: 1 })
    await whole.sync(between)
    await whole.sync(a)
    expect(await things.get('a')).not.toHaveProperty('theirs')
    expect(await things.get('d3')).toMatchObject({ theirs: 'in time' })
    const [refused, ...more] = await whole.refused()
    expect(more).toEqual([])
    expect(refused).toMatchObject({ code: 'CONFLICT', documents: [{ collection: 'things', id: 'a' }] })
    await whole.sync(a)
    await expectKept(a, whole, [50, 90, 99])
  })

  test('an edge never parts what is not in order: what came late keeps its place', async () => {
    const { a, whole, things, clock } = await tenDays()
    const theirs = whole.collection<Data>('things')
    await theirs.patch('a', { $push: { all: 'late' } })
    clock.tick(day)
    await things.patch('a', { $push: { all: 10 } })
    await things.patch('a', { $push: { all: 11 } })
    // It becomes version 12, and comes before versions 10 and 11 in time.
    await whole.sync(a)
    expect(await things.get('a')).toMatchObject({ all: [1, 2, 3, 4, 5, 6, 7, 8, 9, 'late', 10, 11] })
    await a.prune({ keepVersions: 2 })
    const [kept] = await keptOf(a)
    expect(kept?.edge?.ov).toBe(9)
    await expectKept(a, whole, [80, 99])
    await things.patch('a', { n: 12 })
    await whole.sync(a)
    await a.prune({ keepVersions: 2 })
    expect((await keptOf(a))[0]?.edge?.ov).toBe(12)
    await expectKept(a, whole, [80, 99])
  })
})

describe('counters', () => {
  const rule = (name: string, more: Data = {}) => untyped({ name, on: ['CREATE', 'UPDATE'], ...more })
  const big = { when: { n: { $gte: 5 } } }

  test('rules keep their counts; new ones that look at documents begin now', async () => {
    const { a, things, whole } = await tenDays()
    await a.counters.define([rule('plain'), rule('big', big)])
    const before = await a.counters.totals()
    await a.prune({ keepVersions: 1 })
    expect(await a.counters.totals()).toEqual(before)
    await a.counters.define([rule('plain'), rule('big', big), rule('also')])
    expect((await a.counters.totals()).rules['also']).toEqual(before.rules['plain'])
    const more = rule('more', { when: { n: 1 } })
    expect(await failure(() => a.counters.define([more]))).toEqual(coded('PRUNED', { rule: 'more' }))
    expect(Object.keys((await a.counters.totals()).rules)).toEqual(['plain', 'big', 'also'])
    await a.counters.define([rule('big', big), rule('more', { when: { n: { $gte: 0 } }, from: 'now' })])
    await things.patch('a', { n: 7 })
    expect((await a.counters.totals()).rules).toMatchObject({ more: { updated: 1 } })
    await things.patch('a', { n: 8 })
    await whole.sync(a)
    await a.prune({ keepVersions: 1 })
    expect(await failure(() => a.counters.recount())).toEqual(coded('PRUNED', { rule: 'big' }))
    expect(await a.counters.verify()).toEqual({ ok: true, problems: [] })
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('totals of the past that look at documents say that they are gone', async () => {
    const { a } = await tenDays()
    await a.counters.define([rule('big', big)])
    await a.prune({ keepVersions: 1 })
    expect(await failure(() => a.counters.totals({ at: { record: 12 } }))).toEqual(coded('PRUNED', { id: 'a' }))
    await a.counters.define([rule('plain')])
    expect(await a.counters.totals({ at: { record: 12 } })).toMatchObject({ created: 7, updated: 6 })
  })
})

describe('keys', () => {
  const password = 'correct horse battery staple'

  async function doctors(): Promise<{ a: Database; world: Awaited<ReturnType<typeof tenDays>> }> {
    const world = await tenDays('sealed')
    await world.first.tenant.keys.create('doctors')
    const notes = world.a.collection<Data>('things', { key: 'doctors' })
    await notes.create({ n: 0 }, { id: 'note' })
    for (let n = 1; n < 6; n++) await notes.patch('note', { n })
    await world.a.prune({ keepVersions: 2 })
    return { a: world.a, world }
  }

  test('what is kept under a key goes with it and comes back with it', async () => {
    const { a, world } = await doctors()
    const { keys } = world.first.tenant
    const file = await keys.export(['doctors'], password)
    const before = await contentsOf(a)
    await keys.remove('doctors')
    expect(await world.things.get('note')).toBeNull()
    expect(await world.things.getVersion('note', 4)).toBeNull()
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
    await keys.import(file, password)
    expect(await contentsOf(a)).toEqual(before)
    expect(await world.things.getVersion('note', 4)).toMatchObject({ n: 4 })
    expect(await failure(() => world.things.getVersion('note', 3))).toEqual(coded('PRUNED', { id: 'note', ov: 4 }))
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('what cannot be read is not pruned', async () => {
    const { a, world } = await doctors()
    const { keys } = world.first.tenant
    const file = await keys.export(['doctors'], password)
    await world.things.patch('note', { n: 6 })
    await keys.remove('doctors')
    expect(await failure(() => a.prune({ keepVersions: 1 }))).toEqual(coded('KEY_MISSING'))
    await keys.import(file, password)
    expect(await a.prune({ keepVersions: 1 })).toMatchObject({ versions: 3 })
    expect(await world.things.get('note')).toMatchObject({ n: 6 })
  })
})

test('related writes of one commit: its bodies go when nothing in it is kept', async () => {
  const { tenant } = await found()
  const a = await tenant.database('crm', { mode: 'open' })
  const things = a.collection<Data>('things')
  await a.transact(async (tx) => {
    await tx.collection<Data>('things').create({ n: 0 }, { id: 'x' })
    await tx.collection<Data>('things').create({ n: 0 }, { id: 'y' })
  })
  await things.patch('x', { n: 1 })
  expect(await a.prune({ keepVersions: 1 })).toMatchObject({ versions: 1, commits: 0, bytes: 0 })
  expect(await failure(() => things.getVersion('x', 0))).toEqual(coded('PRUNED', { id: 'x' }))
  expect(await things.getVersion('y', 0)).toMatchObject({ n: 0 })
  await things.patch('y', { n: 1 })
  expect(await a.prune({ keepVersions: 1 })).toMatchObject({ versions: 1, commits: 1 })
  expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
})

/** Requirement tests of the past: versions, as-of reads, history, differences, restoring one document and all. */

import type { RestoreAllProgress } from 'varve'
import { describe, expect, test } from 'vitest'
import {
  coded,
  contentsOf,
  failure,
  found,
  gather,
  HandClock,
  storeOf,
  threeCopies,
  type Data,
} from './engine-world.ts'

describe.each(['memory', 'sqlite'] as const)('the past on %s', (store) => {
  async function people() {
    const clock = new HandClock()
    const { tenant } = await found(await storeOf(store), clock.env())
    const database = await tenant.database('crm')
    return { clock, database, docs: database.collection<Data>('people', { indexes: ['n'] }) }
  }

  /** 100 versions, `n` equal to the version, one second apart; deleted at 40, restored at 41. */
  async function long() {
    const world = await people()
    const { clock, docs } = world
    const times: string[] = []
    const { id } = await docs.create({ n: 0 })
    await docs.create({ other: true })
    for (let ov = 0; ov < 100; ov++) {
      if (ov === 40) await docs.delete(id)
      else if (ov === 41) await docs.restore(id)
      else if (ov > 0) await docs.patch(id, { n: ov, [`a${ov % 7}`]: ov })
      times.push(new Date(clock.now).toISOString())
      clock.tick()
    }
    return { ...world, id, times }
  }

  const expectedN = (ov: number): number => (ov === 40 || ov === 41 ? 39 : ov)

  test('A5 getVersion and getAsOf read every version of a long history', async () => {
    const { docs, id, times } = await long()
    for (const [ov, at] of times.entries()) {
      const doc = await docs.getVersion(id, ov)
      expect(doc).toMatchObject({ n: expectedN(ov), _system: { ov, updatedAt: at, deleted: ov === 40 } })
      expect(await docs.getAsOf(id, at)).toEqual(doc)
      expect(await docs.getAsOf(id, new Date(Date.parse(at) + 999))).toEqual(doc)
      expect(await docs.getAsOf(id, at, { time: 'authored' })).toMatchObject({ n: expectedN(ov), _system: { ov } })
    }
    const before = new Date(Date.parse(times[0] ?? '') - 1)
    expect(await docs.getAsOf(id, before)).toBeNull()
    expect(await docs.getAsOf(id, before, { time: 'authored' })).toBeNull()
    for (const ov of [-1, 100, 1e9, 0.5]) expect(await docs.getVersion(id, ov)).toBeNull()
    expect(await failure(() => docs.getAsOf(id, 'yesterday'))).toEqual(coded('INVALID'))
    expect(await failure(() => docs.getAsOf(id, new Date(Number.NaN)))).toEqual(coded('INVALID'))
  })

  test('A5 history lists kinds, paths, times and documents, from and to anywhere', async () => {
    const { docs, id, times } = await long()
    const all = await gather(docs.history(id))
    expect(all.map(({ ov }) => ov)).toEqual(times.map((_, ov) => ov))
    expect(all.map(({ at }) => at)).toEqual(times)
    expect(all.map(({ recordedAt }) => recordedAt)).toEqual(times)
    expect(all.map(({ cv }) => cv)).toEqual(times.map((_, ov) => (ov === 0 ? 0 : ov + 1)))
    expect(all[0]).toMatchObject({ kind: 'put', paths: ['n'] })
    expect(all[8]).toMatchObject({ kind: 'change', paths: ['n', 'a1'] })
    expect(all[40]).toMatchObject({ kind: 'delete', paths: [], doc: { _system: { deleted: true } } })
    expect(all[41]).toMatchObject({ kind: 'restore' })
    for (const { ov, doc } of all) expect(doc).toEqual(await docs.getVersion(id, ov))
    expect(await gather(docs.history(id, { from: 95 }))).toEqual(all.slice(95))
    expect(await gather(docs.history(id, { from: 33, limit: 40 }))).toEqual(all.slice(33, 73))
    expect(await gather(docs.history(id, { from: 100 }))).toEqual([])
    expect(await gather(docs.history(id, { limit: 0 }))).toEqual([])
  })

  test('A5 diff between any two versions', async () => {
    const { docs } = await people()
    const { id } = await docs.create({ a: 1, o: { x: 1, y: [1] }, 'dotted.name': 1 })
    await docs.update(id, { a: '1', o: { x: 1, y: [1, 2], z: null } })
    expect(await docs.diff(id, 0, 1)).toEqual([
      { path: 'a', kind: 'changed', before: 1, after: '1' },
      { path: 'o.y', kind: 'changed', before: [1], after: [1, 2] },
      { path: 'o.z', kind: 'added', after: null },
      { path: 'dotted\\.name', kind: 'removed', before: 1 },
    ])
    expect(await docs.diff(id, 1, 0)).toHaveLength(4)
    expect(await docs.diff(id, 1, 1)).toEqual([])
    expect(await failure(() => docs.diff(id, 0, 2))).toEqual(coded('NOT_FOUND', { ov: 2 }))
  })

  test('A5 the whole database as of a record or a time can be queried', async () => {
    const { clock, database, docs } = await people()
    const states: { at: Date; record: number; contents: unknown }[] = []
    const remember = async (): Promise<void> => {
      const all = await docs.find().sort({ id: 1 }).toArray()
      states.push({ at: new Date(clock.now), record: states.length, contents: all })
      clock.tick()
    }
    await docs.create({ n: 1 }, { id: 'a' })
    await remember()
    await docs.create({ n: 2 }, { id: 'b' })
    await remember()
    await docs.patch('a', { n: 3 })
    await remember()
    await docs.delete('b')
    await remember()
    for (const { at, record, contents } of states) {
      for (const view of [await database.asOf(at), await database.asOf({ record })]) {
        expect(view.record).toBe(record)
        const past = view.collection<Data>('people')
        expect(await past.find().sort({ id: 1 }).toArray()).toEqual(contents)
        expect(await past.find({ n: { $gt: 2 } }).count()).toBe(record >= 2 ? 1 : 0)
        expect((await past.get('b')) === null).toBe(record === 0 || record === 3)
      }
    }
    const empty = await database.asOf('1999-01-01T00:00:00.000Z')
    expect(await empty.collection('people').find().toArray()).toEqual([])
    expect(await failure(() => database.asOf({ record: 4 }))).toEqual(coded('NOT_FOUND'))
  })

  test('A6 restore to a version, to a time, and undelete are new versions', async () => {
    const { clock, docs } = await people()
    const { id } = await docs.create({ a: 1, gone: true })
    const early = new Date(clock.now).toISOString()
    clock.tick()
    await docs.update(id, { a: 2, b: 2 })
    expect(await docs.restore(id, { ov: 0 }, { actor: 'eve', reason: 'mistake' })).toMatchObject({ ov: 2 })
    expect(await docs.get(id)).toMatchObject({ a: 1, gone: true })
    expect(await docs.get(id)).not.toHaveProperty('b')
    await docs.restore(id, { ov: 1 })
    await docs.restore(id, { at: early })
    expect(await docs.get(id)).toMatchObject({ a: 1, gone: true, _system: { ov: 4 } })
    expect(await docs.restore(id, { ov: 4 })).toMatchObject({ changed: false })
    await docs.delete(id)
    expect(await docs.restore(id)).toMatchObject({ ov: 6 })
    expect(await docs.get(id)).toMatchObject({ a: 1, _system: { deleted: false, deletedAt: null } })
    expect(await docs.restore(id)).toMatchObject({ changed: false })
    await docs.restore(id, { ov: 5 })
    expect(await docs.get(id)).toBeNull()
    const versions = await gather(docs.history(id))
    expect(versions[2]).toMatchObject({ actor: 'eve', reason: 'mistake', kind: 'restore' })
    expect(await failure(() => docs.restore(id, { ov: 99 }))).toEqual(coded('NOT_FOUND'))
    expect(await failure(() => docs.restore(id, { at: '1999-01-01T00:00:00Z' }))).toEqual(coded('NOT_FOUND'))
  })

  test('A6 restoreAll to a cv and to a time, dry run first, and itself undone', async () => {
    const { clock, database, docs } = await people()
    await docs.createMany(Array.from({ length: 30 }, (_, n) => ({ n, id: `d${n}` })))
    for (let n = 0; n < 10; n++) await docs.delete(`d${n}`)
    const point = { cv: 39 }
    const at = new Date(clock.now).toISOString()
    const then = await docs.find().sort({ id: 1 }).toArray()
    clock.tick()
    for (let n = 10; n < 20; n++) await docs.patch(`d${n}`, { n: -n, extra: true })
    for (let n = 5; n < 10; n++) await docs.restore(`d${n}`)
    for (let n = 25; n < 30; n++) await docs.delete(`d${n}`)
    await docs.createMany([{ id: 'new1' }, { id: 'new2' }])
    const latest = (await database.stats()).collections[0]?.cv ?? 0
    const now = await docs.find().sort({ id: 1 }).toArray()
    const stats = await database.stats()
    expect(await docs.restoreAll(point, { dryRun: true })).toEqual({ planned: 22, restored: 0 })
    expect(await docs.restoreAll({ at }, { dryRun: true })).toEqual({ planned: 22, restored: 0 })
    expect(await database.stats()).toEqual(stats)
    expect(await docs.restoreAll(point, { actor: 'eve', reason: 'undo' })).toEqual({ planned: 22, restored: 22 })
    const data = (all: readonly Data[]): unknown => all.map(({ _system, ...rest }) => rest)
    expect(data(await docs.find().sort({ id: 1 }).toArray())).toEqual(data(then))
    expect(await gather(docs.history('new1'))).toMatchObject([{}, { actor: 'eve', reason: 'undo', kind: 'restore' }])
    expect(await docs.restoreAll(point)).toEqual({ planned: 0, restored: 0 })
    expect(await docs.restoreAll({ cv: latest })).toEqual({ planned: 22, restored: 22 })
    expect(data(await docs.find().sort({ id: 1 }).toArray())).toEqual(data(now))
    expect(await docs.find({ n: { $gte: 20 } }).count()).toBe(5)
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
    expect(await failure(() => docs.restoreAll({ cv: 10_000 }))).toEqual(coded('NOT_FOUND'))
    expect(await failure(() => docs.restoreAll({ at: '1999-01-01T00:00:00Z' }))).toEqual(coded('NOT_FOUND'))
  })

  test('A6 restoreAll tells how far it is, and goes on where it was cut off', async () => {
    const { docs } = await people()
    const ids = Array.from({ length: 1100 }, (_, n) => `d${n}`)
    await docs.createMany(ids.map((id, n) => ({ n, id })))
    await Promise.all(ids.slice(0, 900).map((id) => docs.patch(id, { n: -1 })))
    const point = { cv: 1099 }
    const told: RestoreAllProgress[] = []
    const cut = new AbortController()
    const onProgress = (progress: RestoreAllProgress): void => {
      told.push(progress)
      cut.abort()
    }
    const { signal } = cut
    expect(await failure(() => docs.restoreAll(point, { onProgress, signal }))).toMatchObject({ name: 'AbortError' })
    expect(told).toEqual([{ checked: 500, planned: 500, restored: 500 }])
    expect(await docs.restoreAll(point, { dryRun: true })).toEqual({ planned: 400, restored: 0 })
    const rest = await docs.restoreAll(point, { onProgress: (progress) => void told.push(progress) })
    expect(rest).toEqual({ planned: 400, restored: 400 })
    expect(told.slice(1)).toEqual([
      { checked: 500, planned: 0, restored: 0 },
      { checked: 1000, planned: 400, restored: 400 },
      { checked: 1100, planned: 400, restored: 400 },
    ])
    expect(await docs.find({ n: -1 }).count()).toBe(0)
  })
})

test('A5 recorded and authored time differ for what was written offline', async () => {
  const [clockA, clockB] = [new HandClock(), new HandClock()]
  const { a, b } = await threeCopies('sealed', { a: clockA.env(), b: clockB.env() })
  const { id } = await a.collection<Data>('people').create({ v: 'created' })
  await b.sync(a)
  clockB.tick(1000)
  await b.collection<Data>('people').patch(id, { v: 'offline' })
  const authored = new Date(clockB.now)
  clockA.tick(10_000)
  await b.sync(a)
  for (const copy of [a, b]) {
    const docs = copy.collection<Data>('people')
    expect(await docs.getAsOf(id, authored)).toMatchObject({ v: 'created' })
    expect(await docs.getAsOf(id, authored, { time: 'authored' })).toMatchObject({ v: 'offline' })
    expect(await docs.getAsOf(id, new Date(clockA.now))).toMatchObject({ v: 'offline' })
    expect((await gather(docs.history(id)))[1]).toMatchObject({
      at: authored.toISOString(),
      recordedAt: new Date(clockA.now).toISOString(),
    })
  }
})

test('A5 a version number names one version while own changes are pending above versions of others', async () => {
  const { a, b, c } = await threeCopies()
  const { id } = await a.collection<Data>('people').create({ v: 0 })
  await b.sync(a)
  await b.collection<Data>('people').patch(id, { mine: true })
  await a.collection<Data>('people').patch(id, { theirs: true })
  await c.sync(a)
  await b.sync(c)
  const docs = b.collection<Data>('people')
  expect(await docs.get(id)).toMatchObject({ mine: true, theirs: true, _system: { ov: 2, pending: true } })
  const seen = await gather(docs.history(id))
  for (const { ov, doc } of seen) expect(await docs.getVersion(id, ov)).toEqual(doc)
  expect(await docs.getVersion(id, 1)).not.toHaveProperty('mine')
  expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
  await b.sync(a)
  await c.sync(a)
  expect(await contentsOf(b)).toEqual(await contentsOf(a))
  expect(await contentsOf(c)).toEqual(await contentsOf(a))
})

/** Requirement tests of single documents: writes and their answers, `_system`, versions, preconditions, lineage. */

import { describe, expect, test } from 'vitest'
import { coded, failure, found, gather, HandClock, storeOf, untyped, type Data } from './engine-world.ts'

const stores = ['memory', 'sqlite'] as const
const modes = ['sealed', 'open'] as const
const worlds = stores.flatMap((store) => modes.map((mode) => ({ store, mode })))

describe.each(worlds)('documents on $store, $mode', ({ store, mode }) => {
  async function people() {
    const clock = new HandClock()
    const { tenant } = await found(await storeOf(store), clock.env())
    const database = await tenant.database('crm', { mode })
    return { clock, database, people: database.collection<Data>('people') }
  }

  test('A1 create, update and delete answer id, ov, cv and at, counting up per document and collection', async () => {
    const { clock, database, people: docs } = await people()
    const at = new Date(clock.now).toISOString()
    const first = await docs.create({ name: 'Ada', age: 36 })
    expect(first).toMatchObject({ ov: 0, cv: 0, at, changed: true })
    const second = await docs.create({ name: 'Bob' }, { id: 'bob' })
    expect(second).toMatchObject({ id: 'bob', ov: 0, cv: 1 })
    clock.tick()
    expect(await docs.update(first.id, { name: 'Ada L', age: 36 })).toMatchObject({ id: first.id, ov: 1, cv: 2 })
    expect(await docs.patch(first.id, { age: 37 })).toMatchObject({ ov: 2, cv: 3 })
    expect(await docs.delete(first.id)).toMatchObject({ ov: 3, cv: 4, at: new Date(clock.now).toISOString() })
    expect(await docs.get(first.id)).toBeNull()
    expect(await database.collection<Data>('other').create({})).toMatchObject({ ov: 0, cv: 0 })
    expect(await second.receipt()).toMatchObject({ record: 1, ov: 0, cv: 1 })
  })

  test('A1 a write that changes nothing writes nothing', async () => {
    const { database, people: docs } = await people()
    const { id } = await docs.create({ a: 1, list: [1, { b: 2 }] })
    const before = await database.stats()
    expect(await docs.update(id, { list: [1, { b: 2 }], a: 1 })).toMatchObject({ ov: 0, changed: false })
    expect(await docs.patch(id, { a: 1 })).toMatchObject({ ov: 0, changed: false })
    expect(await docs.patch(id, { $unset: { nope: true }, $pull: { list: 5 } })).toMatchObject({ changed: false })
    expect(await docs.enrich(id, { list: [1] })).toMatchObject({ changed: false })
    const written = await docs.patch(id, {})
    expect(await written.receipt()).toMatchObject({ ov: 0, cv: 0 })
    expect(await database.stats()).toEqual(before)
  })

  test('A1 actor and reason are kept with every version', async () => {
    const { people: docs } = await people()
    const { id } = await docs.create({ a: 1 }, { actor: 'carol', reason: 'signed up' })
    await docs.patch(id, { a: 2 })
    await docs.delete(id, { actor: 'dan', reason: 'asked to' })
    const versions = await gather(docs.history(id))
    expect(versions.map(({ ov, cv, actor, reason, kind }) => [ov, cv, actor, reason, kind])).toEqual([
      [0, 0, 'carol', 'signed up', 'put'],
      [1, 1, 'ada', null, 'change'],
      [2, 2, 'dan', 'asked to', 'delete'],
    ])
  })

  test('A2 a stale expectedOv fails with CONFLICT {expected, actual} and writes nothing', async () => {
    const { database, people: docs } = await people()
    const { id } = await docs.create({ n: 0 })
    await docs.patch(id, { n: 1 }, { expectedOv: 0 })
    const before = await database.stats()
    const stale = coded('CONFLICT', { id, expected: 0, actual: 1 })
    expect(await failure(() => docs.patch(id, { n: 2 }, { expectedOv: 0 }))).toEqual(stale)
    expect(await failure(() => docs.update(id, { n: 2 }, { expectedOv: 0 }))).toEqual(stale)
    expect(await failure(() => docs.enrich(id, { n: 2 }, { expectedOv: 0 }))).toEqual(stale)
    expect(await failure(() => docs.delete(id, { expectedOv: 0 }))).toEqual(stale)
    expect(await failure(() => docs.restore(id, { ov: 0 }, { expectedOv: 0 }))).toEqual(stale)
    expect(await failure(() => docs.patch(id, { n: 1 }, { expectedOv: 0 }))).toEqual(stale)
    expect(await failure(() => docs.create({}, { expectedOv: 3 }))).toEqual(coded('CONFLICT', { actual: -1 }))
    expect(await database.stats()).toEqual(before)
    expect(await docs.get(id)).toMatchObject({ n: 1, _system: { ov: 1 } })
  })

  test('A2 of many concurrent writes that expect one version, exactly one wins', async () => {
    const { people: docs } = await people()
    const { id } = await docs.create({ n: 0 })
    const tries = Array.from({ length: 20 }, (_, n) => docs.patch(id, { n: n + 1 }, { expectedOv: 0 }))
    const settled = await Promise.allSettled(tries)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of settled) if (result.status === 'rejected') expect(result.reason).toEqual(coded('CONFLICT'))
    expect((await docs.get(id))?._system.ov).toBe(1)
  })

  test('A3 _system stands beside untouched data', async () => {
    const { clock, people: docs } = await people()
    const at = new Date(clock.now).toISOString()
    const { id } = await docs.create({ z: 1, a: { nested: [null, false, '', 0] } }, { actor: 'carol' })
    const later = new Date(clock.tick()).toISOString()
    await docs.enrich(id, { b: 2 }, { functionId: 'f1', actor: 'dan' })
    await docs.enrich(id, { b: 3 }, { functionId: 'f1' })
    await docs.enrich(id, { b: 3 }, { functionId: 'f2' })
    const doc = await docs.get(id)
    expect(doc).toEqual({
      z: 1,
      a: { nested: [null, false, '', 0] },
      b: 3,
      id,
      _system: {
        ov: 3,
        cv: 3,
        insertedAt: at,
        updatedAt: later,
        deletedAt: null,
        deleted: false,
        functionIds: ['f1', 'f2'],
        parentId: null,
        parentCollection: null,
        originId: null,
        originCollection: null,
        createdBy: 'carol',
        updatedBy: 'ada',
        pending: false,
      },
    })
    expect(Object.keys(doc ?? {}).slice(0, 3)).toEqual(['z', 'a', 'b'])
    const gone = new Date(clock.tick()).toISOString()
    await docs.delete(id)
    const [deleted] = await docs.find({ id }).includeDeleted().toArray()
    expect(deleted?._system).toMatchObject({ deleted: true, deletedAt: gone, updatedAt: gone, insertedAt: at })
  })

  test('A3 parentRecord sets the parent and inherits its origin; origin.system prefixes the collection', async () => {
    const { database, people: docs } = await people()
    const orders = database.collection<Data>('orders')
    const origin = { id: 'cus_1', collection: 'customers', system: 'stripe' }
    const root = await docs.create({}, { origin })
    const child = await orders.create({}, { parentRecord: { id: root.id, collection: 'people' } })
    const grandchild = await orders.create({}, { parentRecord: { id: child.id, collection: 'orders' } })
    const plain = await docs.create({})
    const orphan = await orders.create({}, { parentRecord: { id: plain.id, collection: 'people' } })
    const lineage = async (id: string) => (await (id === root.id ? docs : orders).get(id))?._system
    const from = { originId: 'cus_1', originCollection: 'stripe:customers' }
    expect(await lineage(root.id)).toMatchObject({ parentId: null, parentCollection: null, ...from })
    expect(await lineage(child.id)).toMatchObject({ parentId: root.id, parentCollection: 'people', ...from })
    expect(await lineage(grandchild.id)).toMatchObject({ parentId: child.id, parentCollection: 'orders', ...from })
    expect(await lineage(orphan.id)).toMatchObject({ originId: plain.id, originCollection: 'people' })
    await orders.update(child.id, { x: 1 })
    expect(await lineage(child.id)).toMatchObject({ parentId: root.id, ...from })
  })

  test('A9 falsy values are values', async () => {
    const { people: docs } = await people()
    const falsy = { zero: 0, no: false, empty: '', nothing: null, list: [], object: {} }
    const { id } = await docs.create(falsy)
    expect(await docs.get(id)).toMatchObject(falsy)
    await docs.update(id, { zero: 1, no: true, empty: 'x', nothing: 1, list: [1], object: { a: 1 } })
    await docs.update(id, falsy)
    expect(await docs.getVersion(id, 2)).toMatchObject(falsy)
    await docs.patch(id, { other: null, $set: undefined }).then(
      () => expect.unreachable(),
      (error: unknown) => {
        expect(error).toEqual(coded('INVALID'))
      },
    )
    await docs.patch(id, { $set: { 'object.a': false }, $unset: { nothing: 1 } })
    const doc = await docs.get(id)
    expect(doc).toMatchObject({ object: { a: false } })
    expect(doc).not.toHaveProperty('nothing')
    for (const [name, value] of Object.entries(falsy).slice(0, 3))
      expect(await docs.find({ [name]: value }).count()).toBe(1)
  })

  test('A10 writing to a deleted document says DELETED, to none NOT_FOUND, creating one again EXISTS', async () => {
    const { people: docs } = await people()
    const { id } = await docs.create({ a: 1 })
    expect(await failure(() => docs.create({}, { id }))).toEqual(coded('EXISTS', { id, deleted: false }))
    await docs.delete(id)
    expect(await docs.delete(id)).toMatchObject({ changed: false, ov: 1 })
    expect(await failure(() => docs.patch(id, { a: 2 }))).toEqual(coded('DELETED', { id }))
    expect(await failure(() => docs.update(id, { a: 2 }))).toEqual(coded('DELETED'))
    expect(await failure(() => docs.enrich(id, { a: 2 }))).toEqual(coded('DELETED'))
    expect(await failure(() => docs.create({}, { id }))).toEqual(coded('EXISTS', { deleted: true }))
    for (const call of [
      () => docs.patch('none', {}),
      () => docs.update('none', {}),
      () => docs.enrich('none', {}),
      () => docs.delete('none'),
      () => docs.restore('none'),
      () => docs.diff('none', 0, 1),
      () => docs.conflicts('none'),
      () => gather(docs.history('none')),
    ])
      expect(await failure(call)).toEqual(coded('NOT_FOUND'))
    expect(await docs.get('none')).toBeNull()
    expect(await docs.getVersion('none', 0)).toBeNull()
  })

  test('A10 a delete and an update racing on one device leave one history that says who won', async () => {
    const { database, people: docs } = await people()
    const { id } = await docs.create({ a: 1 })
    const [deleted, patched] = await Promise.allSettled([docs.delete(id), docs.patch(id, { a: 2 })])
    expect(deleted.status).toBe('fulfilled')
    expect(patched).toMatchObject({ status: 'rejected', reason: coded('DELETED') })
    await docs.restore(id)
    const [first, second] = await Promise.allSettled([docs.patch(id, { a: 3 }), docs.delete(id)])
    expect([first.status, second.status]).toEqual(['fulfilled', 'fulfilled'])
    expect((await gather(docs.history(id))).map(({ kind }) => kind)).toEqual([
      'put',
      'delete',
      'restore',
      'change',
      'delete',
    ])
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('A1 createMany is one commit or nothing', async () => {
    const { database, people: docs } = await people()
    const made = await docs.createMany(Array.from({ length: 50 }, (_, n) => ({ n })))
    expect(made.map(({ ov, cv }) => [ov, cv])).toEqual(made.map((_, n) => [0, n]))
    expect((await database.stats()).commits).toBe(1)
    const before = await database.stats()
    expect(await failure(() => docs.createMany([{ id: 'x' }, { id: 'x' }]))).toEqual(coded('EXISTS'))
    expect(await failure(() => docs.createMany([{ ok: 1 }, { id: made[0]?.id ?? '' }]))).toEqual(coded('EXISTS'))
    expect(await failure(() => docs.createMany([{ ok: 1 }, { bad: untyped(undefined) }]))).toEqual(coded('INVALID'))
    expect(await database.stats()).toEqual(before)
    expect(await docs.createMany([])).toEqual([])
  })

  test('C2 a thousand creates that nobody waits for share commits', async () => {
    const { database, people: docs } = await people()
    const made = await Promise.all(Array.from({ length: 1000 }, (_, n) => docs.create({ n })))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1000)
    expect(made.map(({ cv }) => cv)).toEqual(made.map((_, n) => n))
    expect((await database.stats()).commits).toBeLessThanOrEqual(5)
    expect(await docs.find().count()).toBe(1000)
    expect(await database.verify()).toMatchObject({ ok: true })
  })
})

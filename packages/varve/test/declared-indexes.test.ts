/** Unique indexes that an open database declares in itself: kept by all who read it, seen by nobody, bounded whatever members declare. */

import { describe, expect, test } from 'vitest'
import { Database, replicaOf } from '../src/database/database.ts'
import { createWrite, deleteWrite, patchWrite, taskOf, type Write } from '../src/database/writes.ts'
import { makeSpace, noRules, type Space } from '../src/database/space.ts'
import { limits } from '../src/limits.ts'
import { decodeUnit, encodeUnit, type FeedRun } from '../src/log/unit.ts'
import { memory, type Collection, type CollectionOptions } from '../src/index.ts'
import { declarationId, declarationsName } from '../src/replica/declarations.ts'
import { summaryOf, unitsFor } from '../src/replica/exchange.ts'
import { ingest } from '../src/replica/ingest.ts'
import { Replica } from '../src/replica/replica.ts'
import { readOnly } from '../src/store/read-only.ts'
import { decorate, decorateStores } from '../src/store/decorate.ts'
import { VarveError } from '../src/errors.ts'
import type { IndexState } from '../src/replica/state.ts'
import { coded, found, gather, joined, reopened, threeCopies, type Data } from './engine-world.ts'

const unique: CollectionOptions<Data> = { indexes: [{ paths: ['email'], unique: true }] }
const people = (database: Database, options: CollectionOptions<Data> = {}): Collection<Data> =>
  database.collection<Data>('people', options)

/** The unique indexes that a copy keeps, as `collection: paths`. */
function kept(database: Database): readonly string[] {
  return replicaOf(database).state.collections.flatMap(({ name, indexes }) =>
    indexes.filter((index: IndexState) => index.unique).map(({ paths }) => `${name ?? '?'}: ${paths.join(', ')}`),
  )
}

/** The engine's own collection, as an altered program reaches it. */
function own(database: Database): Space {
  return makeSpace(replicaOf(database), declarationsName, noRules)
}

const run = (database: Database, write: Write): Promise<unknown> =>
  replicaOf(database).write(taskOf(own(database), write))

const idOf = (database: Database, collection: string, paths: readonly string[]): string =>
  declarationId(replicaOf(database).context, { collection, paths })

/** Writes a declaration as an altered program would; under the id that fits it, when none is given. */
function forge(database: Database, data: Data, id?: string): Promise<unknown> {
  const { collection, paths } = data
  const named = typeof collection === 'string' && Array.isArray(paths) ? paths.map(String) : []
  return run(
    database,
    createWrite(own(database), data, {
      id: id ?? idOf(database, typeof collection === 'string' ? collection : '', named),
    }),
  )
}

describe('a declared index', () => {
  test('is kept by every copy, and refuses where the recorder has declared nothing', async () => {
    const { a, b, c } = await threeCopies('open')
    await people(b, unique).create({ email: 'x' }, { id: 'first' })
    await people(c).create({ email: 'x' }, { id: 'second' })
    await b.sync(a)
    await c.sync(a)
    expect([a, b, c].map(kept)).toEqual([['people: email'], ['people: email'], ['people: email']])
    expect(await c.refused()).toMatchObject([{ code: 'EXISTS', documents: [{ id: 'second' }] }])
    await expect(people(c).create({ email: 'x' })).rejects.toThrow(coded('EXISTS', { id: 'first' }))
    expect(await people(a).find({ email: 'x' }).explain()).toMatchObject({ paths: ['email'] })
    for (const each of [a, b, c]) expect(await each.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('is one document, whoever declares it, and needs no second commit', async () => {
    const { a, b, c } = await threeCopies('open')
    for (const each of [b, c]) await people(each, unique).find().first()
    await b.sync(a)
    await c.sync(a)
    await b.sync(a)
    const records = (await a.stats()).records
    for (const each of [a, b, c]) await people(each, unique).find().first()
    await b.sync(a)
    expect((await a.stats()).records).toBe(records)
    expect(replicaOf(a).state.collections.map(({ documents }) => documents)).toEqual([2, 1])
  })

  test('is seen by nobody', async () => {
    const { a, b } = await threeCopies('open')
    await a.counters.define([{ name: 'all', on: ['CREATE'] }])
    await people(b, unique).create({ email: 'x' }, { id: 'first' })
    await b.sync(a)
    for (const each of [a, b]) {
      expect(each.collections()).toEqual(['people'])
      expect(await each.stats()).toMatchObject({
        documents: 1,
        entries: 1,
        pending: 0,
        collections: [{ name: 'people', documents: 1 }],
      })
      expect((await gather(each.changes())).map(({ collection }) => collection)).toEqual(['people'])
      expect(await each.counters.totals()).toMatchObject({ created: 1, updated: 0 })
      expect(() => each.collection(declarationsName)).toThrow(coded('RESERVED_NAME'))
      await expect(each.transact((tx) => tx.collection(declarationsName).get('x'))).rejects.toThrow(
        coded('RESERVED_NAME'),
      )
    }
    expect(await a.counters.totals()).toMatchObject({ rules: { all: { created: 1 } } })
    expect((await a.counters.verify()).problems).toEqual([])
  })

  test('is taken back by unique: false, everywhere, and declared again', async () => {
    const { a, b, c } = await threeCopies('open')
    await people(b, unique).create({ email: 'x' })
    await b.sync(a)
    await c.sync(a)
    await people(c, { indexes: [{ paths: ['email'], unique: false }] }).create({ email: 'x' })
    await c.sync(a)
    await b.sync(a)
    expect([a, b, c].map(kept)).toEqual([[], [], []])
    await people(b).create({ email: 'x' })
    await b.sync(a)
    expect(await b.refused()).toEqual([])
    await people(a, unique).find().first()
    await c.sync(a)
    expect(kept(c)).toEqual(['people: email'])
    expect(await people(c).duplicates()).toMatchObject([{ values: ['x'] }])
  })

  test('goes when its document is deleted, and comes again when it is declared', async () => {
    const { a, b } = await threeCopies('open')
    await people(a, unique).create({ email: 'x' })
    await b.sync(a)
    await run(b, deleteWrite(own(b), idOf(b, 'people', ['email']), {}))
    await b.sync(a)
    expect(kept(a)).toEqual([])
    await people(a, unique).find().first()
    await b.sync(a)
    expect([a, b].map(kept)).toEqual([['people: email'], ['people: email']])
  })

  test('concerns open databases alone', async () => {
    const { a, b } = await threeCopies('sealed')
    await people(b, unique).create({ email: 'x' })
    await b.sync(a)
    expect(kept(a)).toEqual([])
    expect((await a.stats()).records).toBe(1)
  })

  test('counts from the commit behind it, also within one unit', async () => {
    const { a, b, c } = await threeCopies('open')
    for (const each of [b, c]) await people(each, unique).find().first()
    await people(b).create({ email: 'x' }, { id: 'first' })
    await people(c).create({ email: 'x' }, { id: 'second' })
    const feeds: FeedRun[] = []
    for (const each of [b, c]) {
      await replicaOf(each).sign()
      for await (const bytes of unitsFor(replicaOf(each), summaryOf(replicaOf(a))))
        feeds.push(...decodeUnit(bytes).feeds)
    }
    const { verdicts } = await ingest(replicaOf(a), encodeUnit({ feeds, record: null }))
    expect(verdicts.filter((code) => code !== null)).toEqual(['EXISTS'])
    expect((await people(a).find().toArray()).length).toBe(1)
  })
})

describe('after a restart', () => {
  test('the recorder keeps what others declared', async () => {
    const first = await found()
    const other = await joined(first.tenant, 'bob')
    const [a, b] = [
      await first.tenant.database('crm', { mode: 'open' }),
      await other.tenant.database('crm', { mode: 'open' }),
    ]
    await people(b, unique).create({ email: 'x' })
    await b.sync(a)
    const again = await reopened(first)
    const back = await again.tenant.database('crm', { mode: 'open' })
    await people(b).create({ email: 'y' })
    await expect(people(back).create({ email: 'x' })).rejects.toThrow(coded('EXISTS'))
    expect(kept(back)).toEqual(['people: email'])
  })

  test('what was being made is made, before anything more is recorded', async () => {
    let failing = false
    const store = decorateStores(memory(), (inner) =>
      decorate(inner, (method, call) => {
        if (failing && method === 'scan') return Promise.reject(new VarveError('STORE_FAILED', 'the disk is gone'))
        return call()
      }),
    )
    const first = await found(store)
    const other = await joined(first.tenant, 'bob')
    const [a, b] = [
      await first.tenant.database('crm', { mode: 'open' }),
      await other.tenant.database('crm', { mode: 'open' }),
    ]
    await people(a).createMany(Array.from({ length: 1200 }, (_, n) => ({ id: `p${n}`, email: `${n}@x` })))
    await people(b, unique).find().first()
    failing = true
    await b.sync(a)
    failing = false
    const [index] = replicaOf(a).collection(makeSpace(replicaOf(a), 'people', noRules).tag)?.indexes ?? []
    expect(index).toMatchObject({ unique: true, ready: false })
    // His copy has the index and not the value that came last.
    await people(a).create({ id: 'last', email: 'last@x' })
    await people(b).create({ id: 'late', email: 'last@x' })
    const again = await reopened(first)
    const back = await again.tenant.database('crm', { mode: 'open' })
    expect(await people(back).find({ email: '1100@x' }).explain()).toMatchObject({ paths: ['email'] })
    await b.sync(back)
    expect(await b.refused()).toMatchObject([{ code: 'EXISTS', documents: [{ id: 'late' }] }])
    expect(await back.verify()).toMatchObject({ ok: true, problems: [] })
  })
})

describe('a device that may not write', () => {
  test('keeps working with an index of its own', async () => {
    const first = await found()
    const other = await joined(first.tenant, 'bob')
    const [a, b] = [
      await first.tenant.database('crm', { mode: 'open' }),
      await other.tenant.database('crm', { mode: 'open' }),
    ]
    await people(a).create({ email: 'x' })
    await b.sync(a)
    await first.tenant.directory.revoke('bob')
    await b.sync(a).catch(() => undefined)
    expect(await people(b, unique).find({ email: 'x' }).toArray()).toHaveLength(1)
    expect(await b.refused()).toEqual([])
    expect(replicaOf(b).state.collections.map(({ name }) => name)).toEqual(['people'])
  })

  test('reads what is there from a store that may only be read', async () => {
    const inner = memory()
    const first = await found(inner)
    const a = await first.tenant.database('crm', { mode: 'open' })
    await people(a, unique).create({ email: 'x' })
    const { context } = replicaOf(a)
    const replica = await Replica.open({ ...context, store: readOnly(context.store) })
    const home = { id: '', beforeSync: () => Promise.resolve(), syncOver: () => Promise.reject(new Error('not here')) }
    expect(await people(new Database(replica, home), unique).find({ email: 'x' }).count()).toBe(1)
  })
})

describe('what a hostile member declares', () => {
  test('fills neither the database nor the room of the application', async () => {
    const { a, b } = await threeCopies('open')
    await people(a).create({ email: 'x' })
    for (let n = 0; n < 100; n++) await forge(b, { collection: 'people', paths: [`p${n}`], unique: true })
    for (let n = 0; n < 400; n++) await forge(b, { collection: `c${n}`, paths: ['p'], unique: true })
    await b.sync(a)
    for (const each of [a, b]) {
      const ofPeople = kept(each).filter((name) => name.startsWith('people:'))
      expect([ofPeople.length, kept(each).length]).toEqual([limits.collectionDeclared, limits.declaredIndexes])
      expect(each.collections()).toEqual(['people'])
    }
    const mine = Array.from({ length: limits.collectionIndexes }, (_, n) => `own${n}`)
    expect(await people(a, { indexes: mine }).find({ own3: null }).count()).toBe(1)
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test.each<[string, Data, string?]>([
    ['an unknown field', { collection: 'people', paths: ['email'], unique: true, where: { a: 1 } }],
    ['another id', { collection: 'people', paths: ['email'], unique: true }, 'kforged'],
    ['no collection', { paths: ['email'], unique: true }],
    ['a collection of the engine', { collection: declarationsName, paths: ['paths'], unique: true }],
    ['no paths', { collection: 'people', paths: [], unique: true }],
    ['too many paths', { collection: 'people', paths: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'], unique: true }],
    ['a path twice', { collection: 'people', paths: ['a', 'a'], unique: true }],
    ['paths that are none', { collection: 'people', paths: ['a..b'], unique: true }],
    ['a long path', { collection: 'people', paths: ['x'.repeat(10_000)], unique: true }],
    ['a path of the engine', { collection: 'people', paths: ['_system.ov'], unique: true }],
    ['paths that are no text', { collection: 'people', paths: [[1], { a: null }, null], unique: true }],
    ['something else than true', { collection: 'people', paths: ['email'], unique: 'true' }],
  ])('with %s is not taken up, and harms nobody', async (_what, data, id) => {
    const { a, b } = await threeCopies('open')
    await people(a).create({ email: 'x', a: 1 })
    await forge(b, data, id)
    await b.sync(a)
    expect([a, b].map(kept)).toEqual([[], []])
    await people(a).create({ email: 'x', a: 1 })
    await people(b).create({ email: 'x', a: 1 })
    await b.sync(a)
    expect(await people(b, unique).find().count()).toBe(3)
    expect(a.collections()).toEqual(['people'])
    for (const each of [a, b]) expect(await each.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('or spoils of an honest declaration is made good when it is declared again', async () => {
    const { a, b } = await threeCopies('open')
    await people(a, unique).create({ email: 'x' })
    await b.sync(a)
    const id = idOf(b, 'people', ['email'])
    await run(b, patchWrite(own(b), id, { $set: { paths: ['other'], unique: 7, more: { x: 1 } } }, {}))
    await b.sync(a)
    expect(kept(a)).toEqual([])
    await people(a, unique).find().first()
    await b.sync(a)
    expect([a, b].map(kept)).toEqual([['people: email'], ['people: email']])
  })

  test('keeps others from writing only until one of them takes it back', async () => {
    const { a, b } = await threeCopies('open')
    await people(a).createMany([{ email: 'x' }, { email: 'y' }])
    await forge(b, { collection: 'people', paths: ['nobody.has.it'], unique: true })
    await b.sync(a)
    await expect(people(a).create({ email: 'z' })).rejects.toThrow(coded('EXISTS'))
    await people(a, { indexes: [{ paths: ['nobody.has.it'], unique: false }] }).create({ email: 'z' })
    await b.sync(a)
    await people(b).create({ email: 'z' })
    expect(kept(b)).toEqual([])
  })
})

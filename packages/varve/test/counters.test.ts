/** Counters: totals, rules shaped as in Chronos, parts of time, statistics, and what does not count. */

import { describe, expect, test } from 'vitest'
import { combineTotals, limits, memory, type CounterRule, type Database } from '../src/index.ts'
import { coded, failure, found, HandClock, reopened, storeOf, untyped, type Data } from './engine-world.ts'

const logins: CounterRule = {
  name: 'user_logins',
  on: ['CREATE'],
  scope: 'meta',
  when: { action: 'login' },
  countUnique: ['sessionId'],
}

async function events(rules: readonly CounterRule[] = []): Promise<Database> {
  const { tenant } = await found()
  const database = await tenant.database('app')
  await database.counters.define(rules)
  return database
}

describe.each(['memory', 'sqlite'] as const)('counters on %s', (store) => {
  test('F1 totals count what is recorded: enrich and restore are updates, refusals and no changes are nothing', async () => {
    const clock = new HandClock()
    const opened = await found(await storeOf(store), clock.env())
    const database = await opened.tenant.database('app')
    const users = database.collection<Data>('users')
    expect(await database.counters.totals({ collection: 'users' })).toEqual({
      _id: `tenant:${opened.tenant.id}|db:app|coll:users`,
      created: 0,
      updated: 0,
      deleted: 0,
      rules: {},
      lastAt: null,
    })
    await users.create({ id: 'a', n: 1 })
    await users.create({ id: 'b', n: 1 })
    await users.patch('a', { n: 2 })
    await users.patch('a', { n: 2 })
    await users.enrich('a', { more: true })
    await users.delete('b')
    await users.restore('b')
    const at = clock.tick()
    await users.restore('a', { ov: 0 })
    clock.tick()
    expect(await failure(() => users.create({ id: 'a' }))).toEqual(coded('EXISTS'))
    expect(await failure(() => users.patch('a', { n: 5 }, { expectedOv: 0 }))).toEqual(coded('CONFLICT'))
    const totals = await database.counters.totals({ collection: 'users' })
    expect(totals).toMatchObject({ created: 2, updated: 4, deleted: 1, lastAt: new Date(at).toISOString() })
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
    const again = await (await reopened(opened)).tenant.database('app')
    expect(await again.counters.totals({ collection: 'users' })).toEqual(totals)
  })

  test('F1 concurrent writes and a crowd of creates are counted once each', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('app')
    await database.counters.define([{ name: 'all' }])
    const users = database.collection<Data>('users')
    const tries = Array.from({ length: 40 }, (_, i) => users.create({ id: `u${i % 20}` }).catch(() => null))
    await Promise.all([...tries, users.createMany(Array.from({ length: 300 }, (_, i) => ({ id: `m${i}` })))])
    await Promise.all(Array.from({ length: 50 }, (_, i) => users.patch('u0', { n: i })))
    const { created, updated, rules } = await database.counters.totals({ collection: 'users' })
    expect({ created, updated }).toEqual({ created: 320, updated: 50 })
    expect(rules['all']).toEqual({ created: 320, updated: 50, deleted: 0 })
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  })

  test('F2 the example of Chronos gives its answer', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('chronos_runtime_tenant_a')
    const rules: CounterRule[] = [
      logins,
      {
        name: 'product_views',
        on: ['CREATE'],
        scope: 'meta',
        when: { action: 'view' },
        countUnique: ['productId', 'category', 'brand'],
      },
      {
        name: 'premium_purchases',
        on: ['CREATE'],
        scope: 'meta',
        when: { userTier: 'premium', action: 'purchase', amount: { $gte: 100 } },
        countUnique: ['productId', 'category'],
      },
    ]
    await database.counters.define(rules)
    expect(database.counters.rules()).toEqual(rules)
    const docs = database.collection<Data>('events')
    await docs.createMany([
      ...Array.from({ length: 15 }, (_, i) => ({ action: 'login', sessionId: `s${i % 4}` })),
      ...Array.from({ length: 8 }, (_, i) => ({ action: 'view', productId: i, category: i % 3, brand: i % 2 })),
      { action: 'purchase', userTier: 'premium', amount: 100, productId: 1, category: 'x' },
      { action: 'purchase', userTier: 'premium', amount: 250, productId: 1, category: 'y' },
      { action: 'purchase', userTier: 'premium', amount: 99, productId: 2, category: 'y' },
      { action: 'purchase', userTier: 'free', amount: 500, productId: 3, category: 'y' },
    ])
    expect(await database.counters.totals({ collection: 'events' })).toMatchObject({
      created: 27,
      updated: 0,
      deleted: 0,
      rules: {
        user_logins: { created: 15, unique: { sessionId: 4 } },
        product_views: { created: 8, unique: { productId: 8, category: 3, brand: 2 } },
        premium_purchases: { created: 2, unique: { productId: 1, category: 2 } },
      },
    })
  })
})

describe('rules', () => {
  test('F2 1 and "1" differ; null, missing and no text do not count; values of arrays count one by one', async () => {
    const database = await events([{ name: 'r', countUnique: ['v'] }])
    const docs = database.collection<Data>('events')
    const values = [1, '1', 1, true, null, { a: 1, b: 2 }, { b: 2, a: 1 }, ['x', 'y', null], 'x', [], '']
    for (const v of values) await docs.create({ v })
    await docs.create({})
    const totals = await database.counters.totals({ collection: 'events' })
    expect(totals.rules['r']).toMatchObject({ created: 12, unique: { v: 7 } })
  })

  test('`on` absent means all operations, and a version is judged by the document it leaves', async () => {
    const database = await events([
      { name: 'open', when: { open: true } },
      { name: 'gone', on: ['DELETE'], when: { open: true } },
    ])
    const docs = database.collection<Data>('tasks')
    await docs.create({ id: 'a', open: false })
    await docs.patch('a', { open: true })
    await docs.patch('a', { title: 'x' })
    await docs.delete('a')
    const { rules } = await database.counters.totals({ collection: 'tasks' })
    expect(rules).toEqual({ open: { created: 0, updated: 2, deleted: 1 }, gone: { deleted: 1 } })
  })

  test('a rule may name collections; totals over several count distinct values once', async () => {
    const database = await events([
      { name: 'people', collections: ['a', 'b'], countUnique: ['who'] },
      { name: 'all', countUnique: ['who'] },
    ])
    for (const name of ['a', 'b', 'c'])
      await database.collection<Data>(name).createMany([{ who: 'ada' }, { who: name }, { who: 1 }])
    const { totals } = { totals: await database.counters.totals() }
    expect(totals).toMatchObject({
      created: 9,
      rules: { people: { created: 6, unique: { who: 4 } }, all: { created: 9, unique: { who: 5 } } },
    })
    const some = await database.counters.totals({ collections: ['b', 'c'] })
    expect(some._id.split(',').map((id) => id.split('|')[2])).toEqual(['coll:b', 'coll:c'])
    expect(some.rules['all']).toEqual({ created: 6, updated: 0, deleted: 0, unique: { who: 4 } })
    expect((await database.counters.totals({ collection: 'c' })).rules['people']).toMatchObject({ created: 0 })
  })

  test('of a long list the first values count', async () => {
    const database = await events([{ name: 'r', countUnique: ['v'], measure: { path: 'v', stats: ['max'] } }])
    const v = Array.from({ length: limits.counterValues + 5 }, (_, n) => n)
    await database.collection<Data>('events').create({ v })
    expect((await database.counters.totals()).rules['r']).toMatchObject({
      unique: { v: limits.counterValues },
      measure: { v: { count: limits.counterValues, max: limits.counterValues - 1 } },
    })
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  })

  test('parts of time are kept as of the last record of all databases, also of those without the collection', async () => {
    const clock = new HandClock()
    const { tenant } = await found(memory(), clock.env())
    const databases = [await tenant.database('one'), await tenant.database('two')]
    for (const { counters } of databases) await counters.define([{ name: 'r', buckets: { hour: 2 } }])
    await databases[0]?.collection<Data>('a').create({})
    clock.tick(24 * 3_600_000)
    await databases[1]?.collection<Data>('b').create({})
    const totals = await combineTotals(databases.map((database) => ({ database, collection: 'a' })))
    expect(totals.rules['r']).toMatchObject({ created: 1, buckets: { hour: [] } })
  })

  test.each([{ at: [] }, { collections: 'events' }, { collections: null }, { collection: 7 }])(
    'what no totals can be asked by is refused: %o',
    async (options) => {
      const database = await events()
      await database.collection<Data>('events').create({})
      expect(await failure(() => database.counters.totals(untyped(options)))).toEqual(coded('INVALID'))
    },
  )

  test('F3 tenants and databases are put together', async () => {
    const one = await events([logins])
    const two = await events([logins])
    await one.collection<Data>('events').createMany([
      { action: 'login', sessionId: 'x' },
      { action: 'login', sessionId: 'y' },
    ])
    await two.collection<Data>('events').createMany([{ action: 'login', sessionId: 'x' }, { action: 'out' }])
    const sources = [one, two].map((database) => ({ database, collection: 'events' }))
    const totals = await combineTotals(sources)
    expect(totals).toMatchObject({ created: 4, rules: { user_logins: { created: 3, unique: { sessionId: 2 } } } })
    expect(totals._id).toMatch(/^tenant:.+\|db:app\|coll:events,tenant:.+\|db:app\|coll:events$/)
    await two.counters.define([{ ...logins, when: { action: 'out' } }])
    expect(await failure(() => combineTotals(sources))).toEqual(coded('INVALID'))
  })

  test('a rule defined later counts the log, one from now on does not, and a rule that stays keeps its counts', async () => {
    const database = await events()
    const docs = database.collection<Data>('events')
    for (let i = 0; i < 700; i++) void docs.create({ id: `e${i}`, n: i % 10 })
    await docs.patch('e1', { n: 100 })
    await database.counters.define([
      { name: 'late', countUnique: ['n'] },
      { name: 'new', countUnique: ['n'], from: 'now' },
    ])
    await docs.create({ n: 3 })
    await docs.patch('e2', { n: 4 })
    const expected = {
      late: { created: 701, updated: 2, deleted: 0, unique: { n: 11 } },
      new: { created: 1, updated: 1, deleted: 0, unique: { n: 2 } },
    }
    expect((await database.counters.totals({ collection: 'events' })).rules).toEqual(expected)
    await database.counters.define([{ name: 'new', countUnique: ['n'], from: 'now' }, { name: 'third' }])
    expect((await database.counters.totals({ collection: 'events' })).rules).toEqual({
      new: expected.new,
      third: { created: 701, updated: 2, deleted: 0 },
    })
    await database.counters.recount()
    expect((await database.counters.totals({ collection: 'events' })).rules['new']).toEqual(expected.new)
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  })

  test('as of a record number or time, rules included', async () => {
    const clock = new HandClock()
    const { tenant } = await found(undefined, clock.env())
    const database = await tenant.database('app')
    const docs = database.collection<Data>('events')
    await docs.create({ id: 'a', n: 1 })
    const then = new Date(clock.now)
    clock.tick()
    await docs.patch('a', { n: 2 })
    await database.counters.define([{ name: 'r', countUnique: ['n'] }])
    const past = { created: 1, updated: 0, rules: { r: { created: 1, updated: 0, unique: { n: 1 } } } }
    expect(await database.counters.totals({ collection: 'events', at: then })).toMatchObject(past)
    expect(await database.counters.totals({ collection: 'events', at: { record: 0 } })).toMatchObject(past)
    expect(await database.counters.totals({ collection: 'events', at: '1999-01-01' })).toMatchObject({ created: 0 })
    expect(await failure(() => database.counters.totals({ at: { record: 9 } }))).toEqual(coded('NOT_FOUND'))
    expect(await database.counters.totals({ collection: 'events' })).toMatchObject({ updated: 1 })
  })
})

describe('parts of time and statistics', () => {
  test('F3 hours, days, ISO weeks and months in UTC, as many as are kept', async () => {
    const clock = new HandClock()
    clock.now = Date.UTC(2025, 11, 28, 23, 30)
    const { tenant } = await found(undefined, clock.env())
    const database = await tenant.database('app')
    await database.counters.define([
      { name: 'r', on: ['CREATE'], countUnique: ['u'], buckets: { hour: 2, day: 3, week: 5, month: 12 } },
    ])
    const docs = database.collection<Data>('events')
    for (let i = 0; i < 6; i++) {
      await docs.create({ u: i % 2 })
      clock.tick(12 * 3_600_000)
    }
    const { rules } = await database.counters.totals({ collection: 'events' })
    const names = (unit: 'hour' | 'day' | 'week' | 'month') =>
      rules['r']?.buckets?.[unit]?.map((each) => [each.name, each.created])
    expect(names('hour')).toEqual([['2025-12-31T11', 1]])
    expect(names('day')).toEqual([
      ['2025-12-29', 2],
      ['2025-12-30', 2],
      ['2025-12-31', 1],
    ])
    expect(names('week')).toEqual([
      ['2025-W52', 1],
      ['2026-W01', 5],
    ])
    expect(names('month')).toEqual([['2025-12', 6]])
    expect(rules['r']?.buckets?.week?.[1]).toEqual({
      name: '2026-W01',
      start: '2025-12-29T00:00:00.000Z',
      created: 5,
      unique: { u: 2 },
    })
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  })

  test('F3 sum, average, least, greatest and median of what is a number', async () => {
    const database = await events([
      { name: 'r', on: ['CREATE'], measure: { path: 'amount', stats: ['sum', 'avg', 'min', 'max', 'median'] } },
      {
        name: 'few',
        on: ['CREATE'],
        when: { amount: { $gt: 1e9 } },
        measure: [{ path: 'amount', stats: ['avg', 'median'] }],
      },
    ])
    const docs = database.collection<Data>('events')
    for (const amount of [3, -1, 'x', 10, null, 4]) await docs.create({ amount })
    const { rules } = await database.counters.totals({ collection: 'events' })
    expect(rules['r']?.measure).toEqual({
      amount: { count: 4, sum: 16, avg: 4, min: -1, max: 10, median: 3.5, medianOf: 4 },
    })
    expect(rules['few']?.measure).toEqual({ amount: { count: 0, avg: null, median: null, medianOf: 0 } })
    for (const amount of [Number.MAX_VALUE, Number.MAX_VALUE]) await docs.create({ amount })
    expect((await database.counters.totals()).rules['r']?.measure?.['amount']?.sum).toBe(Number.MAX_VALUE)
  })

  test('a median of more numbers than are kept is close, and says from how many it is', async () => {
    const database = await events([{ name: 'r', measure: { path: 'n', stats: ['median'] } }])
    const docs = database.collection<Data>('events')
    for (let from = 0; from < 12_000; from += 1000)
      await docs.createMany(Array.from({ length: 1000 }, (_, i) => ({ n: ((from + i) * 7919) % 12_000 })))
    const measure = (await database.counters.totals()).rules['r']?.measure?.['n']
    expect(measure?.count).toBe(12_000)
    expect(measure?.medianOf).toBeGreaterThan(5000)
    expect(measure?.medianOf).toBeLessThan(7000)
    expect(Math.abs((measure?.median ?? 0) - 6000)).toBeLessThan(400)
    expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  })

  test('distinct counts by HyperLogLog are close, and put together as one', async () => {
    const rule: CounterRule = { name: 'r', countUnique: ['u'], approximate: true }
    const [one, two] = [await events([rule]), await events([rule])]
    for (const [database, first] of [
      [one, 0],
      [two, 2000],
    ] as const) {
      const docs = database.collection<Data>('events')
      for (let i = 0; i < 4; i++)
        await docs.createMany(Array.from({ length: 1000 }, (_, n) => ({ u: `user-${first + i * 1000 + n}` })))
    }
    const counted = (await one.counters.totals()).rules['r']?.unique?.['u'] ?? 0
    expect(Math.abs(counted - 4000)).toBeLessThan(4000 * 0.06)
    const both = (await combineTotals([{ database: one }, { database: two }])).rules['r']?.unique?.['u'] ?? 0
    expect(Math.abs(both - 6000)).toBeLessThan(6000 * 0.06)
    expect(await one.counters.verify()).toEqual({ ok: true, problems: [] })
  })
})

/** Counters in the store: counting that was interrupted, what is erased, damage, and replicas of an older Varve. */

import { faulty } from '@varve/testkit'
import { decodeCbor, encodeCbor } from '../src/encoding/cbor.ts'
import { listOf } from '../src/encoding/decode.ts'
import { decorateStores } from '../src/store/decorate.ts'
import type { Batch, Store } from '../src/store/store.ts'
import { expect, test } from 'vitest'
import { memory, systemEnv, type Database } from '../src/index.ts'
import { replicaOf } from '../src/database/database.ts'
import { stateName } from '../src/replica/state.ts'
import { coded, failure, found, HandClock, reopened, type Data } from './engine-world.ts'

const sound = { ok: true, problems: [] }

/** Names of the rows of all rules. */
async function rowsOf(database: Database): Promise<readonly string[]> {
  return [...(await replicaOf(database).store.values('counter/')).keys()]
}

/** One record each. */
async function write(database: Database, count: number): Promise<void> {
  const docs = database.collection<Data>('events')
  for (let n = 0; n < count; n++) await docs.create({ n: n % 100 })
}

test('counting the log goes on where it was interrupted, also for rules that come meanwhile', async () => {
  let pages = 0
  let failing = false
  const wrap = (store: Store): Store => ({
    ...faulty(store, []),
    write: (batch: Batch) => {
      const counts = failing && batch.values?.has('counters') === true
      if (counts && ++pages === 3) return Promise.reject(Object.assign(new Error(), { name: 'Cut' }))
      return store.write(batch)
    },
  })
  const opened = await found(decorateStores(memory(), wrap))
  const database = await opened.tenant.database('app')
  await write(database, 900)
  failing = true
  expect(await failure(() => database.counters.define([{ name: 'one', countUnique: ['n'] }]))).toMatchObject({
    name: 'Cut',
  })
  const again = await (await reopened(opened)).tenant.database('app')
  expect(replicaOf(again).counters.book.rules[0]).toMatchObject({ counted: 256, ready: false })
  await write(again, 5)
  await again.counters.define([{ name: 'one', countUnique: ['n'] }, { name: 'two' }])
  const { rules } = await again.counters.totals({ collection: 'events' })
  expect(rules).toEqual({
    one: { created: 905, updated: 0, deleted: 0, unique: { n: 100 } },
    two: { created: 905, updated: 0, deleted: 0 },
  })
  expect(await again.counters.verify()).toEqual(sound)
})

test('rules that are gone and parts of time that are not kept leave nothing behind', async () => {
  const clock = new HandClock()
  const { tenant } = await found(memory(), clock.env())
  const database = await tenant.database('app')
  await database.counters.define([
    { name: 'one', countUnique: ['n'], measure: { path: 'n', stats: ['median'] }, buckets: { hour: 1 } },
    { name: 'two', countUnique: ['n'], approximate: true },
  ])
  const docs = database.collection<Data>('events')
  await docs.createMany(Array.from({ length: 6000 }, (_, n) => ({ n })))
  expect((await rowsOf(database)).length).toBe(4 * 6000 + 4)
  clock.tick(3_600_000)
  await docs.create({ id: 'x', n: -1 })
  // Each write erases a page.
  for (let n = 0; n < 40; n++) await docs.patch('x', { n: -2 - n })
  expect((await rowsOf(database)).length).toBe(2 * 6041 + 2 * 41 + 4)
  expect(await database.counters.verify()).toEqual(sound)
  await database.counters.define([])
  expect(await rowsOf(database)).toEqual([])
})

test('a count that was damaged keeps nobody from writing, is found, and is counted anew', async () => {
  const warnings: string[] = []
  const log = (level: string, message: string) => void (level === 'warn' && warnings.push(message))
  const opened = await found(memory(), systemEnv({ passphraseWork: 1, log }))
  const database = await opened.tenant.database('app')
  await database.counters.define([{ name: 'one' }])
  await write(database, 3)
  const [cell = ''] = await rowsOf(database)
  await replicaOf(database).store.write({ values: new Map([[cell, encodeCbor([1, 2])]]) })
  expect(await database.counters.verify()).toEqual({
    ok: false,
    problems: [{ where: 'rule "one": its counts are not what the log gives' }],
  })
  expect(await database.verify()).toMatchObject({ ok: false, problems: [{ code: 'TAMPERED' }] })
  const again = await (await reopened(opened)).tenant.database('app')
  await write(again, 1)
  expect(warnings).toContain('counters are counted anew')
  expect((await again.counters.totals()).rules['one']).toMatchObject({ created: 4 })
  expect(await again.counters.verify()).toEqual(sound)
})

test('a replica of a Varve without counters is counted when it is asked', async () => {
  const opened = await found()
  const database = await opened.tenant.database('app')
  await database.counters.define([{ name: 'one' }])
  await write(database, 300)
  const replica = replicaOf(database)
  await replica.sign()
  const state = listOf(decodeCbor((await replica.store.value(stateName)) ?? new Uint8Array(), 'state'), 'state')
  await replica.store.write({ values: new Map([[stateName, encodeCbor(state.slice(0, 10))]]) })
  const again = await (await reopened(opened)).tenant.database('app')
  await write(again, 2)
  expect(await again.verify()).toMatchObject(sound)
  expect(await again.counters.totals({ collection: 'events' })).toMatchObject({
    created: 302,
    rules: { one: { created: 302 } },
  })
  expect(await again.counters.verify()).toEqual(sound)
})

test('a book of counters of a newer Varve is refused, not misread', async () => {
  const opened = await found()
  const database = await opened.tenant.database('app')
  const replica = replicaOf(database)
  await replica.store.write({ values: new Map([['counters', encodeCbor([9])]]) })
  const { tenant } = await reopened(opened)
  expect(await failure(() => tenant.database('app'))).toEqual(coded('UNSUPPORTED_VERSION'))
})

test.each([
  ['is damaged', new Uint8Array([0xff])],
  ['holds what is no rule', encodeCbor([1, 5, [[1, 'no JSON', 0, 0, true]], []])],
  [
    'holds a rule that is refused now',
    encodeCbor([1, 5, [[1, '{"name":"one","when":{"n":{"$gone":1}}}', 0, 0, true]], []]),
  ],
])('a book of counters that %s keeps nobody from opening, and is begun anew', async (_, bytes) => {
  const warnings: string[] = []
  const log = (level: string, message: string) => void (level === 'warn' && warnings.push(message))
  const opened = await found(memory(), systemEnv({ passphraseWork: 1, log }))
  const database = await opened.tenant.database('app')
  await database.counters.define([{ name: 'one', countUnique: ['n'] }])
  await write(database, 3)
  await replicaOf(database).store.write({ values: new Map([['counters', bytes]]) })
  const again = await (await reopened(opened)).tenant.database('app')
  expect(warnings).toContain('counter rules cannot be read: define them again')
  expect(again.counters.rules()).toEqual([])
  await write(again, 1)
  await again.counters.define([{ name: 'one', countUnique: ['n'] }])
  expect((await again.counters.totals()).rules['one']).toMatchObject({ created: 4, unique: { n: 3 } })
  expect((await rowsOf(again)).every((name) => name.startsWith('counter/2/'))).toBe(true)
  expect(await again.counters.verify()).toEqual(sound)
})

test('counting the log lets others have their turn', async () => {
  let now = Date.UTC(2026, 0, 1)
  const { tenant } = await found(memory(), systemEnv({ passphraseWork: 1, now: () => (now += 20) }))
  const database = await tenant.database('app')
  await write(database, 1000)
  await database.counters.define([{ name: 'one', countUnique: ['n'] }])
  for (const work of [() => database.counters.recount(), () => database.counters.verify()]) {
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    await work()
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
  }
})

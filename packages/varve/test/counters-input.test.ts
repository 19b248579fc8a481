/** Counter rules that cannot be evaluated: refused as a whole, with an error that names the place. */

import { expect, test } from 'vitest'
import type { CounterRule, Database } from '../src/index.ts'
import { coded, failure, found, untyped, type Data } from './engine-world.ts'

const logins: CounterRule = {
  name: 'user_logins',
  on: ['CREATE'],
  when: { action: 'login' },
  countUnique: ['sessionId'],
}

async function events(rules: readonly CounterRule[] = []): Promise<Database> {
  const { tenant } = await found()
  const database = await tenant.database('app')
  await database.counters.define(rules)
  return database
}

const cyclic: Record<string, unknown> = {}
cyclic['a'] = cyclic
test.each([
  ['rules', {}],
  ['rules[0]', [null]],
  ['rules[0].name', [{}]],
  ['rules[0].wen', [{ name: 'a', wen: {} }]],
  ['rules[1].name', [{ name: 'a' }, { name: 'a' }]],
  ['rules[0].on', [{ name: 'a', on: [] }]],
  ['rules[0].on[1]', [{ name: 'a', on: ['CREATE', 'READ'] }]],
  ['rules[0].scope', [{ name: 'a', scope: 'all' }]],
  ['rules[0].when.n.$foo', [{ name: 'a', when: { n: { $foo: 1 } } }]],
  ['rules[0].when', [{ name: 'a', when: 5 }]],
  ['rules[0].when.n', [{ name: 'a', when: { n: /x/ } }]],
  ['rules[0].countUnique[0]', [{ name: 'a', countUnique: ['a..b'] }]],
  ['rules[0].countUnique[0]', [{ name: 'a', countUnique: ['__proto__.x'] }]],
  ['rules[0].countUnique[1]', [{ name: 'a', countUnique: ['x', 'x'] }]],
  ['rules[0].approximate', [{ name: 'a', approximate: 'yes' }]],
  ['rules[0].measure.stats[0]', [{ name: 'a', measure: { path: 'x', stats: ['mode'] } }]],
  ['rules[0].measure[0].path', [{ name: 'a', measure: [{ stats: ['sum'] }] }]],
  ['rules[0].buckets.year', [{ name: 'a', buckets: { year: 1 } }]],
  ['rules[0].buckets.day', [{ name: 'a', buckets: { day: 0 } }]],
  ['rules[0].collections[0]', [{ name: 'a', collections: [''] }]],
  ['rules[0].from', [{ name: 'a', from: 'then' }]],
])('a rule that cannot be evaluated is refused at %s', async (path, rules) => {
  const database = await events([logins])
  expect(await failure(() => database.counters.define(untyped(rules)))).toEqual(coded('INVALID', { path }))
  expect(database.counters.rules()).toEqual([logins])
})

test('names that objects have by nature, cycles and too many rules do no harm', async () => {
  const database = await events([{ name: 'constructor', countUnique: ['constructor'] }])
  await database.collection<Data>('events').create({ constructor: 1 })
  expect((await database.counters.totals()).rules['constructor']).toMatchObject({ unique: { constructor: 1 } })
  const rejected = expect.objectContaining({ name: 'VarveError' })
  expect(await failure(() => database.counters.define(untyped([{ name: 'a', when: cyclic }])))).toEqual(rejected)
  const many = Array.from({ length: 101 }, (_, i) => ({ name: `r${i}` }))
  expect(await failure(() => database.counters.define(many))).toEqual(coded('TOO_LARGE'))
  expect(await failure(() => database.counters.totals({ collection: 'a', collections: ['b'] }))).toEqual(
    coded('INVALID'),
  )
  expect(await failure(() => database.counters.totals({ at: 'soon' }))).toEqual(coded('INVALID'))
})

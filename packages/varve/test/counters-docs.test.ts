/** The examples of docs/counters.md: each stands here word by word, and runs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { combineTotals, type JsonObject } from '../src/index.ts'
import { coded, failure, found, HandClock } from './engine-world.ts'

const guide = readFileSync(join(import.meta.dirname, '../../../docs/counters.md'), 'utf8')

/** What stands in the guide between such fences, in order. */
function blocks(language: string): readonly string[] {
  return [...guide.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``, 'g'))].map(([, block = '']) => block)
}

test('the examples of the guide give the answers that stand there', async () => {
  const clock = new HandClock()
  clock.now = Date.UTC(2026, 0, 5, 14)
  const { tenant } = await found(undefined, clock.env())
  const database = await tenant.database('app')
  const other = await tenant.database('other')
  const answers = blocks('json').map((text): unknown => JSON.parse(text))

  const events = database.collection<JsonObject>('events')
  await events.create({ id: 'a', action: 'login', sessionId: 's1' })
  await events.patch('a', { sessionId: 's2' })
  await events.delete('a')
  await events.restore('a')
  const totals = await database.counters.totals({ collection: 'events' })
  const { _id, ...rest } = totals
  expect(rest).toEqual(answers[0])
  expect(_id).toBe(`tenant:${tenant.id}|db:app|coll:events`)

  await database.counters.define([
    {
      name: 'user_logins',
      on: ['CREATE'],
      scope: 'meta',
      when: { action: 'login' },
      countUnique: ['sessionId'],
    },
    {
      name: 'purchases',
      on: ['CREATE'],
      when: { action: 'purchase', amount: { $gte: 100 } },
      countUnique: ['productId'],
      measure: { path: 'amount', stats: ['sum', 'avg', 'min', 'max', 'median'] },
      buckets: { day: 30, month: 12 },
    },
  ])
  await events.createMany([
    { action: 'login', sessionId: 's3' },
    { action: 'login', sessionId: 's3' },
    { action: 'purchase', productId: 1, amount: 100 },
    { action: 'purchase', productId: '1', amount: 250 },
    { action: 'purchase', productId: 2, amount: 5 },
  ])
  const { rules } = await database.counters.totals({ collection: 'events' })
  expect(rules).toEqual(answers[1])

  await other.counters.define(database.counters.rules())
  await other.collection<JsonObject>('events').create({ action: 'login', sessionId: 's3' })
  const both = await combineTotals([
    { database, collection: 'events' },
    { database: other, collection: 'events' },
  ])
  expect(both.rules['user_logins']).toEqual({ created: 4, unique: { sessionId: 2 } })

  const report = await database.counters.verify()
  await database.counters.recount()
  expect(report).toEqual({ ok: true, problems: [] })

  const wrong = database.counters.define([{ name: 'a', when: { age: { $above: 3 } } }])
  expect(await failure(() => wrong)).toEqual(coded('INVALID', { path: 'rules[0].when.age.$above' }))
})

test('every example of the guide stands in this test', () => {
  const here = readFileSync(import.meta.filename, 'utf8')
  for (const block of blocks('ts')) expect(here).toContain(block.replaceAll(/^(?=.)/gm, '  '))
})

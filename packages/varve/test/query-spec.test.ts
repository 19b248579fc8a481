/** The examples of the query chapter run, and give what it says. */

import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Filter } from '../src/index.ts'
import { found, type Data } from './engine-world.ts'

const chapter = await readFile(new URL('../../../spec/query.md', import.meta.url), 'utf8')

test('counts of the filter example', async () => {
  const { tenant } = await found()
  const docs = (await tenant.database('crm')).collection<Data>('people')
  await docs.createMany([{ id: 'a', tags: ['x', 'y'] }, { id: 'b', tags: 'x' }, { id: 'c' }])
  const examples = [...chapter.matchAll(/await docs\.find\((\{.*\})\)\.count\(\) +\/\/ (\d+)/g)]
  expect(examples).toHaveLength(3)
  for (const [, filter = '', count] of examples) {
    const json = filter.replaceAll("'", '"').replaceAll(/([$\w]+):/g, '"$1":')
    const parsed: Filter = JSON.parse(json)
    expect([filter, await docs.find(parsed).count()]).toEqual([filter, Number(count)])
  }
})

test('groups of the example', async () => {
  expect(chapter).toContain("[{ state: 'open', orders: 2, cents: 300 }, { state: 'paid', orders: 1, cents: 50 }]")
  const { tenant } = await found()
  const orders = (await tenant.database('crm')).collection<Data>('orders')
  await orders.createMany([
    { year: 2026, state: 'open', cents: 100 },
    { year: 2026, state: 'open', cents: 200 },
    { year: 2026, state: 'paid', cents: 50 },
    { year: 2025, state: 'paid', cents: 1 },
  ])
  expect(
    await orders.find({ year: 2026 }).group(['state'], { orders: { count: true }, cents: { sum: 'cents' } }),
  ).toEqual([
    { state: 'open', orders: 2, cents: 300 },
    { state: 'paid', orders: 1, cents: 50 },
  ])
})

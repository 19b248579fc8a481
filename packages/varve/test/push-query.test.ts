/** Queries whose conditions the store applies: the same answers as the matcher and a sort over everything. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../src/encoding/json.ts'
import { parseFilter } from '../src/query/filter.ts'
import { matches } from '../src/query/matcher.ts'
import { parseSort, sortComparator } from '../src/query/sort.ts'
import { decorate, decorateStores } from '../src/store/decorate.ts'
import { found, storeOf, untyped, type Data } from './engine-world.ts'
import { strangeDocument, strangeFilter } from './push-generators.ts'
import { attributes, filter } from './query-generators.ts'

const sorts = [{}, { a: 1 }, { a: -1 }, { 'a.b': 1, id: -1 }, { 'b.0': -1 }, { id: -1 }, { '_system.ov': 1 }] as const

describe.each(['memory', 'sqlite'] as const)('on %s', (name) => {
  test.each([
    ['generated', attributes, filter],
    ['strange', strangeDocument, strangeFilter],
  ] as const)('%s documents: every page of every query equals brute force', async (_, documents, filters) => {
    const { tenant } = await found(await storeOf(name))
    const docs = (await tenant.database('crm')).collection<Data>('docs')
    const seed = Math.floor(Math.random() * 2 ** 31)
    const data = fc.sample(documents, { seed, numRuns: 90 }).map((each, i) => ({ ...each, id: `a${i}` }))
    await docs.createMany(data.map(({ _system, ...rest }: Data) => rest))
    for (let i = 0; i < 90; i += 9) await docs.delete(`a${i}`)
    const live = (await Promise.all(data.map(({ id }) => docs.get(id)))).filter((doc) => doc !== null)
    let given = 0
    const query = fc.tuple(filters, fc.constantFrom(...sorts), fc.integer({ min: 1, max: 60 }))
    for (const [raw, by, limit] of fc.sample(query, { seed, numRuns: 300 })) {
      const order = parseSort(by)
      const matching = live.filter((doc) => matches(parseFilter(raw), doc))
      const expected = idsOf(order.length === 0 ? matching : matching.toSorted(sortComparator(order)))
      const asked = docs.find(untyped(raw)).sort({ ...by })
      expect([raw, idsOf(await asked.toArray())]).toEqual([raw, expected])
      expect(await asked.count()).toBe(expected.length)
      const page = await asked.limit(limit).page()
      expect([raw, by, limit, idsOf(page.items)]).toEqual([raw, by, limit, expected.slice(0, limit)])
      if (page.next !== null) {
        const rest = await asked.limit(limit).after(page.next).toArray()
        expect(idsOf(rest)).toEqual(expected.slice(limit, 2 * limit))
      }
      given += expected.length
    }
    expect(given).toBeGreaterThan(1000)
    expect(await docs.find().includeDeleted().count()).toBe(90)
  })

  test('many documents, few that match: nothing is missed between the stretches of a scan', async () => {
    const { tenant } = await found(await storeOf(name))
    const docs = (await tenant.database('crm')).collection<Data>('docs')
    const data = Array.from({ length: 9500 }, (_, n) => ({ id: `n${n}`, n, rare: n % 1900 === 7, text: `t${n % 10}` }))
    await docs.createMany(data)
    const rare = [7, 1907, 3807, 5707, 7607].map((n) => `n${n}`)
    expect(idsOf(await docs.find({ rare: true }).toArray())).toEqual(rare)
    expect(idsOf(await docs.find({ rare: true }).sort({ n: -1 }).limit(3).toArray())).toEqual(
      rare.toReversed().slice(0, 3),
    )
    expect(await docs.find({ rare: false }).count()).toBe(9495)
    expect(idsOf(await docs.find({ text: 't3' }).sort({ n: -1 }).limit(2).toArray())).toEqual(['n9493', 'n9483'])
    expect(idsOf(await docs.find().sort({ text: -1, n: -1 }).limit(2).toArray())).toEqual(['n9499', 'n9489'])
    expect((await docs.find().toArray()).length).toBe(9500)
  })
})

test('a document that changes while a query runs is given as it is, in its place', async () => {
  let meanwhile = async (): Promise<void> => {}
  const provider = decorateStores(await storeOf('sqlite'), (inner) => ({
    ...decorate(inner, (_, call) => call()),
    documentsByNo: async (nos) => {
      const work = meanwhile
      meanwhile = async () => {}
      await work()
      return inner.documentsByNo(nos)
    },
  }))
  const { tenant } = await found(provider)
  const docs = (await tenant.database('crm')).collection<Data>('docs')
  await docs.createMany(Array.from({ length: 20 }, (_, n) => ({ id: `n${n}`, n })))
  meanwhile = async () => void (await docs.patch('n0', { n: 100 }))
  const query = docs.find({ n: { $gte: 0 } }).sort({ n: 1 })
  expect(idsOf(await query.limit(2).toArray())).toEqual(['n1', 'n2'])
  meanwhile = async () => void (await docs.delete('n1'))
  expect(idsOf(await query.limit(2).toArray())).toEqual(['n2', 'n3'])
})

test('heads that are too large to be cut up are found, counted and sorted like others', async () => {
  const { tenant } = await found(await storeOf('sqlite'))
  const docs = (await tenant.database('crm')).collection<Data>('docs', { indexes: ['n'] })
  const plain = (await tenant.database('crm')).collection<Data>('plain')
  const data = Array.from({ length: 12 }, (_, n) => ({
    id: `n${n}`,
    n,
    m: -n,
    text: 'é'.repeat(n % 3 === 0 ? 90_000 : 9),
  }))
  for (const each of [docs, plain]) {
    await each.createMany(data)
    expect(
      idsOf(
        await each
          .find({ n: { $gt: 4 } })
          .sort({ n: 1 })
          .limit(3)
          .toArray(),
      ),
    ).toEqual(['n5', 'n6', 'n7'])
    expect(
      idsOf(
        await each
          .find({ m: { $lt: -4 } })
          .sort({ m: 1 })
          .limit(3)
          .toArray(),
      ),
    ).toEqual(['n11', 'n10', 'n9'])
    expect(await each.find({ m: { $lt: -4 } }).count()).toBe(7)
    expect((await each.find({ id: 'n6' }).first())?.['text']).toHaveLength(90_000)
  }
})

function idsOf(docs: readonly JsonObject[]): readonly unknown[] {
  return docs.map(({ id }) => id)
}

/** Property of searches: whatever was written, undone, synced or locked, an index finds what reading everything finds. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import { memory, type Collection, type Database, type Tenant } from '../src/index.ts'
import { documentTokens, makeField, noExtractors } from '../src/search/fields.ts'
import { InvertedIndex } from '../src/search/inverted.ts'
import { searchMatcher } from '../src/search/match.ts'
import { parseSearch } from '../src/search/terms.ts'
import { found, joined, storeOf, type Data } from './engine-world.ts'

const fields = [makeField('a', 1), makeField('b.c', 2)]
const options = { search: { fields: { a: {}, 'b.c': { weight: 2 } } } }
const word = fc.constantFrom('ada', 'Ädä', 'engine', 'engines', 'x-ray', '東京', '東', 'one two', '½', '')
const text = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '))
const attributes = fc.record({
  a: fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.integer()),
  b: fc.record({ c: text }),
})
const anyId = fc.nat({ max: 7 }).map((n) => `d${n}`)
const part = fc.constantFrom(
  'ada',
  'engine',
  'eng*',
  '"one two"',
  '"ada eng*"',
  '東',
  '東京',
  'x-ray',
  '-engine',
  '-"one two"',
  '2',
  '-d*',
)
const query = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' '))

type Step = readonly [
  kind: 'create' | 'patch' | 'delete' | 'restore' | 'sync' | 'other' | 'remove' | 'import',
  id: string,
  data: Data,
]
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('create', 'patch', 'delete', 'restore', 'sync', 'other', 'remove', 'import'),
  anyId,
  attributes,
)

describe.each(['memory', 'sqlite'] as const)('a search index on %s', (store) => {
  test('finds what a naive search over all documents finds, after any writes, syncs and changes of keys', async () => {
    const first = await found(memory())
    await first.tenant.keys.create('secret')
    const other = await joined(first.tenant, 'bob', { store: await storeOf(store) })
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        fc.array(query, { minLength: 3, maxLength: 6 }),
        async (steps, queries) => {
          const name = `db${run++}`
          const world = await makeWorld(first.tenant, other.tenant, name)
          for (const each of steps) await take(world, each)
          for (const database of [world.mine, world.theirs]) {
            const docs = database.collection<Data>('docs', options)
            for (const asked of queries) await agree(database, docs, asked)
          }
          expect((await world.theirs.verify()).problems).toEqual([])
        },
      ),
      { numRuns: 30 },
    )
  }, 60_000)
})

interface World {
  readonly tenant: Tenant
  readonly other: Tenant
  readonly mine: Database
  readonly theirs: Database
}

async function makeWorld(tenant: Tenant, other: Tenant, name: string): Promise<World> {
  const mine = await tenant.database(name)
  const theirs = await other.database(name)
  await theirs.sync(mine)
  theirs.collection<Data>('docs', options)
  return { tenant, other, mine, theirs }
}

/** Steps that cannot be taken, such as a create of what is there, are no steps. */
async function take({ tenant, other, mine, theirs }: World, [kind, id, data]: Step): Promise<void> {
  const docs = mine.collection<Data>('docs', options)
  const key = id > 'd4' ? { key: 'secret' } : {}
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    await work.catch(() => undefined)
  }
  if (kind === 'create') await attempt(docs.create({ ...data, id }, { id, ...key }))
  else if (kind === 'patch') await attempt(docs.patch(id, data))
  else if (kind === 'delete') await attempt(docs.delete(id))
  else if (kind === 'restore') await attempt(docs.restore(id))
  else if (kind === 'sync') await theirs.sync(mine)
  else if (kind === 'other') await attempt(theirs.collection<Data>('docs', options).patch(id, data))
  else if (kind === 'remove') await attempt(other.keys.remove('secret'))
  else await other.keys.import(await tenant.keys.export(['secret'], 'pw'), 'pw')
}

async function agree(database: Database, docs: Collection<Data>, asked: string): Promise<void> {
  const all = await docs.find().sort({ id: 1 }).toArray()
  const matches = searchMatcher(asked, fields)
  const expected = all.filter((doc) => matches({ ...doc })).map(({ id }) => id)
  const hits = await docs.find().search(asked).limit(100).hits()
  expect(hits.items.map(({ doc }) => doc.id).toSorted()).toEqual(expected)
  expect(await docs.find().search(asked).count()).toBe(expected.length)
  expect((await docs.find().search(asked).sort({ id: 1 }).toArray()).map(({ id }) => id)).toEqual(expected)
  // Better ones first, ties by id.
  const order = hits.items.toSorted((one, other) => other.score - one.score || (one.doc.id < other.doc.id ? -1 : 1))
  expect(hits.items.map(({ doc }) => doc.id)).toEqual(order.map(({ doc }) => doc.id))
  if (replicaOf(database).store.supports.encryption) return
  const defined = new InvertedIndex()
  all.forEach((doc, i) => {
    defined.put(
      i,
      documentTokens(fields, { ...doc }, noExtractors).map((tokens) => tokens.join(' ')),
    )
  })
  for (const { document, score } of defined.search(parseSearch(asked), [1, 2]))
    expect(hits.items.find(({ doc }) => doc.id === all[document]?.id)?.score).toBeCloseTo(score, 9)
}

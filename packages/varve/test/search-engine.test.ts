/** Requirement tests of full-text search (G3): ranking, combination with filters, hits, the past, keys and restarts. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { createTenant, openTenant, type Collection, type Database, type Query } from '../src/index.ts'
import { replicaOf } from '../src/database/database.ts'
import { firstDocument } from '../src/store/rows.ts'
import type { Batch } from '../src/store/store.ts'
import {
  afterTest,
  coded,
  failure,
  found,
  joined,
  reopened,
  storeOf,
  temporaryDir,
  tickingEnv,
  untyped,
  type Data,
} from './engine-world.ts'

const search = { fields: { name: { weight: 3 }, bio: {}, tags: {} } }

const people: readonly Data[] = [
  {
    id: 'ada',
    name: 'Ada Lovelace',
    bio: 'Wrote the first program for the Analytical Engine',
    born: 1815,
    tags: ['maths'],
  },
  { id: 'babbage', name: 'Charles Babbage', bio: 'Designed the Analytical Engine, with notes by Ada', born: 1791 },
  { id: 'hopper', name: 'Grace Hopper', bio: 'Wrote the first compiler', born: 1906, tags: ['navy', 'cobol'] },
  { id: 'hertz', name: 'Heinrich Hertz', bio: 'Elektromagnetische Wellen; ein Naturforscher', born: 1857 },
  { id: 'anon', born: 1900 },
]

const ids = async (query: Query<Data>): Promise<readonly string[]> => (await query.toArray()).map(({ id }) => id)

async function world(
  store: 'memory' | 'sqlite',
): Promise<{ readonly database: Database; readonly docs: Collection<Data> }> {
  const { tenant } = await found(await storeOf(store))
  const database = await tenant.database('crm')
  const docs = database.collection<Data>('people', { search })
  await docs.createMany(people)
  return { database, docs }
}

describe.each(['memory', 'sqlite'] as const)('search on %s', (store) => {
  test('G3 what is found is ranked: a word in a weighty field, or in a short one, comes first', async () => {
    const { docs } = await world(store)
    expect(await ids(docs.find().search('ada'))).toEqual(['ada', 'babbage'])
    expect(await ids(docs.find().search('ADA engine'))).toEqual(['ada', 'babbage'])
    expect(await ids(docs.find().search('"first compiler"'))).toEqual(['hopper'])
    expect(await ids(docs.find().search('wro* -compiler'))).toEqual(['ada'])
    expect(await ids(docs.find().search('navy'))).toEqual(['hopper'])
    expect(await ids(docs.find().search('"navy cobol"'))).toEqual([])
    for (const nothing of ['', '   ', '-ada', '"', '*', '🙂', 'zzz'])
      expect(await ids(docs.find().search(nothing))).toEqual([])
  })

  test('G3 a search combines with filter, sort, limit, select, count and first', async () => {
    const { docs } = await world(store)
    const first = docs.find({ born: { $gt: 1800 } }).search('wrote')
    expect(await first.count()).toBe(2)
    expect((await ids(first.sort({ born: -1 }))).join()).toBe('hopper,ada')
    expect((await ids(first.sort({ id: 1 }).limit(1))).join()).toBe('ada')
    expect(await ids(docs.find({ born: 1815 }).search('wrote'))).toEqual(['ada'])
    expect(
      await ids(
        docs
          .find({ id: { $in: ['ada', 'hertz'] } })
          .search('wrote')
          .sort({ id: -1 }),
      ),
    ).toEqual(['ada'])
    expect(await docs.find({ id: 'hopper' }).search('wrote').count()).toBe(1)
    expect(await first.limit(0).toArray()).toEqual([])
    const [one] = await first.select(['name']).limit(1).toArray()
    expect(Object.keys(one ?? {}).toSorted()).toEqual(['_system', 'id', 'name'])
    expect((await docs.find().search('ada').first())?.id).toBe('ada')
    expect(await docs.find().search('nobody').first()).toBeNull()
  })

  test('G3 pages follow each other without a gap or a repetition, ties by id, whatever their size', async () => {
    const { docs } = await world(store)
    const words = ['stone', 'stone stone', 'stone water', 'stone water air']
    await docs.createMany(Array.from({ length: 150 }, (_, i) => ({ id: `s${i}`, bio: words[i % 4] ?? '', n: i })))
    const query = docs.find({ n: { $gte: 10 } }).search('stone')
    const all = await ids(query)
    expect(all).toHaveLength(140)
    const { items } = await query.limit(200).hits()
    const ranked = items.toSorted((a, b) => b.score - a.score || (a.doc.id < b.doc.id ? -1 : 1))
    expect(items.map(({ doc }) => doc.id)).toEqual(ranked.map(({ doc }) => doc.id))
    for (const size of [1, 7, 64, 139, 140]) {
      for (const by of [null, { n: -1 } as const]) {
        const sorted = by === null ? query : query.sort({ ...by })
        const seen: string[] = []
        for (let next: string | null = ''; next !== null;) {
          const page = await (next === '' ? sorted : sorted.after(next)).limit(size).page()
          seen.push(...page.items.map(({ id }) => id))
          next = page.next
          if (size === 1 && seen.length > 5) break
        }
        expect(seen).toEqual((by === null ? all : await ids(sorted)).slice(0, seen.length))
        if (size > 1) expect(seen).toHaveLength(140)
      }
    }
    const { next } = await query.limit(2).page()
    expect(
      await failure(() =>
        docs
          .find()
          .search('water')
          .after(next ?? '')
          .toArray(),
      ),
    ).toEqual(coded('STALE_CURSOR'))
    expect(
      await failure(() =>
        docs
          .find()
          .after(next ?? '')
          .toArray(),
      ),
    ).toEqual(coded('STALE_CURSOR'))
    expect(await failure(() => query.after('nonsense').toArray())).toEqual(coded('INVALID'))
  })

  test('G3 hits have scores and show where the words stand', async () => {
    const { docs } = await world(store)
    const { items, next } = await docs.find().search('engine "first program" wrot*').hits()
    expect(next).toBeNull()
    expect(items.map(({ doc }) => doc.id)).toEqual(['ada'])
    const [hit] = items
    expect(hit?.score).toBeGreaterThan(0)
    expect(
      hit?.highlights.map(({ path, text, ranges }) => [path, ranges.map(([from, to]) => text.slice(from, to))]),
    ).toEqual([['bio', ['Wrote', 'first', 'program', 'Engine']]])
    const page = await docs.find().search('the').limit(1).hits()
    expect(page.items).toHaveLength(1)
    const rest = await docs
      .find()
      .search('the')
      .after(page.next ?? '')
      .hits()
    expect(rest.items).toHaveLength(2)
    expect(await failure(() => docs.find().hits())).toEqual(coded('INVALID'))
  })

  test('G3 every write keeps the index: patches, deletes, restores, and documents that were there before', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('crm')
    await database.collection<Data>('people').createMany(people)
    await database.collection<Data>('people').delete('hopper')
    const docs = database.collection<Data>('people', { search })
    expect(await ids(docs.find().search('wrote'))).toEqual(['ada'])
    await docs.restore('hopper')
    await docs.patch('ada', { bio: 'Nothing' })
    expect(await ids(docs.find().search('wrote'))).toEqual(['hopper'])
    await docs.patch('ada', { born: 1816 })
    expect(await ids(docs.find().search('nothing'))).toEqual(['ada'])
    await docs.delete('ada')
    expect(await ids(docs.find().search('nothing'))).toEqual([])
    expect(await ids(docs.find().search('nothing').includeDeleted())).toEqual(['ada'])
    expect(await ids(docs.find().search('wrote').includeDeleted())).toEqual(['hopper'])
    expect((await database.verify()).problems).toEqual([])
  })

  test('G3 an index is there after a restart, for handles that declare nothing, and made again when declared otherwise', async () => {
    const opened = await found(await storeOf(store))
    const before = await opened.tenant.database('crm')
    await before.collection<Data>('people', { search }).createMany(people)
    const again = await reopened(opened)
    const database = await again.tenant.database('crm')
    const docs = database.collection<Data>('people')
    expect(await ids(docs.find().search('ada'))).toEqual(['ada', 'babbage'])
    const weighed = database.collection<Data>('people', {
      search: { fields: { name: {}, bio: { weight: 100 }, tags: {} } },
    })
    expect(await ids(weighed.find().search('ada'))).toEqual(['babbage', 'ada'])
    const narrow = database.collection<Data>('people', { search: { fields: { name: {} } } })
    expect(await ids(narrow.find().search('ada'))).toEqual(['ada'])
    expect(await ids(narrow.find().search('engine'))).toEqual([])
    expect((await database.verify()).problems).toEqual([])
    expect(await failure(() => database.collection<Data>('others').find().search('x').toArray())).toEqual(
      coded('INVALID'),
    )
    await database.transact(async (tx) => {
      expect(await ids(tx.collection<Data>('people').find().search('ada'))).toEqual(['ada'])
    })
  })

  test('G3 the past is searched like the present', async () => {
    const { database, docs } = await world(store)
    await docs.patch('ada', { bio: 'Gone' })
    await docs.delete('hopper')
    const view = await database.asOf({ record: 0 })
    const past = view.collection<Data>('people')
    expect(await ids(past.find().search('wrote'))).toEqual(['hopper', 'ada'])
    expect(await past.find({ born: 1906 }).search('wrote').count()).toBe(1)
    const hits = await past.find().search('wrote').hits()
    expect(hits.items.map(({ highlights }) => highlights[0]?.path)).toEqual(['bio', 'bio'])
    expect(await ids(docs.find().search('wrote'))).toEqual([])
    expect(await ids(docs.find().search('gone'))).toEqual(['ada'])
  })

  test('G3 present and past rank alike', async () => {
    const { database, docs } = await world(store)
    const record = (await database.stats()).records - 1
    const past = (await database.asOf({ record })).collection<Data>('people')
    for (const text of ['the', 'ada', 'wro* first', 'engine']) {
      const [one, other] = [await docs.find().search(text).hits(), await past.find().search(text).hits()]
      expect(other.items.map(({ doc }) => doc.id)).toEqual(one.items.map(({ doc }) => doc.id))
      for (const [i, { score }] of one.items.entries()) expect(other.items[i]?.score).toBeCloseTo(score, 9)
    }
  })

  test('G3 documents under a key are found while the key is held', async () => {
    const { tenant } = await found()
    await tenant.keys.create('secret')
    const database = await tenant.database('crm')
    const docs = database.collection<Data>('people', { search })
    await docs.createMany(people)
    await docs.create({ id: 'spy', name: 'Mata Hari', bio: 'wrote secret letters' }, { key: 'secret' })
    const other = await joined(tenant, 'bob', { store: await storeOf(store) })
    const copy = await other.tenant.database('crm')
    await copy.sync(database)
    const theirs = copy.collection<Data>('people', { search })
    expect(await ids(theirs.find().search('secret'))).toEqual([])
    await other.tenant.keys.import(await tenant.keys.export(['secret'], 'pw'), 'pw')
    expect(await ids(theirs.find().search('secret'))).toEqual(['spy'])
    expect((await copy.verify()).problems).toEqual([])
    await other.tenant.keys.remove('secret')
    expect(await ids(theirs.find().search('secret'))).toEqual([])
    expect(await ids(theirs.find().search('ada'))).toEqual(['ada', 'babbage'])
    // An index of its own: the old one may keep words that it does not find any more.
    expect(replicaOf(copy).state.collections[0]?.search).toMatchObject({ no: 2, ready: true })
    expect(await replicaOf(copy).store.searchPostings(1, null, 10_000)).toEqual([])
    const postings = await replicaOf(copy).store.searchPostings(2, null, 10_000)
    expect(postings.length).toBeGreaterThan(0)
    expect(postings.some(({ term }) => term === 'secret')).toBe(false)
    expect((await copy.verify()).problems).toEqual([])
  })

  test('G3 files are searched by what an extractor makes of them, also when it is registered later', async () => {
    const opened = await found(await storeOf(store))
    const declared = { search: { fields: { file: {}, 'file.name': {} } } }
    const database = await opened.tenant.database('crm')
    const docs = database.collection<Data>('files', declared)
    await docs.create({ id: 'f', file: { type: 'text/x', name: 'notes.txt', size: 5, digest: 'hidden words' } })
    expect(await ids(docs.find().search('notes'))).toEqual(['f'])
    expect(await ids(docs.find().search('hidden'))).toEqual([])
    const again = await reopened(opened)
    const later = await again.tenant.database('crm')
    later.registerExtractor('text/x', (file) => (typeof file['digest'] === 'string' ? file['digest'] : null))
    const extracted = later.collection<Data>('files', declared)
    expect(await ids(extracted.find().search('hidden'))).toEqual(['f'])
    await extracted.patch('f', { 'file.digest': 'other' })
    expect(await ids(extracted.find().search('other'))).toEqual(['f'])
    expect((await later.verify()).problems).toEqual([])
  })

  test('G3 explain says what is read', async () => {
    const { docs } = await world(store)
    expect((await docs.find().search('ada').explain()).reason).toMatch(/^search index on bio, name, tags/)
    expect((await docs.find().search('ada').includeDeleted().explain()).reason).toMatch(/^every document/)
  })

  test('G3 hostile texts are words, or a typed error', async () => {
    const { docs } = await world(store)
    const hostile = [
      '"',
      '""""',
      '("ada',
      'ada)',
      'f0:ada',
      'ada NEAR/2 engine',
      "ada'; DROP TABLE search_1; --",
      'ada\0engine',
      '\ud800ada',
      'ada^2',
      '{bio} : ada',
      'ada AND',
      'NOT',
      '-"',
      '*'.repeat(4000),
    ]
    for (const text of hostile) expect(Array.isArray(await docs.find().search(text).toArray())).toBe(true)
    expect(await ids(docs.find().search('"ada'))).toEqual(['ada', 'babbage'])
    expect(await failure(() => docs.find().search('x'.repeat(10_000_000)))).toEqual(coded('TOO_LARGE'))
    expect(await failure(() => docs.find().search(untyped({ $gt: '' })))).toEqual(coded('INVALID'))
    expect(
      await failure(() =>
        docs
          .find()
          .search('ada')
          .watch(() => undefined),
      ),
    ).toEqual(coded('UNSUPPORTED'))
  })

  test('G3 a search that is under way while others write gives each document once', async () => {
    const { docs } = await world(store)
    await docs.createMany(Array.from({ length: 400 }, (_, i) => ({ id: `s${i}`, bio: `stone ${'x '.repeat(i % 9)}` })))
    const seen: string[] = []
    for await (const { id } of docs.find().search('stone')) {
      seen.push(id)
      if (seen.length % 50 === 0) await docs.patch(`s${seen.length}`, { bio: `stone stone ${seen.length}` })
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(380)
  })
})

describe.each(['memory', 'sqlite'] as const)('verify on %s', (store) => {
  test.each<readonly [string, Batch]>([
    ['a missing row', { searchRowsRemoved: [{ search: 1, document: firstDocument(1) + 1 }] }],
    ['a row too many', { searchRows: [{ search: 1, document: firstDocument(1) + 99, fields: ['x', '', ''] }] }],
    [
      'another word',
      { searchRows: [{ search: 1, document: firstDocument(1) + 1, fields: ['other', 'ada', 'words'] }] },
    ],
    ['no row at all', { searchesCleared: [1] }],
  ])('G3 finds %s', async (_, damage) => {
    const { database } = await world(store)
    expect((await database.verify()).ok).toBe(true)
    await replicaOf(database).store.write(damage)
    const { ok, problems } = await database.verify()
    expect(ok).toBe(false)
    expect(problems).toEqual([expect.objectContaining({ code: 'TAMPERED' })])
    expect(problems[0]?.where).toMatch(/^search index of collection people/)
  })
})

test('G3 under a passphrase no word of the index is on the disk', async () => {
  const dir = await temporaryDir()
  const env = tickingEnv()
  const store = sqlite({ dir })
  const tenant = await createTenant({ name: 'acme', user: 'ada', store, env, passphrase: 'pw' })
  afterTest(() => tenant.close())
  const docs = (await tenant.database('crm')).collection<Data>('people', { search })
  await docs.createMany(
    Array.from({ length: 300 }, (_, i) => ({ id: `p${i}`, name: 'needleinhaystack', bio: `word${i}` })),
  )
  expect(await docs.find().search('needleinhaystack').count()).toBe(300)
  const noNeedle = async (): Promise<void> => {
    for (const name of await readdir(dir)) expect((await readFile(join(dir, name))).includes('needleinhay')).toBe(false)
  }
  await noNeedle()
  await tenant.close()
  await noNeedle()
  const again = await openTenant({ store, env, passphrase: 'pw' })
  afterTest(() => again.close())
  const query = (await again.database('crm')).collection<Data>('people').find().search('word7')
  expect(await ids(query)).toEqual(['p7'])
})

/** Search indexes: extractors that fail or come late, declarations that follow each other, and pages of many hits. */

import { describe, expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import { searchOf, searchPages, type SearchHome } from '../src/database/search.ts'
import { systemEnv, type Collection, type Database } from '../src/index.ts'
import { parseFilter } from '../src/query/filter.ts'
import { found, gather, joined, reopened, storeOf, untyped, type Data } from './engine-world.ts'

describe.each(['memory', 'sqlite'] as const)('a search index on %s', (store) => {
  test('G3 an extractor that fails, or gives no text, keeps nobody from writing and syncing', async () => {
    const warnings: unknown[] = []
    const log = (level: string, _: string, fields: unknown): void => void (level === 'warn' && warnings.push(fields))
    const { tenant } = await found(await storeOf(store), systemEnv({ passphraseWork: 1, log }))
    const database = await tenant.database('crm')
    const copy = await (await joined(tenant, 'bob')).tenant.database('crm')
    await copy.sync(database)
    database.registerExtractor('text/bad', () => {
      throw new TypeError('a secret')
    })
    database.registerExtractor(
      'text/late',
      untyped(() => Promise.resolve('late')),
    )
    const docs = database.collection<Data>('files', { search: { fields: { file: {} } } })
    await docs.create({ id: 'a', file: { type: 'text/bad' } })
    await docs.create({ id: 'b', file: { type: 'text/late' } })
    await copy.collection<Data>('files').create({ id: 'c', file: { type: 'text/bad' } })
    await copy.sync(database)
    expect(await docs.find().count()).toBe(3)
    expect(await docs.find().search('late').count()).toBe(0)
    expect(warnings).toContainEqual({ type: 'text/bad', problem: 'threw TypeError' })
    expect(warnings).toContainEqual({ type: 'text/late', problem: 'gave object' })
  })

  test('G3 what arrives while no extractor is registered is extracted when one is', async () => {
    const opened = await found(await storeOf(store))
    const other = await joined(opened.tenant, 'bob')
    const declared = { search: { fields: { file: {} } } }
    const extract = (database: Database): Collection<Data> => {
      database.registerExtractor('text/x', (file) => (typeof file['digest'] === 'string' ? file['digest'] : null))
      return database.collection<Data>('files', declared)
    }
    const docs = extract(await opened.tenant.database('crm'))
    await docs.create({ id: 'f', file: { type: 'text/x', digest: 'one' } })
    const copy = await other.tenant.database('crm')
    await copy.sync(await opened.tenant.database('crm'))
    await copy.collection<Data>('files').create({ id: 'g', file: { type: 'text/x', digest: 'two' } })
    const again = await reopened(opened)
    await copy.sync(await again.tenant.database('crm'))
    const later = await (await reopened(again)).tenant.database('crm')
    expect(await extract(later).find().search('two').toArray()).toMatchObject([{ id: 'g' }])
    expect((await later.verify()).problems).toEqual([])
  })

  test('G3 an index that is declared otherwise while it is built leaves nothing behind', async () => {
    const { tenant } = await found(await storeOf(store))
    const database = await tenant.database('crm')
    await database.collection<Data>('notes').createMany(Array.from({ length: 1200 }, () => ({ a: 'one', b: 'two' })))
    const counts = ['a', 'b'].map((field) =>
      database
        .collection<Data>('notes', { search: { fields: { [field]: {} } } })
        .find()
        .search('one')
        .count(),
    )
    await Promise.all(counts)
    const { store: rows, state } = replicaOf(database)
    expect(state.collections[0]?.search).toMatchObject({ no: 2, ready: true })
    expect(await rows.searchPostings(1, null, 10)).toEqual([])
    expect((await rows.searchPostings(2, null, 10_000)).length).toBe(1200)
  })
})

test('G3 what many documents have is ranked in few looks at the index', async () => {
  const all = Array.from({ length: 100_000 }, (_, document) => ({ document, score: 1, id: '', state: null }))
  let looks = 0
  const index: SearchHome['index'] = ({ after, limit }) => {
    looks++
    const from = after === null ? 0 : after.document + 1
    return Promise.resolve(all.slice(from, from + limit))
  }
  const turn = (): Promise<void> => Promise.resolve()
  const home: SearchHome = { fields: [], extractors: new Map(), turn, look: (head) => head, index }
  const asked = { search: searchOf('x'), predicate: parseFilter({}), order: [], after: null }
  const nothing = { scan: untyped(null), byIds: untyped(null), index: untyped(null) }
  expect(await gather(searchPages(nothing, home, asked, null))).toEqual([])
  expect(looks).toBeLessThan(10)
})

/** Named values that are stored with a write: there when the write is, given what it answers, and never without it. */

import { expect, test } from 'vitest'
import { fromUtf8, replicaOf, utf8, type Database } from '../src/engine.ts'
import { coded, failure, found, type Data } from './engine-world.ts'

/** An option that stores the answer under a name, without what cannot be stored. */
const noted = (name: string) => ({ values: (answer: unknown) => new Map([[name, utf8(JSON.stringify(answer))]]) })

async function noteOf(database: Database, name: string): Promise<unknown> {
  const bytes = await replicaOf(database).store.value(name)
  return bytes === null ? null : JSON.parse(fromUtf8(bytes))
}

async function opened(): Promise<Database> {
  return (await found()).tenant.database('data', { mode: 'open' })
}

test('every kind of write stores what its options give with what it answers', async () => {
  const database = await opened()
  const docs = database.collection<Data>('docs')
  const answers = {
    create: await docs.create({ n: 1 }, { id: 'a', ...noted('create') }),
    createMany: await docs.createMany([{ n: 2 }, { n: 3 }], noted('createMany')),
    update: await docs.update('a', { n: 4 }, noted('update')),
    patch: await docs.patch('a', { $inc: { n: 1 } }, noted('patch')),
    enrich: await docs.enrich('a', { tags: ['x'] }, noted('enrich')),
    delete: await docs.delete('a', noted('delete')),
    restore: await docs.restore('a', undefined, noted('restore')),
    upsert: await docs.upsert(['n'], { n: 9 }, noted('upsert')),
    transact: await database.transact(async (tx) => (await tx.collection<Data>('docs').get('a'))?.['n'], noted('none')),
  }
  for (const [name, answer] of Object.entries(answers))
    if (name !== 'transact') expect(await noteOf(database, name)).toEqual(JSON.parse(JSON.stringify(answer)))
  expect(answers.transact).toBe(5)
  expect(await noteOf(database, 'none')).toBeNull()
})

test('a transaction stores what its work gave, and an entity goes with its record', async () => {
  const database = await opened()
  const told = await database.transact(async (tx) => {
    await tx.collection<Data>('docs').create({ n: 1 })
    return { told: 'this' }
  }, noted('transact'))
  expect(await noteOf(database, 'transact')).toEqual(told)
  const mapping = { property: 'topic', collection: 'topics', keyProperty: 'key' }
  const { id } = await database
    .collection<Data>('docs')
    .createWithEntities({ topic: { key: 'k' } }, [mapping], noted('entities'))
  expect(await noteOf(database, 'entities')).toMatchObject({ id })
})

test('nothing is stored of a write that changes nothing or is refused, and nothing of its neighbours', async () => {
  const database = await opened()
  const docs = database.collection<Data>('docs')
  await docs.create({ n: 1 }, { id: 'a' })
  const [same, stale, made] = await Promise.allSettled([
    docs.patch('a', { n: 1 }, noted('same')),
    docs.patch('a', { n: 2 }, { expectedOv: 7, ...noted('stale') }),
    docs.create({ n: 3 }, { id: 'b', ...noted('made') }),
  ])
  expect([same.status, stale.status, made.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await noteOf(database, 'same')).toBeNull()
  expect(await noteOf(database, 'stale')).toBeNull()
  expect(await noteOf(database, 'made')).toMatchObject({ id: 'b', ov: 0 })
})

test('the receipt of a version is found by its number', async () => {
  const docs = (await opened()).collection<Data>('docs')
  const written = [await docs.create({ n: 1 }, { id: 'a' }), await docs.patch('a', { n: 2 })]
  for (const each of written) expect(await docs.receipt('a', each.ov)).toEqual(await each.receipt())
  expect(await failure(() => docs.receipt('a', 2))).toMatchObject(coded('NOT_FOUND'))
  expect(await failure(() => docs.receipt('b', 0))).toMatchObject(coded('NOT_FOUND'))
})

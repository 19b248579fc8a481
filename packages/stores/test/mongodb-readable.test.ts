/** Readable collections and large changes must not keep a store from going on. */

import { indexRow, isTested, mongodbProgram } from '@varve/testkit'
import { mongodb } from '@varve/stores/mongodb'
import { createTenant, openTenant } from 'varve'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

interface Thing {
  readonly name: string
  readonly constructor?: unknown
}

describe.runIf(isTested(mongodbProgram()))('readable collections', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  const heads = (_: string, collection: string): string => `${collection}_head`

  test('rules that others give them do not stop the store; they are complete when it is opened again', async () => {
    const database = world.database()
    const store = mongodb({ client: world.client, database, heads })
    let tenant = await createTenant({ name: 'acme', user: 'ada', store })
    let things = (await tenant.database('crm', { mode: 'open' })).collection<Thing>('things')
    await things.create({ name: 'one' })
    await tenant.close()
    const readable = (await world.client.connect()).db(database).collection('things_head')
    await readable.createIndex({ name: 1 }, { unique: true, name: 'theirs' })
    tenant = await openTenant({ store })
    things = (await tenant.database('crm')).collection<Thing>('things')
    await things.create({ name: 'one' })
    await things.create({ name: 'two' })
    expect(await (await tenant.database('crm')).stats()).toBeTruthy()
    await tenant.close()
    await readable.dropIndex('theirs')
    tenant = await openTenant({ store })
    things = (await tenant.database('crm')).collection<Thing>('things')
    await things.create({ name: 'three' })
    await tenant.close()
    const names = (await readable.find({}, { sort: { name: 1 } }).toArray()).map(({ name }): unknown => name)
    expect(names).toEqual(['one', 'one', 'three', 'two'])
  })

  test('more indexes than MongoDB has, and names it does not take, leave documents readable', async () => {
    const database = world.database()
    const store = mongodb({ client: world.client, database, heads })
    const tenant = await createTenant({ name: 'acme', user: 'ada', store })
    const indexes = [
      'constructor.prototype',
      'a.$b',
      'toString',
      ...Array.from({ length: 60 }, (_, i) => `p${i}.x${i}`),
    ]
    const crm = await tenant.database('crm', { mode: 'open' })
    const things = crm.collection<Thing>('things', { indexes })
    await things.create({ name: 'one', constructor: { prototype: 7 } })
    await tenant.close()
    const readable = (await world.client.connect()).db(database).collection('things_head')
    expect(await readable.findOne({})).toMatchObject({ name: 'one', metaIndexed: { constructor: { prototype: 7 } } })
  })

  test('a name that MongoDB refuses for a collection leaves that one out', async () => {
    const database = world.database()
    const store = mongodb({ client: world.client, database, heads: (_, collection) => `$${collection}` })
    let tenant = await createTenant({ name: 'acme', user: 'ada', store })
    const created = await (
      await tenant.database('crm', { mode: 'open' })
    )
      .collection<Thing>('things')
      .create({ name: 'one' })
    await tenant.close()
    tenant = await openTenant({ store })
    const things = (await tenant.database('crm')).collection<Thing>('things')
    expect((await things.get(created.id))?.name).toBe('one')
    await tenant.close()
  })

  test('documents never stand among those of the store itself', async () => {
    const database = world.database()
    const store = mongodb({ client: world.client, database, heads: (_, collection) => collection })
    let tenant = await createTenant({ name: 'acme', user: 'ada', store })
    const crm = await tenant.database('crm', { mode: 'open' })
    for (const name of ['varve_stores', 'varve_leases', 'varve_batches', 'things'])
      await crm.collection<Thing & { readonly id: string }>(name).create({ id: 'main', name })
    await tenant.close()
    const db = (await world.client.connect()).db(database)
    for (const name of ['varve_stores', 'varve_leases', 'varve_batches'])
      expect(await db.collection(name).countDocuments({ name })).toBe(0)
    expect(await db.collection('things').countDocuments()).toBe(1)
    tenant = await openTenant({ store })
    expect((await (await tenant.database('crm')).collection<Thing>('varve_stores').get('main'))?.name).toBe(
      'varve_stores',
    )
    await tenant.close()
  })

  test('an index of tens of thousands of rows is cleared and built again', async () => {
    const stores = mongodb({ client: world.client, database: world.database() })
    let store = await stores.open('main', { pageKey: null })
    const rows = Array.from({ length: 12_000 }, (_, i) => indexRow(1, [i >> 8, i & 255], `id-${i}`))
    await store.write({ indexRows: rows })
    expect((await store.stats()).indexRows).toBe(rows.length)
    await store.write({ indexesCleared: [1], indexRows: rows.slice(0, 10) })
    expect((await store.stats()).indexRows).toBe(10)
    await store.close()
    store = await stores.open('main', { pageKey: null })
    expect((await store.stats()).indexRows).toBe(10)
    await store.close()
  }, 60_000)
})

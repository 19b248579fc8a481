/** The engine over layers that have sunk: tenants that switch it on, devices that sync from them, storage that is down. */

import { describe, expect, test } from 'vitest'
import { blobsBelow, VarveError, type BlobStore } from '../src/engine.ts'
import { createTenant, memory, memoryBlobs, openTenant, type Database, type StoreProvider } from '../src/index.ts'
import { afterTest, coded, contentsOf, gather, joined, storeOf, tickingEnv, type Data } from './engine-world.ts'

/** Object storage that can be taken down. */
function storage() {
  const plain = memoryBlobs({ env: tickingEnv() })
  const switched = { isDown: false, calls: 0 }
  const guard = <T>(call: () => Promise<T>): Promise<T> => {
    switched.calls++
    return switched.isDown ? Promise.reject(new VarveError('STORE_FAILED', 'No route to the storage')) : call()
  }
  const blobs: BlobStore = {
    ...plain,
    put: (...args) => guard(() => plain.put(...args)),
    get: (...args) => guard(() => plain.get(...args)),
    list: (...args) => guard(() => plain.list(...args)),
  }
  return { blobs, switched }
}

const sink = { keepCommits: 5, segmentBytes: 2000 }
const people = (database: Database) => database.collection<Data>('people')

async function sunkTenant(store: StoreProvider = memory(), mode: 'sealed' | 'open' = 'sealed') {
  const env = tickingEnv()
  const { blobs, switched } = storage()
  const tenant = await createTenant({ name: 'acme', user: 'ada', store, env, blobs, sink })
  afterTest(() => tenant.close())
  const database = await tenant.database('crm', { mode })
  for (let n = 0; n < 30; n++) {
    await people(database).upsert(['key'], { key: n % 4, n, text: `version ${n} `.repeat(10) })
  }
  return { tenant, database, blobs, switched, store, env }
}

async function pastOf(database: Database): Promise<unknown> {
  const ids = (await people(database).find().toArray()).map(({ id }) => id)
  const histories = await Promise.all(ids.map(async (id) => gather(people(database).history(id))))
  const past = await database.asOf({ record: 9 })
  return { histories, past: await past.collection<Data>('people').find().sort({ key: 1 }).toArray() }
}

describe.each([
  ['memory', 'sealed'],
  ['memory', 'open'],
  ['sqlite', 'sealed'],
] as const)('a tenant whose layers sink, %s, %s', (name, mode) => {
  test('answers as before, and after a restart', async () => {
    const { tenant, database, blobs, store, env } = await sunkTenant(await storeOf(name), mode)
    const before = [await contentsOf(database), await pastOf(database)]
    const { bodies } = (await database.stats()).bytes
    expect((await tenant.layers.sink()).segments).toBeGreaterThan(0)
    await tenant.layers.sink({ all: true })
    expect([await contentsOf(database), await pastOf(database)]).toEqual(before)
    expect((await database.stats()).bytes.bodies).toBe(bodies)
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
    const states = [...(await tenant.layers.state()).values()]
    expect(states.reduce((sum, state) => sum + state.bytes, 0)).toBeGreaterThan(3000)
    expect(states.every(({ deadLetter, pendingBytes }) => deadLetter === null && pendingBytes === 0)).toBe(true)
    await tenant.close()
    const again = await openTenant({ store, env, blobs })
    afterTest(() => again.close())
    const reopened = await again.database('crm')
    expect([await contentsOf(reopened), await pastOf(reopened)]).toEqual(before)
    await people(reopened).create({ key: 77 })
    expect(await reopened.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('a new device syncs from it and holds the same, and late writes fold into what has sunk', async () => {
    const { tenant, database } = await sunkTenant(await storeOf(name), mode)
    const other = await joined(tenant, 'bob', { store: await storeOf(name) })
    const early = await other.tenant.database('crm', { mode })
    await early.sync(database)
    const [first] = await people(early).find({ key: 1 }).toArray()
    await people(early).patch(first?.id ?? '', { offline: true })
    for (let n = 0; n < 10; n++) await people(database).upsert(['key'], { key: 1, n: 100 + n })
    await tenant.layers.sink({ all: true })
    const late = await joined(tenant, 'cleo', { store: await storeOf(name) })
    const fresh = await late.tenant.database('crm', { mode })
    await fresh.sync(database)
    expect(await contentsOf(fresh)).toEqual(await contentsOf(database))
    await early.sync(database)
    await fresh.sync(database)
    await tenant.layers.sink({ all: true })
    for (const copy of [database, early, fresh]) {
      expect(await contentsOf(copy)).toEqual(await contentsOf(database))
      expect(await copy.verify()).toMatchObject({ ok: true, problems: [] })
    }
    expect(await people(database).find({ key: 1, offline: true }).count()).toBe(1)
  })
})

describe('while object storage is down', () => {
  test('hot data is read, written and synced; what has sunk is STORE_FAILED naming its segment', async () => {
    const { tenant, database, switched } = await sunkTenant()
    const other = await joined(tenant, 'bob')
    const copy = await other.tenant.database('crm')
    await copy.sync(database)
    await tenant.layers.sink({ all: true })
    switched.isDown = true
    const [first] = await people(database).find({ key: 1 }).toArray()
    const id = first?.id ?? ''
    expect(await people(database).get(id)).toEqual(first)
    for (let n = 0; n < 8; n++) await people(database).patch(id, { later: n })
    await people(copy).create({ key: 50 })
    await copy.sync(database)
    expect(await contentsOf(copy)).toEqual(await contentsOf(database))
    expect(await people(copy).get(id)).toMatchObject({ later: 7 })
    await expect(people(database).getVersion(id, 0)).rejects.toEqual(coded('STORE_FAILED'))
    await expect(people(database).getVersion(id, 0)).rejects.toThrow(/segments\//)
    await expect(tenant.layers.sink({ all: true })).rejects.toEqual(coded('STORE_FAILED'))
    const dead = [...(await tenant.layers.state()).values()].flatMap(({ deadLetter }) => deadLetter ?? [])
    expect(dead[0]?.message).toMatch(/No route to the storage/)
    switched.isDown = false
    expect(await people(database).getVersion(id, 0)).toMatchObject({ n: 1 })
    await tenant.layers.sink({ all: true })
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
  })
})

describe('switching it on', () => {
  test('a store that has sunk is not opened without its object storage', async () => {
    const { tenant, store, env, blobs } = await sunkTenant()
    await tenant.layers.sink({ all: true })
    await tenant.close()
    await expect(openTenant({ store, env })).rejects.toEqual(coded('UNSUPPORTED'))
    const again = await openTenant({ store, env, blobs })
    await (await again.database('crm')).verify()
    await again.close()
  })

  test('sinking needs a place to sink to', async () => {
    await expect(createTenant({ name: 'a', user: 'b', store: memory(), sink: {} })).rejects.toEqual(coded('INVALID'))
  })

  test('two tenants share one storage, and wiping one leaves the other', async () => {
    const one = await sunkTenant()
    const env = tickingEnv()
    const two = await createTenant({ name: 'beta', user: 'eve', store: memory(), env, blobs: one.blobs, sink })
    afterTest(() => two.close())
    const database = await two.database('crm')
    await people(database).create({ key: 1, text: 'x'.repeat(3000) })
    await two.layers.sink({ all: true })
    await one.tenant.layers.sink({ all: true })
    await one.tenant.wipe()
    expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
    const left = (await one.blobs.list('segments/')).items
    expect(new Set(left.map(({ key }) => key.split('/')[1])).size).toBe(1)
    expect((await blobsBelow(one.blobs, 'segments/').list('')).items.length).toBe(left.length)
  })
})

/** A node whose tenants' layers sink: devices sync with it as before, new ones included, and while its object storage is down. */

import { memoryBlobs, sinkingStores, VarveError, type BlobStore, type SinkingStores } from 'varve/engine'
import { systemEnv, type Database, type Tenant } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import { NodeWorld } from './node-world.ts'

const env = systemEnv({ passphraseWork: 1 })
const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A node over object storage that can be taken down. */
async function sinkingNode() {
  const plain = memoryBlobs({ env })
  const storage = { isDown: false }
  const blobs: BlobStore = {
    ...plain,
    get: (key, options) =>
      storage.isDown ? Promise.reject(new VarveError('STORE_FAILED', 'No route')) : plain.get(key, options),
  }
  const wrapped: SinkingStores[] = []
  const world = new NodeWorld({
    wrap: (provider) => {
      const stores = sinkingStores(provider, { blobs, env, sink: { keepCommits: 1000, segmentBytes: 1000 } })
      wrapped.push(stores)
      return stores
    },
  })
  await world.start()
  closing.push(() => world.stop())
  const sinkAll = async (): Promise<number> => {
    let commits = 0
    for (const stores of wrapped)
      for (const [, sinker] of stores.sinkers) commits += (await sinker.run({ all: true })).commits
    return commits
  }
  return { world, storage, sinkAll }
}

async function database(tenant: Tenant, mode: 'sealed' | 'open'): Promise<Database> {
  closing.push(() => tenant.close())
  return tenant.database('crm', { mode })
}

async function write(crm: Database, from: number): Promise<void> {
  for (let n = from; n < from + 10; n++)
    await crm.collection('people').upsert(['key'], { key: n % 3, n, text: `text ${n} `.repeat(20) })
}

const contents = (crm: Database): Promise<unknown> => crm.collection('people').find().sort({ key: 1 }).toArray()

describe.each(['sealed', 'open'] as const)('a node whose layers sink, %s', (mode) => {
  test('serves a new device from its segments, and goes on recording', async () => {
    const { world, sinkAll } = await sinkingNode()
    const { ada, line } = await world.published()
    const crm = await database(ada, mode)
    await write(crm, 0)
    await line.settled()
    expect(await sinkAll()).toBeGreaterThan(8)
    const { tenant } = await world.join(ada, line, 'bob')
    const copy = await database(tenant, mode)
    const other = world.connect(tenant)
    await other.settled()
    expect(await contents(copy)).toEqual(await contents(crm))
    await write(copy, 10)
    await other.settled()
    await line.settled()
    await sinkAll()
    expect(await contents(copy)).toEqual(await contents(crm))
    for (const each of [crm, copy]) expect(await each.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('records and passes on what is new while its object storage is down', async () => {
    const { world, storage, sinkAll } = await sinkingNode()
    const { ada, line } = await world.published()
    const crm = await database(ada, mode)
    await write(crm, 0)
    const { tenant } = await world.join(ada, line, 'bob')
    const copy = await database(tenant, mode)
    const other = world.connect(tenant)
    await line.settled()
    await other.settled()
    await sinkAll()
    storage.isDown = true
    await write(crm, 20)
    await line.settled()
    await write(copy, 30)
    await other.settled()
    await line.settled()
    expect(await contents(copy)).toEqual(await contents(crm))
    expect((await ada.status()).databases.every(({ pending }) => pending === 0)).toBe(true)
  })
})

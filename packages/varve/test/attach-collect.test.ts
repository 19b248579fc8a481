/** Garbage of attachments: only what no version names, only when it is old, and never what is just being attached. */

import { afterEach, describe, expect, test } from 'vitest'
import {
  createJoinRequest,
  createTenant,
  joinTenant,
  limits,
  memory,
  memoryBlobs,
  openTenant,
  type BlobStore,
  type JsonObject,
} from '../src/index.ts'
import { chunkPlace, decorate, decorateStores } from '../src/engine.ts'
import { attachWorld, content, documents, failure, objects, shiftedEnv, type ShiftedEnv } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf', chunkBytes: 1000 }
const day = limits.garbageMinimumMs
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

describe('collecting', () => {
  test('removes what no version names, once it is old enough', async () => {
    const { tenant, storage, env } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    const kept = content(3000, 1)
    await people.attach('p', 'scan', kept, how)
    storage.failAfter = 6
    await failure(people.attach('p', 'scan', content(5000, 2), how))
    storage.failAfter = null
    const before = (await objects(storage.blobs)).length
    expect(before).toBeGreaterThan(3)
    expect(await tenant.attachments.collect({ olderThanMs: day })).toMatchObject({ removed: 0, kept: before })
    env.shift += 2 * day
    expect(await tenant.attachments.collect()).toMatchObject({ removed: 0 })
    expect(await tenant.attachments.collect({ olderThanMs: day })).toEqual({
      removed: before - 3,
      bytes: (before - 3) * 1040,
      kept: 3,
    })
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(kept)
    await tenant.close()
  })

  test('keeps what only an old version, a deleted document, or a copy of the description names', async () => {
    const { tenant, storage, env } = await attachWorld()
    const { people, database } = await documents(tenant)
    await people.createMany([{ id: 'p' }, { id: 'q' }, { id: 'r' }])
    const [a, b, c] = [content(1500, 1), content(1500, 2), content(1500, 3)]
    await people.attach('p', 'scan', a, how)
    await people.attach('p', 'scan', b, how)
    const info = await people.attach('q', 'scan', c, how)
    await people.patch('r', { copy: info })
    await people.delete('q')
    env.shift += 30 * day
    expect(await tenant.attachments.collect()).toMatchObject({ removed: 0, kept: 6 })
    expect(await objects(storage.blobs)).toHaveLength(6)
    expect(await (await people.attachment('p', 'scan', { ov: 1 })).bytes()).toEqual(a)
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(b)
    expect(await (await people.attachment('r', 'copy')).bytes()).toEqual(c)
    expect((await database.verify()).problems).toEqual([])
  })

  test('looks in every database of the tenant', async () => {
    const { tenant, env, store, storage } = await attachWorld()
    for (const [name, mode] of [
      ['one', 'sealed'],
      ['two', 'open'],
      ['three', 'sealed'],
    ] as const) {
      const things = (await tenant.database(name, { mode })).collection<JsonObject>('things')
      await things.create({ id: 't' })
      await things.attach('t', 'file', content(1000, name.length), how)
    }
    await tenant.close()
    const again = await openTenant({ store, env, blobs: storage.blobs })
    env.shift += 30 * day
    expect(await again.attachments.collect()).toEqual({ removed: 0, bytes: 0, kept: 3 })
    await again.close()
  })

  test('refuses while it cannot know what a database names', async () => {
    const { tenant, env } = await attachWorld()
    const { people } = await documents(tenant)
    await tenant.keys.create('hr')
    await people.create({ id: 'p' }, { key: 'hr' })
    await people.attach('p', 'scan', content(1000), how)
    const file = await tenant.keys.export(['hr'], 'secret')
    await tenant.keys.remove('hr')
    env.shift += 30 * day
    expect((await failure(tenant.attachments.collect())).code).toBe('KEY_MISSING')
    await tenant.keys.import(file, 'secret')
    expect(await tenant.attachments.collect()).toMatchObject({ removed: 0, kept: 1 })
    expect((await failure(tenant.attachments.collect({ olderThanMs: day - 1 }))).code).toBe('INVALID')

    const guest = { store: memory(), env, blobs: memoryBlobs({ env }) }
    const response = await tenant.directory.approve(await createJoinRequest({ user: 'bob', ...guest }))
    const bob = await joinTenant({ response, ...guest })
    cleanups.push(() => bob.close())
    const database = await bob.database('fresh')
    await database.sync(await tenant.database('fresh'))
    expect((await failure(bob.attachments.collect())).code).toBe('NOT_FOUND')
  })

  test('takes nothing from attaching beside it, though it uses garbage that is old', async () => {
    const { tenant, storage, env } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    const bytes = content(10_000)
    async function* cutOff(): AsyncGenerator<Uint8Array> {
      yield bytes
      throw new TypeError('cut off')
    }
    await expect(people.attach('p', 'scan', cutOff(), how)).rejects.toThrow('cut off')
    expect(await objects(storage.blobs)).toHaveLength(10)
    env.shift += 30 * day
    // Collecting runs again and again while the same content is read slowly.
    const collector = { ends: false, rounds: 0 }
    const collecting = (async () => {
      while (!collector.ends) {
        await tenant.attachments.collect({ olderThanMs: day })
        collector.rounds++
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 500) {
        yield bytes.slice(at, at + 500)
        const enough = collector.rounds + 2
        while (collector.rounds < enough) await new Promise((resolve) => setImmediate(resolve))
        env.shift += day
      }
    }
    await people.attach('p', 'scan', slowly(), how)
    collector.ends = true
    await collecting
    expect(collector.rounds).toBeGreaterThan(20)
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(bytes)
  })
})

describe('a clock of the device that is wrong', () => {
  test.each([
    ['ahead', 30],
    ['behind', -30],
  ])('%s by a month takes nothing from what is attached while garbage is collected', async (_how, days) => {
    const env = shiftedEnv()
    const blobs = memoryBlobs({ env: { now: () => env.now() - env.shift } })
    const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory(), env, blobs })
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    env.shift = days * day
    const inner = { ...blobs }
    let attaching = false
    Object.assign(blobs, {
      list: async (...call: Parameters<BlobStore['list']>) => {
        if (!attaching) {
          attaching = true
          await people.attach('p', 'scan', content(1500), how)
        }
        return inner.list(...call)
      },
    })
    expect(await tenant.attachments.collect({ olderThanMs: day })).toMatchObject({ removed: 0, kept: 2 })
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(content(1500))
    await tenant.close()
  })

  test('does not make what another process has just stored old', async () => {
    const env = shiftedEnv()
    const blobs = memoryBlobs({ env: { now: () => env.now() - env.shift } })
    const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory(), env, blobs })
    await blobs.put(chunkPlace(tenant.id, 'ab'.repeat(32)), content(10))
    env.shift = 30 * day
    expect(await tenant.attachments.collect()).toEqual({ removed: 0, bytes: 0, kept: 1 })
    expect(await objects(blobs)).toHaveLength(1)
    await tenant.close()
  })
})

test('a file whose content was garbage is whole, however its attaching and a collection overlap', async () => {
  const { tenant, storage, env } = await attachWorld()
  const { people } = await documents(tenant)
  await people.create({ id: 'p' })
  async function* cutOff(): AsyncGenerator<Uint8Array> {
    yield content(2500)
    throw new TypeError('cut off')
  }
  await expect(people.attach('p', 'scan', cutOff(), how)).rejects.toThrow('cut off')
  // Not yet so old that it would be put again, and old enough to be collected by a clock that is a day ahead.
  env.shift += day / 4
  const inner = { ...storage.blobs }
  let attaching = false
  Object.assign(storage.blobs, {
    list: async (...call: Parameters<BlobStore['list']>) => {
      const page = await inner.list(...call)
      if (!attaching) {
        attaching = true
        await people.attach('p', 'scan', content(2500), how)
        env.shift += 2 * day
      }
      return page
    },
  })
  env.shift += day
  await tenant.attachments.collect({ olderThanMs: day })
  expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(content(2500))
  await tenant.close()
})

test('what a commit names that is held back is kept, and whole once it counts', async () => {
  const [env, ahead] = [shiftedEnv(), shiftedEnv()]
  const blobs = memoryBlobs({ env })
  const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env, blobs })
  const joined = async (user: string, own: ShiftedEnv) => {
    const options = { store: memory(), env: own, blobs }
    const response = await ada.directory.approve(await createJoinRequest({ user, ...options }))
    const tenant = await joinTenant({ response, ...options })
    cleanups.push(() => tenant.close())
    return tenant
  }
  const [bob, cleo] = [await joined('bob', ahead), await joined('cleo', env)]
  const [a, b, c] = [await ada.database('crm'), await bob.database('crm'), await cleo.database('crm')]
  await a.collection('people').create({ id: 'p' })
  await b.sync(a)
  await c.sync(a)
  ahead.shift += 30 * day
  await b.collection('people').attach('p', 'scan', content(1500), how)
  ahead.shift -= 30 * day
  await b.sync(c)
  expect(await c.collection('people').get('p')).not.toHaveProperty('scan')
  env.shift += 10 * day
  expect(await cleo.attachments.collect()).toMatchObject({ removed: 0, kept: 2 })
  env.shift += 21 * day
  await b.sync(c)
  expect(await (await c.collection('people').attachment('p', 'scan')).bytes()).toEqual(content(1500))
  await ada.close()
})

test('a crash at any write of the store leaves whole versions or none, and garbage at most', async () => {
  for (let after = 0; after < 6; after++) {
    let left = Infinity
    const inner = memory()
    const store = decorateStores(inner, (each) =>
      decorate(each, (method, call) => {
        if (method === 'write' && left-- <= 0) return Promise.reject(new Error('power is gone'))
        return call()
      }),
    )
    const env = shiftedEnv()
    const blobs = memoryBlobs({ env })
    const tenant = await createTenant({ name: 'acme', user: 'ada', store, env, blobs })
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    left = after
    const attached: string[] = []
    for (const [n, path] of ['a', 'b', 'c', 'd'].entries()) {
      const done = await people.attach('p', path, content(2500, n + 1), how).then(
        () => true,
        () => false,
      )
      if (done) attached.push(path)
    }
    await tenant.close().catch(() => undefined)
    const again = await openTenant({ store: inner, env, blobs })
    const { people: reopened, database } = await documents(again)
    expect((await database.verify()).problems).toEqual([])
    for (const [n, path] of ['a', 'b', 'c', 'd'].entries()) {
      if (attached.includes(path))
        expect(await (await reopened.attachment('p', path)).bytes()).toEqual(content(2500, n + 1))
      else expect((await failure(reopened.attachment('p', path))).code).toBe('NOT_FOUND')
    }
    env.shift += 30 * day
    expect(await again.attachments.collect()).toMatchObject({ kept: attached.length * 3 })
    await again.close()
  }
})

test('wiping a device removes its chunks', async () => {
  const { tenant, storage } = await attachWorld()
  const { people } = await documents(tenant, 'open')
  await people.create({ id: 'p' })
  await people.attach('p', 'scan', content(5000), how)
  await storage.blobs.put('another/object', content(1))
  await tenant.wipe()
  expect(await objects(storage.blobs)).toEqual(['another/object'])
})

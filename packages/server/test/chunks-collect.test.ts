/** Collecting garbage at a node: what no version names goes, once it is old; whatever is named, or may be, stays. */

import { memoryBlobs, type BlobStore, type JsonObject } from 'varve'
import { limits } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import type { NodeOptions } from '../src/index.ts'
import {
  bring,
  cleanups,
  codeOf,
  env as system,
  eventually,
  founder,
  guestOf,
  how,
  node,
  spied,
  uploaded,
} from './chunks-world.ts'

const day = limits.garbageMinimumMs

/** Real time, and what a test adds to it. */
function shifted() {
  const env = { ...system, shift: 0, now: (): number => system.now() + env.shift }
  return env
}

async function idsIn(blobs: BlobStore): Promise<readonly string[]> {
  const { items } = await blobs.list('')
  return items.flatMap(({ key }) => (key.includes('/chunks/') ? [key.slice(key.lastIndexOf('/') + 1)] : []))
}

/** Bytes without a chunk that is equal to another. */
function content(size: number, seed: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => (i % 251) ^ (i >> 8) ^ seed)
}

/** A node, a tenant of it with a document, and the clock of both. */
async function published(options: Partial<NodeOptions> = {}) {
  const env = shifted()
  const blobs = memoryBlobs({ env })
  const running = await node({ env, blobs, ...options })
  const ada = await founder(env)
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  await ada.publish(running.url)
  const spy = spied()
  const line = ada.connect(undefined, { fetch: spy.fetch })
  await line.settled()
  return { ...running, env, blobs, ada, people, line, spy }
}

type World = Awaited<ReturnType<typeof published>>

/** Brings a chunk that nothing names; gives its id. */
async function litter({ ada, url, spy, people }: World, bytes: Uint8Array): Promise<string> {
  // For a token that is valid now.
  await people.attach('p', 'token', content(10, 200), how)
  await uploaded(ada)
  return bring(ada, url, spy.token, bytes)
}

async function joined({ ada, line, url, env }: World, level: 'member' | 'admin' = 'member') {
  const guest = await guestOf(ada, { env, level })
  await line.settled()
  const tenant = await guest.join()
  cleanups.push(() => tenant.close())
  const own = tenant.connect(url)
  const people = (await tenant.database('crm')).collection<JsonObject>('people')
  await own.settled()
  return { tenant, people, line: own, blobs: guest.blobs }
}

describe('an admin', () => {
  test('has removed what no version names, once it is a month old, and the tenant has room for as much again', async () => {
    const world = await published({ limits: { chunkMegabytesPerDevice: 1 } })
    const { ada, people, blobs, env } = world
    await people.attach('p', 'scan', content(2500, 1), { ...how, chunkBytes: 1000 })
    await people.attach('p', 'scan', content(1500, 2), { ...how, chunkBytes: 1000 })
    await uploaded(ada)
    const garbage = await litter(world, new Uint8Array(900_000).fill(1))
    const named = (await idsIn(blobs)).filter((id) => id !== garbage)
    expect(await ada.attachments.collect({ at: 'node' })).toEqual({ removed: 0, bytes: 0, kept: 7 })
    env.shift += 20 * day
    expect(await ada.attachments.collect({ at: 'node' })).toMatchObject({ removed: 0 })
    expect(await ada.attachments.collect({ at: 'node', olderThanMs: 19 * day })).toEqual({
      removed: 1,
      bytes: 900_000,
      kept: 6,
    })
    expect(await idsIn(blobs)).toEqual(named)
    await litter(world, new Uint8Array(900_000).fill(2))
    expect(await ada.attachments.collect({ at: 'node' })).toMatchObject({ removed: 0, kept: 7 })
    expect(await (await people.attachment('p', 'scan', { ov: 1 })).bytes()).toEqual(content(2500, 1))
  })

  test('needs to be one, now', async () => {
    const world = await published()
    const garbage = await litter(world, new Uint8Array(100).fill(1))
    world.env.shift += 40 * day
    const member = await joined(world)
    expect(await codeOf(member.tenant.attachments.collect({ at: 'node' }))).toBe('FORBIDDEN')
    expect(await idsIn(world.blobs)).toContain(garbage)
  })

  test('is told when there is no node, and that a day is the least', async () => {
    const { ada, line } = await published()
    expect(await codeOf(ada.attachments.collect({ at: 'node', olderThanMs: day - 1 }))).toBe('INVALID')
    await line.close()
    expect(await codeOf(ada.attachments.collect({ at: 'node' }))).toBe('OFFLINE')
  })

  test('cannot, while there is a database whose key is not held, or that is not here', async () => {
    const world = await published()
    const { ada, line, env } = world
    await litter(world, new Uint8Array(100).fill(1))
    const other = await joined(world, 'admin')
    await ada.keys.create('hr')
    const secret = await ada.database('hr', { key: 'hr' })
    await secret.collection('people').create({ id: 'p' })
    await line.settled()
    await other.line.settled()
    env.shift += 40 * day
    expect(await codeOf(other.tenant.attachments.collect({ at: 'node' }))).toBe('KEY_MISSING')
    await ada.database('shop')
    await line.settled()
    await other.line.settled()
    await other.tenant.keys.import(await ada.keys.export(['hr'], 'secret'), 'secret')
    expect(await codeOf(other.tenant.attachments.collect({ at: 'node' }))).toBe('NOT_FOUND')
    await other.tenant.database('hr')
    await other.tenant.database('shop')
    expect(await other.tenant.attachments.collect({ at: 'node' })).toMatchObject({ removed: 1 })
  })
})

describe('what stays', () => {
  test('what a device asks for again, though it was garbage', async () => {
    const world = await published()
    const { ada, people, blobs, env, line } = world
    const bytes = content(1000, 9)
    await people.attach('p', 'scan', bytes, how)
    await uploaded(ada)
    // The same chunk again, long after: it is found there, and as good as new.
    const before = await idsIn(blobs)
    env.shift += 100 * day
    await people.attach('p', 'again', bytes, how)
    await people.attach('p', 'scan', bytes, how)
    await uploaded(ada)
    await line.settled()
    expect(await ada.attachments.collect({ at: 'node', olderThanMs: day })).toMatchObject({ removed: 0 })
    expect(await idsIn(blobs)).toEqual(before)
  })

  test('what was attached offline weeks ago and comes after its garbage was collected is brought again', async () => {
    const world = await published()
    const { ada, line, blobs, env } = world
    const bob = await joined(world)
    // In an open database the same bytes are the same chunk, whoever brings them.
    const shop = (await bob.tenant.database('shop', { mode: 'open' })).collection<JsonObject>('people')
    await (await ada.database('shop', { mode: 'open' })).collection<JsonObject>('people').create({ id: 'p' })
    await line.settled()
    await bob.line.settled()
    const bytes = new Uint8Array(500).fill(7)
    const garbage = await litter(world, bytes)
    await bob.line.close()
    await shop.attach('p', 'scan', bytes, how)
    env.shift += 40 * day
    expect(await ada.attachments.collect({ at: 'node' })).toMatchObject({ removed: 1 })
    expect(await idsIn(blobs)).not.toContain(garbage)
    const again = bob.tenant.connect(world.url)
    await again.settled()
    await uploaded(bob.tenant)
    await line.settled()
    expect(await idsIn(blobs)).toContain(garbage)
    env.shift += 40 * day
    expect(await ada.attachments.collect({ at: 'node' })).toMatchObject({ removed: 0 })
    const mine = (await ada.database('shop', { mode: 'open' })).collection<JsonObject>('people')
    expect(await (await mine.attachment('p', 'scan')).bytes()).toEqual(bytes)
  })

  test('what a commit names that came while another device was away', async () => {
    const world = await published()
    const { ada, people, line, env, blobs } = world
    const other = await joined(world, 'admin')
    await other.line.disconnect()
    await people.attach('p', 'scan', content(1000, 3), how)
    await uploaded(ada)
    await line.settled()
    env.shift += 40 * day
    expect(await codeOf(other.tenant.attachments.collect({ at: 'node' }))).toBe('OFFLINE')
    await other.line.reconnect()
    await eventually(async () => other.line.status === 'live' || other.line.status === 'catching-up')
    expect(await other.tenant.attachments.collect({ at: 'node' })).toMatchObject({ removed: 0, kept: 1 })
    expect(await idsIn(blobs)).toHaveLength(1)
  })
})

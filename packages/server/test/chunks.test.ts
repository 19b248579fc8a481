/** Requirement H1 at a node: files attached offline reach it and other devices, sealed, checked, within limits. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fsBlobs } from '@varve/stores/blobs/fs'
import { sqlite } from '@varve/stores/sqlite'
import { createTenant, memoryBlobs, openTenant, VarveError, type JsonObject } from 'varve'
import { describe, expect, test } from 'vitest'
import type { NodeOptions } from '../src/index.ts'
import {
  bytesIn,
  cleanups,
  codeOf,
  env,
  eventually,
  filesIn,
  folder,
  founder,
  guestOf,
  how,
  node,
  text,
} from './chunks-world.ts'

test('H1 what was attached offline reaches the node sealed, and another device, which then reads it offline', async () => {
  const { url, dir } = await node()
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = text('needle-content ', 2_500_000)
  await people.attach('p', 'scan', bytes, how)
  expect(await ada.attachments.status()).toMatchObject({ waiting: 1, sent: { chunks: 0 } })
  await ada.publish(url)
  const line = ada.connect()
  const guest = await guestOf(ada)
  await line.settled()
  await ada.attachments.uploaded()
  const sent = (await ada.attachments.status()).sent
  expect(sent).toEqual({ chunks: 3, bytes: bytes.length + 3 * 40 })

  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(url)
  const copy = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  const file = await copy.attachment('p', 'scan')
  expect(await file.bytes({ offset: 1_500_000, length: 10 })).toEqual(bytes.slice(1_500_000, 1_500_010))
  expect((await guest.blobs.list('')).items).toHaveLength(1)
  expect(Buffer.compare(await file.bytes(), bytes)).toBe(0)
  await other.close()
  await line.close()
  expect(Buffer.compare(await file.bytes(), bytes)).toBe(0)

  const stored = await filesIn(join(dir, 'blobs'))
  expect(stored).toHaveLength(3)
  expect((await bytesIn(dir)).includes('needle')).toBe(false)
})

test('a file of an open database is readable at the node, and of the same tenant stored once', async () => {
  const { url, dir } = await node()
  const ada = await founder()
  const people = (await ada.database('shop', { mode: 'open' })).collection<JsonObject>('people')
  await people.createMany([{ id: 'p' }, { id: 'q' }])
  await people.attach('p', 'scan', text('visible ', 1000), how)
  await people.attach('q', 'scan', text('visible ', 1000), how)
  await ada.publish(url)
  const line = ada.connect()
  await line.settled()
  await ada.attachments.uploaded()
  expect((await ada.attachments.status()).sent.chunks).toBe(1)
  expect((await bytesIn(join(dir, 'blobs'))).includes('visible')).toBe(true)
})

test('a commit may be there before its chunks: reading says so, and works once they came', async () => {
  const { url } = await node()
  const ada = await founder()
  await ada.publish(url)
  const line = ada.connect()
  const guest = await guestOf(ada)
  await line.settled()
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(url)
  await other.settled()
  await line.close()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  const copy = (await bob.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = text('something ', 3000)
  await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 1000 })
  await (await bob.database('crm')).sync(await ada.database('crm'))
  const file = await copy.attachment('p', 'scan')
  expect(await codeOf(file.bytes())).toBe('MISSING_CHUNK')
  ada.connect()
  await ada.attachments.uploaded()
  expect(await file.bytes()).toEqual(bytes)
})

test('a node that failed gets the rest later, and another node gets everything again', async () => {
  let failing = false
  const inner = memoryBlobs({ env })
  let puts = 0
  const blobs = {
    ...inner,
    put: async (key: string, bytes: Uint8Array) => {
      if (failing && ++puts > 3) throw new VarveError('STORE_FAILED', 'the disk is gone')
      return inner.put(key, bytes)
    },
  }
  const first = await node({ blobs })
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = new Uint8Array(10_000).map((_, i) => (i % 251) ^ (i >> 8))
  await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 1000 })
  failing = true
  await ada.publish(first.url)
  const line = ada.connect()
  await line.settled()
  expect(await codeOf(ada.attachments.uploaded())).toBe('STORE_FAILED')
  expect((await inner.list('')).items.length).toBeLessThanOrEqual(3)
  failing = false
  await line.disconnect()
  await line.reconnect()
  await ada.attachments.uploaded()
  expect((await ada.attachments.status()).sent.chunks).toBe(10)
  await line.close()

  const second = await node()
  await ada.publish(second.url)
  const moved = ada.connect()
  await moved.settled()
  await eventually(async () => (await filesIn(join(second.dir, 'blobs')).catch(() => [])).length === 10)
  await ada.attachments.uploaded()
})

test('fetched chunks are kept up to the bytes that were chosen, the longest unread going first', async () => {
  const { url } = await node()
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = new Uint8Array(10_000).map((_, i) => (i % 251) ^ (i >> 8))
  await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 1000 })
  await ada.publish(url)
  const line = ada.connect()
  const guest = await guestOf(ada, { chunkCacheBytes: 3 * 1040 })
  await line.settled()
  await ada.attachments.uploaded()
  const bob = await guest.join()
  const other = bob.connect(url)
  const copy = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  const file = await copy.attachment('p', 'scan')
  expect(await file.bytes()).toEqual(bytes)
  expect((await guest.blobs.list('')).items).toHaveLength(3)
  await other.close()
  expect(await file.bytes({ offset: 7000 })).toEqual(bytes.slice(7000))
  expect(await codeOf(file.bytes({ offset: 6000 }))).toBe('MISSING_CHUNK')
  await bob.close()
  const again = await guest.open()
  const reopened = (await again.database('crm')).collection<JsonObject>('people')
  expect(await (await reopened.attachment('p', 'scan')).bytes({ offset: 7000 })).toEqual(bytes.slice(7000))
  await again.close()
})

test('a node that gives wrong bytes is found out, and what it changed on its disk too', async () => {
  const { url, dir } = await node()
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  await people.attach('p', 'scan', text('something ', 1000), how)
  await ada.publish(url)
  const line = ada.connect()
  const guest = await guestOf(ada)
  await line.settled()
  await ada.attachments.uploaded()
  const [path = ''] = await filesIn(join(dir, 'blobs'))
  const stored = await readFile(path)
  stored[100] = (stored[100] ?? 0) ^ 1
  await writeFile(path, stored)
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(url)
  const copy = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  expect(await codeOf((await copy.attachment('p', 'scan')).bytes())).toBe('TAMPERED')
})

test('devices on SQLite and folders keep their files over restarts', async () => {
  const { url } = await node()
  const [dir, blobDir] = [await folder(), await folder()]
  const options = { store: sqlite({ dir }), env, blobs: fsBlobs({ dir: blobDir }), passphrase: 'secret' }
  const ada = await createTenant({ ...options, name: 'acme', user: 'ada' })
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = text('needle ', 5000)
  await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 1000 })
  await ada.close()
  const again = await openTenant(options)
  cleanups.push(() => again.close())
  await again.publish(url)
  await again.connect().settled()
  await again.attachments.uploaded()
  expect((await again.attachments.status()).sent.chunks).toBe(5)
  const reopened = (await again.database('crm')).collection<JsonObject>('people')
  expect(await (await reopened.attachment('p', 'scan')).bytes()).toEqual(bytes)
  expect((await bytesIn(blobDir)).includes('needle')).toBe(false)
  expect((await bytesIn(dir)).includes('needle')).toBe(false)
})

test('many chunks are brought and fetched within the rate that a node allows', async () => {
  const { url } = await node({ limits: { requestsPerSecond: 40, requestBurst: 40 } })
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  const bytes = new Uint8Array(6000).map((_, i) => (i % 251) ^ (i >> 8))
  await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 100 })
  await ada.publish(url)
  const line = ada.connect()
  const guest = await guestOf(ada)
  await line.settled()
  await ada.attachments.uploaded()
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(url)
  const copy = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  expect(await (await copy.attachment('p', 'scan')).bytes()).toEqual(bytes)
})

test('after a change of node, whoever has chunks in its cache brings them, and nobody waits for what it never had', async () => {
  const first = await node()
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.createMany([{ id: 'p' }, { id: 'q' }])
  await people.attach('p', 'read', text('read ', 1000), how)
  await people.attach('q', 'unread', text('unread ', 1000), how)
  await ada.publish(first.url)
  const line = ada.connect()
  const guest = await guestOf(ada)
  await line.settled()
  await ada.attachments.uploaded()
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(first.url)
  const copy = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  await (await copy.attachment('p', 'read')).bytes()
  await bob.attachments.uploaded()
  await eventually(async () => (await bob.attachments.status()).waiting === 0)
  await line.close()
  await other.close()

  const blobs = memoryBlobs({ env })
  const second = await node({ blobs })
  await ada.publish(second.url)
  await ada.close()
  for (const { key } of (await blobs.list('')).items) await blobs.delete(key)
  bob.connect(second.url)
  await eventually(async () => (await blobs.list('')).items.length === 1)
  await bob.attachments.uploaded()
})

describe('the routes', () => {
  async function published(options: Partial<NodeOptions> = {}) {
    const running = await node(options)
    const ada = await founder()
    const people = (await ada.database('crm')).collection<JsonObject>('people')
    await people.create({ id: 'p' })
    await ada.publish(running.url)
    const line = ada.connect()
    await line.settled()
    return { ...running, ada, people, base: `${running.url}/v1/tenants/${ada.id}/chunks` }
  }

  test('are closed to whoever has no session', async () => {
    const { base } = await published()
    const id = 'ab'.repeat(32)
    const type = { 'content-type': 'application/octet-stream' }
    for (const [method, path] of [
      ['GET', `/${id}`],
      ['HEAD', `/${id}`],
      ['PUT', `/${id}`],
      ['POST', '/missing'],
    ]) {
      const body = method === 'PUT' || method === 'POST' ? { body: new Uint8Array(32), headers: type } : {}
      expect((await fetch(base + (path ?? ''), { method: method ?? 'GET', ...body })).status).toBe(401)
    }
  })

  test('a tenant, and a device, may bring only so much', async () => {
    for (const limit of ['chunkMegabytesPerTenant', 'chunkMegabytesPerDevice']) {
      const { ada, people, dir } = await published({ limits: { [limit]: 1 } })
      await people.attach('p', 'a', text('x', 600_000), how)
      await ada.attachments.uploaded()
      await people.attach('p', 'b', text('y', 600_000), how)
      expect(await codeOf(ada.attachments.uploaded())).toBe('TOO_LARGE')
      expect(await filesIn(join(dir, 'blobs'))).toHaveLength(1)
      await people.attach('p', 'c', text('z', 100_000), how)
    }
  })
})

/** Chunks at a node when something is wrong: damaged disks, quotas under fire, strangers, devices that were revoked. */

import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { createTenant, memoryBlobs, openTenant, type JsonObject, type Tenant } from 'varve'
import { describe, expect, test } from 'vitest'
import type { NodeOptions } from '../src/index.ts'
import {
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

async function published(options: Partial<NodeOptions> = {}) {
  const running = await node(options)
  const ada = await founder()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  await ada.publish(running.url)
  const line = ada.connect()
  await line.settled()
  return { ...running, ada, line, people }
}

async function memberOf(ada: Tenant, url: string) {
  const guest = await guestOf(ada)
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const line = bob.connect(url)
  const people = (await bob.database('crm')).collection<JsonObject>('people')
  await line.settled()
  return { bob, people, blobs: guest.blobs, line }
}

describe('a chunk that is damaged at the node', () => {
  test.each([
    ['cut short', (path: string) => truncate(path, 10)],
    [
      'changed',
      async (path: string) => {
        const stored = await readFile(path)
        stored[100] = (stored[100] ?? 0) ^ 1
        await writeFile(path, stored)
      },
    ],
  ])('because it was %s is told, and made good when the file is attached again', async (_how, damage) => {
    const { url, dir, ada, people } = await published()
    const bytes = text('something ', 3000)
    await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 1000 })
    await ada.attachments.uploaded()
    const [path = ''] = await filesIn(join(dir, 'blobs'))
    await damage(path)
    const { people: copy } = await memberOf(ada, url)
    const file = await copy.attachment('p', 'scan')
    expect(await codeOf(file.bytes())).toBe('TAMPERED')
    await people.attach('p', 'scan', bytes, { ...how, chunkBytes: 1000 })
    await ada.attachments.uploaded()
    expect(await file.bytes()).toEqual(bytes)
  })

  test('because it is gone comes again when the file is attached again, without a version', async () => {
    const blobs = memoryBlobs({ env })
    const { url, ada, people } = await published({ blobs })
    const bytes = text('something ', 1000)
    await people.attach('p', 'scan', bytes, how)
    await ada.attachments.uploaded()
    await eventually(async () => (await ada.attachments.status()).ahead === 0)
    for (const { key } of (await blobs.list('')).items) await blobs.delete(key)
    const { people: copy } = await memberOf(ada, url)
    const file = await copy.attachment('p', 'scan')
    expect(await codeOf(file.bytes())).toBe('MISSING_CHUNK')
    await people.attach('p', 'scan', bytes, how)
    expect((await people.get('p'))?._system.ov).toBe(1)
    await ada.attachments.uploaded()
    expect(await file.bytes()).toEqual(bytes)
  })
})

test('after a restart, files of databases that are opened on a connection are brought', async () => {
  const { url, dir } = await node()
  const options = { store: sqlite({ dir: await folder() }), env, blobs: memoryBlobs({ env }) }
  const ada = await createTenant({ ...options, name: 'acme', user: 'ada' })
  await ada.publish(url)
  for (const name of ['crm', 'shop']) {
    const people = (await ada.database(name)).collection<JsonObject>('people')
    await people.create({ id: 'p' })
    await people.attach('p', 'scan', text(name, 1000), how)
  }
  await ada.close()
  const again = await openTenant(options)
  cleanups.push(() => again.close())
  await again.connect().settled()
  await again.database('crm')
  await again.database('shop')
  await eventually(async () => (await filesIn(join(dir, 'blobs')).catch(() => [])).length === 2)
})

test('chunks come from whichever node that is reached has them whole', async () => {
  const [one, two] = [memoryBlobs({ env }), memoryBlobs({ env })]
  const first = await published({ blobs: one })
  const { ada, people } = first
  const bytes = text('something ', 1000)
  await people.attach('p', 'scan', bytes, how)
  await ada.attachments.uploaded()
  const { bob, people: copy } = await memberOf(ada, first.url)
  const second = await node({ blobs: two })
  await ada.publish(second.url)
  const moved = ada.connect(second.url)
  await moved.settled()
  await first.line.close()
  await ada.attachments.uploaded()
  await eventually(async () => (await two.list('')).items.length === 1)
  const [stored] = (await one.list('')).items
  await one.put(stored?.key ?? '', new Uint8Array(5))
  const line = bob.connect(second.url)
  await line.settled()
  expect(await (await copy.attachment('p', 'scan')).bytes()).toEqual(bytes)
})

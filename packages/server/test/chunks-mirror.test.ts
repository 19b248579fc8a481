/** Mirrors of attachments: a node that follows another copies its chunks too, without keys, and serves them. */

import { memoryBlobs, VarveError, type BlobStore, type JsonObject } from 'varve'
import { expect, test } from 'vitest'
import type { NodeOptions } from '../src/index.ts'
import { bring, cleanups, env, eventually, founder, guestOf, how, node, spied, uploaded } from './chunks-world.ts'

async function sizesIn(blobs: BlobStore): Promise<readonly number[]> {
  return (await blobs.list('')).items.filter(({ key }) => key.includes('/chunks/')).map(({ size }) => size)
}

/** Bytes without a chunk that is equal to another. */
function content(size: number, seed: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => (i % 251) ^ (i >> 8) ^ seed)
}

/** A node with a tenant, and a second one that follows it. */
async function mirrored(options: Partial<NodeOptions> = {}, own = env) {
  const [source, copy] = [memoryBlobs({ env: own }), memoryBlobs({ env: own })]
  const first = await node({ blobs: source, env: own, ...options })
  const ada = await founder(own)
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  await ada.publish(first.url)
  const spy = spied()
  const line = ada.connect(undefined, { fetch: spy.fetch })
  await line.settled()
  // A server in two lives: its key is known before it is told what to follow.
  const empty = await node({ blobs: copy, env: own })
  await empty.node.close()
  await ada.directory.approveMirror(empty.node.publicKey, 'paris')
  await line.settled()
  const id = (await ada.databases()).find(({ name }) => name === 'crm')?.id ?? ''
  const plan = { url: first.url.replace('http', 'ws'), node: first.node.publicKey, databases: [id] }
  const follow = async () => {
    const registration = await ada.registration()
    return node({ dir: empty.dir, blobs: copy, env: own, mirrors: [{ registration, tenant: ada.id, ...plan }] })
  }
  return { source, copy, first, ada, people, line, spy, follow }
}

test('a mirror copies what is there and what comes later, and serves it when the other node is gone', async () => {
  const { copy, first, ada, people, line, follow } = await mirrored()
  const [one, two] = [content(2500, 1), content(1500, 2)]
  await people.attach('p', 'one', one, { ...how, chunkBytes: 1000 })
  await ada.attachments.uploaded()
  const second = await follow()
  await eventually(async () => (await sizesIn(copy)).length === 3)
  await second.node.close()
  await people.attach('p', 'two', two, { ...how, chunkBytes: 1000 })
  await ada.attachments.uploaded()
  const again = await follow()
  await eventually(async () => (await sizesIn(copy)).length === 5)
  const guest = await guestOf(ada)
  await line.settled()
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(again.url)
  const theirs = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  await line.close()
  await first.node.close()
  expect(await (await theirs.attachment('p', 'one')).bytes()).toEqual(one)
  expect(await (await theirs.attachment('p', 'two')).bytes()).toEqual(two)
})

test('a device that is connected to a mirror too brings its files to the node that records', async () => {
  const { source, ada, people, line, follow } = await mirrored()
  const second = await follow()
  await line.close()
  const other = ada.connect(second.url)
  await other.settled()
  await ada.connect().settled()
  await people.attach('p', 'scan', content(500, 5), how)
  await ada.attachments.uploaded()
  expect(await sizesIn(source)).toHaveLength(1)
})

test('what is damaged at the other node is left out, and what fails is tried again', async () => {
  let failures = 3
  const inner = memoryBlobs({ env })
  const blobs: BlobStore = {
    ...inner,
    get: async (key, options) => {
      if (failures-- > 0) throw new VarveError('STORE_FAILED', 'for a moment', { retryable: true })
      return inner.get(key, options)
    },
  }
  const { copy, ada, people, follow } = await mirrored({ blobs })
  await people.attach('p', 'scan', content(5000, 3), { ...how, chunkBytes: 1000 })
  await ada.attachments.uploaded()
  const [first] = (await inner.list('')).items
  await inner.put(first?.key ?? '', new Uint8Array(1040))
  await follow()
  await eventually(async () => (await sizesIn(copy)).length === 4)
  expect(failures).toBeLessThan(0)
})

test('many chunks come over within the rate that the other node allows', async () => {
  const { copy, ada, people, follow } = await mirrored({ limits: { requestsPerSecond: 60, requestBurst: 60 } })
  await people.attach('p', 'scan', content(12_000, 4), { ...how, chunkBytes: 100 })
  await ada.attachments.uploaded()
  await follow()
  await eventually(async () => (await sizesIn(copy)).length === 120)
})

test('what a device attaches that knows the mirror alone goes up to the other node, where others read it', async () => {
  const { source, ada, people, line, follow } = await mirrored()
  const second = await follow()
  const guest = await guestOf(ada)
  await line.settled()
  const bob = await guest.join()
  cleanups.push(() => bob.close())
  const other = bob.connect(second.url)
  await other.settled()
  const theirs = (await bob.database('crm')).collection<JsonObject>('people')
  await other.settled()
  await theirs.attach('p', 'scan', content(2500, 6), { ...how, chunkBytes: 1000 })
  await bob.attachments.uploaded()
  await other.settled()
  await bob.close()
  // A round begins when it connects.
  await second.node.close()
  await follow()
  await eventually(async () => (await sizesIn(source)).length === 3)
  await line.settled()
  expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(content(2500, 6))
})

test('what an admin has had removed goes from the mirror too, and what is named stays there', async () => {
  const own = { ...env, shift: 0, now: (): number => env.now() + own.shift }
  const { source, copy, first, ada, people, spy, follow } = await mirrored({}, own)
  await people.attach('p', 'scan', content(1500, 7), { ...how, chunkBytes: 1000 })
  await uploaded(ada)
  await bring(ada, first.url, spy.token, content(500, 8))
  const second = await follow()
  await eventually(async () => (await sizesIn(copy)).length === 3)
  own.shift += 40 * 86_400_000
  expect(await ada.attachments.collect({ at: 'node' })).toEqual({ removed: 1, bytes: 500, kept: 2 })
  await second.node.close()
  await follow()
  await eventually(async () => (await sizesIn(copy)).length === 2)
  expect(await sizesIn(source)).toHaveLength(2)
})

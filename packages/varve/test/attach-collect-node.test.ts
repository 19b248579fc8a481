/** Collecting at a node, as the device does it: what it refuses, what it signs, and files that are sent before their commits. */

import { afterEach, describe, expect, test } from 'vitest'
import { collectAtNode, type CollectedNode, type FeedEnd } from '../src/attachments/collect-node.ts'
import { Uploads, type ChunkNode } from '../src/attachments/uploads.ts'
import { decodeDisposal, fromHex, primitives, replicaOf, summaryOf, toHex } from '../src/engine.ts'
import { limits, type Tenant } from '../src/index.ts'
import { attachWorld, content, documents, failure } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf', chunkBytes: 1000 }
const day = limits.garbageMinimumMs
const secret = new Uint8Array(32).fill(5)
const device = {
  publicKey: primitives.ed25519.publicKey(secret),
  sign: (message: Uint8Array) => primitives.ed25519.sign(secret, message),
}
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function world() {
  const { tenant, env } = await attachWorld()
  cleanups.push(() => tenant.close())
  const { people, database } = await documents(tenant)
  await people.create({ id: 'p' })
  await people.attach('p', 'scan', content(1500), how)
  const named = await chunksOf(tenant)
  const replica = replicaOf(database)
  const id = toHex(replica.context.id)
  const ends: FeedEnd[] = [...summaryOf(replica).feeds].map(([feed, { length, head }]) => ({
    feed,
    length,
    head: toHex(head),
  }))
  const disposed: Uint8Array[] = []
  const garbage = ['00'.repeat(32), 'ff'.repeat(32)]
  const all = [...named, ...garbage].toSorted()
  const node: CollectedNode = {
    key: () => Promise.resolve(new Uint8Array(32).fill(1)),
    began: () => Promise.resolve({ at: env.now(), databases: [id] }),
    feeds: () => Promise.resolve(ends),
    settled: () => Promise.resolve(),
    list: (after) => Promise.resolve(all.filter((each) => after === null || each > after).slice(0, 2)),
    dispose: (bytes) => {
      disposed.push(bytes)
      return Promise.resolve({ removed: decodeDisposal(bytes).ids.length, bytes: 10 })
    },
  }
  const collect = (given: Partial<CollectedNode> = {}, olderThanMs = 3 * day) =>
    collectAtNode(
      {
        env,
        tenant: fromHex(tenant.id),
        device,
        node: { ...node, ...given },
        everything: () => Promise.resolve([replica]),
      },
      olderThanMs,
    )
  return { tenant, env, people, replica, ends, named, garbage, all, disposed, collect, database }
}

async function chunksOf({ attachments, id }: Tenant): Promise<readonly string[]> {
  const found = (await attachments.home.chunks?.blobs.list(`${id}/chunks/`))?.items ?? []
  return found.map(({ key }) => key.slice(key.lastIndexOf('/') + 1))
}

test('it signs what no version names, page by page, and nothing else', async () => {
  const { collect, disposed, garbage, named, tenant, env } = await world()
  expect(named).toHaveLength(2)
  expect(await collect()).toEqual({ removed: 2, bytes: 20, kept: 2 })
  const read = disposed.map(decodeDisposal)
  expect(read.flatMap(({ ids }) => ids)).toEqual(garbage)
  for (const each of read) {
    expect(toHex(each.tenant)).toBe(tenant.id)
    expect(each).toMatchObject({ olderThanMs: 3 * day, device: device.publicKey, node: new Uint8Array(32).fill(1) })
    expect(each.at).toBeLessThanOrEqual(env.now())
  }
})

describe('it refuses, and signs nothing, when', () => {
  test.each([
    ['the age is less than a day', 'INVALID', () => ({}), day - 1],
    [
      'the node has a database that is not here',
      'NOT_FOUND',
      (id: string) => ({
        began: () => Promise.resolve({ at: Date.now(), databases: [id, 'ab'.repeat(16)] }),
      }),
      day,
    ],
    [
      'the node has a feed that is not here',
      'CONFLICT',
      (_id: string, ends: readonly FeedEnd[]) => ({
        feeds: () => Promise.resolve([...ends, { feed: 'ab'.repeat(16), length: 1, head: 'ab'.repeat(32) }]),
      }),
      day,
    ],
    [
      'the node has more of a feed',
      'CONFLICT',
      (_id: string, ends: readonly FeedEnd[]) => ({
        feeds: () => Promise.resolve(ends.map((end) => ({ ...end, length: end.length + 1 }))),
      }),
      day,
    ],
    [
      'the node has another branch of a feed',
      'CONFLICT',
      (_id: string, ends: readonly FeedEnd[]) => ({
        feeds: () => Promise.resolve(ends.map((end) => ({ ...end, head: 'ab'.repeat(32) }))),
      }),
      day,
    ],
    [
      'the clock of the node is far ahead',
      'INVALID',
      () => ({
        began: () => Promise.resolve({ at: Date.now() + day, databases: [] }),
      }),
      day,
    ],
    [
      'the list of the node goes in circles',
      'INVALID',
      (_id: string, _ends: readonly FeedEnd[], all: readonly string[]) => ({
        list: () => Promise.resolve(all.toReversed()),
      }),
      day,
    ],
  ])('%s', async (_what, code, given, age) => {
    const { collect, disposed, ends, all, replica } = await world()
    const refused = await failure(collect(given(toHex(replica.context.id), ends, all), age))
    expect(refused.code).toBe(code)
    expect(disposed).toEqual([])
  })
})

test('it goes on when the device has more than the node', async () => {
  const { collect, people } = await world()
  await people.attach('p', 'more', content(500, 4), how)
  expect(await collect()).toMatchObject({ removed: 2 })
})

test('what is sent before its commit is asked for once more when that is there, and brought again if it has gone', async () => {
  const { tenant, env, replica } = await world()
  const held = new Set<string>()
  const asked: number[] = []
  let delivered = (): void => undefined
  const node: ChunkNode = {
    key: () => Promise.resolve('ab'.repeat(32)),
    missing: (ids) => {
      asked.push(ids.length)
      return Promise.resolve(ids.filter((id) => !held.has(id)))
    },
    put: (id) => {
      held.add(id)
      return Promise.resolve()
    },
    delivered: () =>
      new Promise((resolve) => {
        delivered = resolve
      }),
  }
  const { chunks } = tenant.attachments.home
  if (chunks === null) throw new Error('no object storage')
  const parts = { env, chunks, replicas: () => Promise.resolve([replica]), backoffMs: () => 10 }
  const uploads = new Uploads({ ...parts, node: () => node })
  const until = async (ahead: number): Promise<void> => {
    while ((await uploads.status()).ahead !== ahead || (await uploads.status()).waiting > 0)
      await new Promise((resolve) => setImmediate(resolve))
  }
  uploads.wake()
  await until(1)
  expect(held.size).toBe(2)
  // Closing does not wait for a node that never answers, and another life goes on.
  await uploads.close()
  held.clear()
  const again = new Uploads({ ...parts, node: () => node })
  again.wake()
  while (again.attempts === 0) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  expect(held.size).toBe(0)
  while ((await again.status()).ahead > 0) {
    delivered()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(held.size).toBe(2)
  expect(asked).toEqual([2, 2])
  await again.close()
})

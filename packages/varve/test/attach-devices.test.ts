/** Attachments written apart on several devices: the later wins, both are listed, and every device agrees. */

import { afterEach, describe, expect, test } from 'vitest'
import {
  createJoinRequest,
  createTenant,
  joinTenant,
  memory,
  memoryBlobs,
  type JsonObject,
  type Tenant,
} from '../src/index.ts'
import { content, failure, shiftedEnv, type ShiftedEnv } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf', chunkBytes: 1000 }
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Two devices that use one object storage, as servers with one bucket do. */
async function devices(): Promise<{ readonly ada: Tenant; readonly bob: Tenant; readonly env: ShiftedEnv }> {
  const env = shiftedEnv()
  const blobs = memoryBlobs({ env })
  const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env, blobs })
  cleanups.push(() => ada.close())
  const store = memory()
  const response = await ada.directory.approve(await createJoinRequest({ user: 'bob', store, env }))
  const bob = await joinTenant({ response, store, env, blobs })
  cleanups.push(() => bob.close())
  return { ada, bob, env }
}

describe.each(['sealed', 'open'] as const)('in a database that is %s', (mode) => {
  test('the later of two files at one path wins, and the conflict shows both', async () => {
    const { ada, bob, env } = await devices()
    const [a, b] = [await ada.database('crm', { mode }), await bob.database('crm', { mode })]
    const [left, right] = [a.collection<JsonObject>('people'), b.collection<JsonObject>('people')]
    await left.create({ id: 'p' })
    await b.sync(a)
    const [mine, theirs] = [content(1500, 1), content(2500, 2)]
    await left.attach('p', 'scan', mine, { ...how, name: 'mine.pdf' })
    env.shift += 1000
    await right.attach('p', 'scan', theirs, { ...how, name: 'theirs.pdf' })
    await b.sync(a)
    await b.sync(a)
    for (const people of [left, right]) {
      const file = await people.attachment('p', 'scan')
      expect(file.info.name).toBe('theirs.pdf')
      expect(await file.bytes()).toEqual(theirs)
      const [conflict] = await people.conflicts('p')
      expect(conflict).toMatchObject({
        path: 'scan',
        winner: { value: { name: 'theirs.pdf', size: 2500 } },
        loser: { value: { name: 'mine.pdf', size: 1500 } },
      })
      expect(await (await people.attachment('p', 'scan', { ov: 1 })).bytes()).toEqual(mine)
    }
    await left.attach('p', 'scan', mine, { ...how, name: 'agreed.pdf' })
    expect((await left.conflicts('p'))[0]?.resolvedBy).toBe(3)
    expect((await a.verify()).problems).toEqual([])
    expect((await b.verify()).problems).toEqual([])
  })

  test('the same file attached on both is one file and no conflict', async () => {
    const { ada, bob } = await devices()
    const [a, b] = [await ada.database('crm', { mode }), await bob.database('crm', { mode })]
    const [left, right] = [a.collection<JsonObject>('people'), b.collection<JsonObject>('people')]
    await left.create({ id: 'p' })
    await b.sync(a)
    const info = await left.attach('p', 'scan', content(1500), how)
    expect(await right.attach('p', 'scan', content(1500), how)).toEqual(info)
    await b.sync(a)
    expect(await left.conflicts('p')).toEqual([])
    expect(await (await left.attachment('p', 'scan')).bytes()).toEqual(content(1500))
  })
})

test('a refused file leaves no trace, and what only it names is garbage', async () => {
  const { ada, bob, env } = await devices()
  const [a, b] = [await ada.database('crm'), await bob.database('crm')]
  const [left, right] = [a.collection<JsonObject>('people'), b.collection<JsonObject>('people')]
  await left.create({ id: 'p' })
  await b.sync(a)
  await left.patch('p', { a: 1 })
  const info = await right.attach('p', 'scan', content(1500), { ...how, expectedOv: 0 })
  expect(info.size).toBe(1500)
  await b.sync(a)
  await b.sync(a)
  expect(await b.refused()).toHaveLength(1)
  expect((await failure(right.attachment('p', 'scan'))).code).toBe('NOT_FOUND')
  env.shift += 30 * 86_400_000
  expect(await bob.attachments.collect()).toMatchObject({ removed: 2, kept: 0 })
})

test('whoever lacks the key of a file sees neither it nor its chunks, and gets both with the key', async () => {
  const { ada, bob } = await devices()
  const [a, b] = [await ada.database('crm'), await bob.database('crm')]
  const [left, right] = [a.collection<JsonObject>('people'), b.collection<JsonObject>('people')]
  await ada.keys.create('hr')
  await left.create({ id: 'p' }, { key: 'hr' })
  await left.attach('p', 'scan', content(1500), how)
  await b.sync(a)
  expect(await right.get('p')).toBeNull()
  expect((await failure(right.attachment('p', 'scan'))).code).toBe('NOT_FOUND')
  await bob.keys.import(await ada.keys.export(['hr'], 'secret'), 'secret')
  expect(await (await right.attachment('p', 'scan')).bytes()).toEqual(content(1500))
})

test('a description copied out of a document is a file only for those who hold the key it was attached under', async () => {
  const { ada, bob } = await devices()
  const [a, b] = [await ada.database('crm'), await bob.database('crm')]
  const [left, right] = [a.collection<JsonObject>('people'), b.collection<JsonObject>('people')]
  await ada.keys.create('hr')
  await left.create({ id: 'p' }, { key: 'hr' })
  await left.create({ id: 'q' })
  await left.patch('q', { copy: await left.attach('p', 'scan', content(1500), how) })
  await b.sync(a)
  expect(await (await left.attachment('q', 'copy')).bytes()).toEqual(content(1500))
  expect(await failure(right.attachment('q', 'copy'))).toMatchObject({ code: 'MISSING_CHUNK', retryable: true })
  await bob.keys.import(await ada.keys.export(['hr'], 'secret'), 'secret')
  expect(await (await right.attachment('q', 'copy')).bytes()).toEqual(content(1500))
})

test('a description that is forged points at nothing, or at what its reader could read anyway', async () => {
  const { ada } = await devices()
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  const info = { name: 'x', type: 'y/z', size: 1e9 }
  await people.create({ id: 'p' })
  const real = await people.attach('p', 'scan', content(1500), how)
  await people.create({ id: 'q', none: { ...info, hash: 'ab'.repeat(32) }, odd: { ...info, hash: '../../x' } })
  expect((await failure(people.attachment('q', 'none'))).code).toBe('MISSING_CHUNK')
  expect((await failure(people.attachment('q', 'odd'))).code).toBe('NOT_FOUND')
  await people.patch('q', { lies: { ...info, hash: real.hash } })
  const file = await people.attachment('q', 'lies')
  expect(file.info.size).toBe(1500)
  expect(await file.bytes()).toEqual(content(1500))
})

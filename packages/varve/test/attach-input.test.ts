/** What cannot be attached is refused with a code, before anything is stored. */

import { describe, expect, test } from 'vitest'
import { limits, openTenant, type JsonObject } from '../src/index.ts'
import { attachWorld, content, documents, failure } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf' }

describe('attaching is refused before anything is stored', () => {
  test.each([
    ['no document', 'nobody', 'scan', how, 'NOT_FOUND'],
    ['a deleted document', 'gone', 'scan', how, 'DELETED'],
    ['the id as path', 'p', 'id', how, 'INVALID'],
    ['a reserved path', 'p', '_system.x', how, 'RESERVED_NAME'],
    ['an empty path', 'p', '', how, 'INVALID'],
    ['a path too deep', 'p', Array.from({ length: 64 }, () => 'a').join('.'), how, 'TOO_LARGE'],
    ['no name', 'p', 'scan', { ...how, name: '' }, 'INVALID'],
    ['a long name', 'p', 'scan', { ...how, name: 'x'.repeat(1025) }, 'TOO_LARGE'],
    ['a chunk of nothing', 'p', 'scan', { ...how, chunkBytes: 0 }, 'INVALID'],
    ['a chunk too large', 'p', 'scan', { ...how, chunkBytes: limits.chunkBytes + 1 }, 'INVALID'],
    ['a key that is not held', 'p', 'scan', { ...how, key: 'hr' }, 'KEY_MISSING'],
  ])('%s', async (_what, id, path, options, code) => {
    const { tenant, storage } = await attachWorld()
    const { people } = await documents(tenant)
    await people.createMany([{ id: 'p' }, { id: 'gone' }])
    await people.delete('gone')
    expect((await failure(people.attach(id, path, content(10), options))).code).toBe(code)
    expect(storage.puts).toBe(0)
  })

  test('content that is no bytes', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    const wrong: readonly Uint8Array[] = JSON.parse('["text", null, 7, {}, ["text"]]')
    for (const each of wrong) expect((await failure(people.attach('p', 'a', each, how))).code).toBe('INVALID')
    async function* words(): AsyncGenerator<Uint8Array> {
      yield* wrong
    }
    expect((await failure(people.attach('p', 'a', words(), how))).code).toBe('INVALID')
  })

  test('a stale version', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    await people.patch('p', { a: 1 })
    expect((await failure(people.attach('p', 'scan', content(10), { ...how, expectedOv: 0 }))).code).toBe('CONFLICT')
  })

  test('a sealed path of an open database', async () => {
    const { tenant, storage } = await attachWorld()
    const { database } = await documents(tenant, 'open')
    const people = database.collection<JsonObject>('people', { seal: ['secret.scan'] })
    await people.create({ id: 'p' })
    for (const path of ['secret.scan', 'secret', 'secret.scan.deeper'])
      expect((await failure(people.attach('p', path, content(10), how))).code).toBe('UNSUPPORTED')
    expect(storage.puts).toBe(0)
    expect(await people.attach('p', 'open', content(10), how)).toMatchObject({ size: 10 })
  })

  test('a tenant without object storage', async () => {
    const { store, env, tenant } = await attachWorld()
    const { people } = await documents(tenant)
    await people.create({ id: 'p' })
    await people.attach('p', 'scan', content(10), how)
    await tenant.close()
    const bare = await openTenant({ store, env })
    const { people: again } = await documents(bare)
    expect((await failure(again.attach('p', 'scan', content(10), how))).code).toBe('UNSUPPORTED')
    expect((await failure(again.attachment('p', 'scan'))).code).toBe('UNSUPPORTED')
    await bare.close()
  })
})

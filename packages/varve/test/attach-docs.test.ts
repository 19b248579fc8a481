/** The examples of docs/attachments.md. */

import { expect, test } from 'vitest'
import { memory, openTenant, type JsonObject } from '../src/index.ts'
import { attachWorld, content } from './attach-world.ts'

test('attaching, reading, devices and garbage are as documented', async () => {
  const world = await attachWorld(memory())
  await world.tenant.close()
  const { store, env, storage } = world
  const tenant = await openTenant({ store, env, blobs: storage.blobs })
  const people = (await tenant.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'ada' })
  const bytes = content(5000)

  const info = await people.attach('ada', 'contract', bytes, { name: 'contract.pdf', type: 'application/pdf' })
  expect(Object.keys(info)).toEqual(['name', 'type', 'size', 'hash'])
  expect(await people.find({ 'contract.type': 'application/pdf' }).count()).toBe(1)

  const file = await people.attachment('ada', 'contract')
  expect(await file.bytes()).toEqual(bytes)
  expect(await file.bytes({ offset: 0, length: 4 })).toEqual(bytes.slice(0, 4))
  let size = 0
  for await (const part of file.stream({ offset: 1000 })) size += part.length
  expect(size).toBe(4000)
  const before = await people.attachment('ada', 'contract', { ov: 1 })
  expect(await before.bytes()).toEqual(bytes)

  expect(await tenant.attachments.status()).toEqual({
    waiting: 1,
    ahead: 0,
    sent: { chunks: 0, bytes: 0 },
    lost: 0,
    problem: null,
  })
  const collected = await tenant.attachments.collect({ olderThanMs: 30 * 86_400_000 })
  expect(collected).toEqual({ removed: 0, bytes: 0, kept: 1 })
  await tenant.close()
})

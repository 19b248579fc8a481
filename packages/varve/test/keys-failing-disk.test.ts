/** Keys that come while the disk is full: importing them again makes good what failed. */

import { FaultyDisk } from '@varve/testkit'
import { expect, test } from 'vitest'
import { memory } from '../src/index.ts'
import { coded, failure, found, joined, type Data } from './engine-world.ts'

test('documents under a key appear when it is imported again, after the disk failed the first time', async () => {
  const ada = await found()
  await ada.tenant.keys.create('private')
  const diary = (await ada.tenant.database('crm')).collection<Data>('diary', { key: 'private' })
  for (let i = 0; i < 20; i++) await diary.create({ id: `day${i}`, text: 'x'.repeat(500) })
  const disk = new FaultyDisk()
  const bob = await joined(ada.tenant, 'bob', { store: memory({ disk: disk.attach() }) })
  const database = await bob.tenant.database('crm')
  await database.sync(await ada.tenant.database('crm'))
  const file = await ada.tenant.keys.export(['private'], 'out of band')
  // Room for the keyring, not for the documents.
  disk.resize(disk.size + 2_000)
  expect(await failure(() => bob.tenant.keys.import(file, 'out of band'))).toEqual(coded('STORE_FAILED'))
  expect(bob.tenant.keys.has('private')).toBe(true)
  disk.resize(Infinity)
  await bob.tenant.keys.import(file, 'out of band')
  expect(await database.collection('diary').find().count()).toBe(20)
  expect(await database.verify()).toMatchObject({ ok: true })
})

/** Keys that come or go while the disk is full: doing it again, or opening again, makes good what failed. */

import { faulty, FaultyDisk } from '@varve/testkit'
import { expect, test } from 'vitest'
import { memory, VarveError } from '../src/index.ts'
import { decorateStores } from '../src/store/decorate.ts'
import type { Batch, Store } from '../src/store/store.ts'
import { homeOf } from '../src/tenant/view-home.ts'
import { coded, failure, found, joined, reopened, type Data } from './engine-world.ts'

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

test('a removal that was interrupted goes on when the tenant is opened again', async () => {
  let failing = false
  const wrap = (store: Store): Store => ({
    ...faulty(store, []),
    write: (batch: Batch) =>
      failing && (batch.documents?.length ?? 0) > 0
        ? Promise.reject(new VarveError('STORE_FAILED', 'no room'))
        : store.write(batch),
  })
  const opened = await found(decorateStores(memory(), wrap))
  const { keys } = opened.tenant
  await keys.create('private')
  const database = await opened.tenant.database('crm')
  const diary = database.collection<Data>('diary', { key: 'private', search: { fields: { text: {} } } })
  await diary.create({ id: 'day', text: 'hidden' })
  const definition = { name: 'days', sources: [{ database: 'crm', collection: 'diary' }] }
  await (await opened.tenant.view(definition)).save()
  failing = true
  expect(await failure(() => keys.remove('private'))).toEqual(coded('STORE_FAILED'))
  failing = false
  const { tenant } = await reopened(opened)
  const again = (await tenant.database('crm')).collection<Data>('diary')
  expect(await again.get('day')).toBeNull()
  expect(await again.find().search('hidden').count()).toBe(0)
  expect((await tenant.view(definition)).rows()).toEqual([])
  expect(await homeOf(tenant).values('removal/')).toEqual(new Map())
})

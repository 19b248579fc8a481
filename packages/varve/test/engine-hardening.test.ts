/** Requirement tests of what must not be possible: taking over key names, blocking sync by size, opening the wrong database. */

import { expect, test } from 'vitest'
import { createJoinRequest, joinTenant, memory, systemEnv } from '../src/index.ts'
import { formatKeys } from '../src/keys/export.ts'
import { encryptWithPassphrase } from '../src/keys/age.ts'
import { utf8 } from '../src/encoding/bytes.ts'
import { newKey } from '../src/keys/key.ts'
import { coded, failure, found, joined, type Data } from './engine-world.ts'

const env = systemEnv({ passphraseWork: 1 })

test('B3 an export cannot take over the name of a key that is held, and the tenant key stays', async () => {
  const { tenant } = await found()
  await tenant.keys.create('hr')
  for (const name of ['tenant', 'hr']) {
    const hostile = [newKey(name, 1, env), newKey(name, 9, env)]
    const file = await encryptWithPassphrase(utf8(formatKeys(hostile)), 'password', 1)
    expect(await failure(() => tenant.keys.import(file, 'password'))).toEqual(coded('INVALID'))
  }
  expect(await failure(() => tenant.keys.remove('tenant'))).toEqual(coded('FORBIDDEN'))
  const own = await tenant.keys.export(['hr'], 'password')
  expect(await tenant.keys.import(own, 'password')).toEqual(['hr'])
})

test('B2 two keys of one name, made apart, make two databases and not a broken one', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  const [a, b] = [first.tenant, second.tenant]
  await a.keys.create('hr')
  await b.keys.create('hr')
  const [theirs, ours] = [await a.database('pay', { key: 'hr' }), await b.database('pay', { key: 'hr' })]
  await theirs.collection<Data>('items').create({ id: 'x' })
  await ours.collection<Data>('items').create({ id: 'y' })
  expect(await failure(() => ours.sync(theirs))).toEqual(coded('INVALID'))
  expect(await theirs.collection('items').get('x')).toMatchObject({ id: 'x' })
  expect(await ours.collection('items').get('y')).toMatchObject({ id: 'y' })
})

test('a database is opened as what it is, or not at all', async () => {
  const { tenant } = await found()
  await tenant.keys.create('hr')
  await tenant.database('crm')
  expect(await failure(() => tenant.database('crm', { key: 'hr' }))).toEqual(coded('INVALID'))
  expect(await failure(() => tenant.database('crm', { mode: 'open' }))).toEqual(coded('INVALID'))
  const twice = await Promise.all([tenant.database('new'), tenant.database('new')])
  expect(twice[0]).toBe(twice[1])
})

test('C3 a flush far larger than a sync batch still reaches the other side', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  const [a, b] = [await first.tenant.database('crm'), await second.tenant.database('crm')]
  const text = 'x'.repeat(1_000_000)
  const docs = Array.from({ length: 70 }, (_, n) => ({ id: `d${n}`, n, text }))
  await Promise.all(docs.map((doc) => b.collection<Data>('items').create(doc)))
  await b.sync(a)
  expect(await a.collection('items').find().count()).toBe(70)
  expect((await b.collection('items').get('d69'))?._system.pending).toBe(false)
})

test('B1 an entry of very many operations folds, and is the same on the other side', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  const [a, b] = [await first.tenant.database('crm'), await second.tenant.database('crm')]
  const items = a.collection<Data>('items')
  await items.create({ id: 'x' })
  const many = Array.from({ length: 20_000 }, (_, n) => n)
  await items.patch('x', { $addToSet: { list: { $each: many } } })
  await items.patch('x', Object.fromEntries(many.map((n) => [`inner.n${n}`, n])))
  await b.sync(a)
  expect(await b.collection('items').get('x')).toEqual(await items.get('x'))
  expect(await b.verify()).toMatchObject({ ok: true })
})

test('B2 a device that knows which tenant it joins takes no other answer', async () => {
  const [right, wrong] = [await found(), await found()]
  const store = memory()
  const request = await createJoinRequest({ user: 'bob', store, env })
  const response = await wrong.tenant.directory.approve(request)
  const join = { store, env, tenant: right.tenant.id }
  expect(await failure(() => joinTenant({ ...join, response }))).toEqual(coded('FORBIDDEN'))
  const good = await joinTenant({ ...join, response: await right.tenant.directory.approve(request) })
  expect(good.id).toBe(right.tenant.id)
  await good.close()
})

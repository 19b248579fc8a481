/** What was refused as ahead of time and cannot be issued again stays listed, and keeps nothing else from going on. */

import { expect, test } from 'vitest'
import { VarveError } from '../src/errors.ts'
import { createJoinRequest, joinTenant, memory, type Database, type Tenant } from '../src/index.ts'
import { decorate, decorateStores } from '../src/store/decorate.ts'
import type { StoreProvider } from '../src/store/store.ts'
import { afterTest, coded, failure, found, HandClock, type Data } from './engine-world.ts'

const hour = 3_600_000

interface World {
  readonly ada: Tenant
  readonly bob: Tenant
  /** Two copies of one database: the recorder's, and that of an admin. */
  readonly a: Database
  readonly b: Database
  readonly clock: HandClock
}

async function world(store: StoreProvider = memory()): Promise<World> {
  const [clockA, clock] = [new HandClock(), new HandClock()]
  const { tenant: ada } = await found(memory(), clockA.env())
  const device = { store, env: clock.env() }
  const response = await ada.directory.approve(await createJoinRequest({ user: 'bob', ...device }), {
    roles: ['admin'],
  })
  const bob = await joinTenant({ response, ...device })
  afterTest(() => bob.close())
  const [a, b] = [await ada.database('crm'), await bob.database('crm')]
  await b.sync(a)
  return { ada, bob, a, b, clock }
}

test('an admin who was demoted meanwhile goes on as a member', async () => {
  const { ada, bob, a, b, clock } = await world()
  clock.tick(hour)
  const request = await createJoinRequest({ user: 'cleo', store: memory(), env: clock.env() })
  await bob.directory.approve(request)
  await b.collection<Data>('people').create({ id: 'x' })
  await b.sync(a)
  await ada.directory.setRoles('bob', [])
  clock.tick(-hour)
  await b.sync(a)
  expect(bob.level).toBe('member')
  expect((await ada.directory.users()).map(({ name }) => name)).toEqual(['ada', 'bob'])
  await b.collection<Data>('people').create({ id: 'y' })
  await b.sync(a)
  expect(await a.collection<Data>('people').find().count()).toBe(2)
  expect(await failure(() => bob.directory.approve(request))).toEqual(coded('FORBIDDEN'))
})

test('a change of a document whose making was dismissed stays listed', async () => {
  const { a, b, clock } = await world()
  const people = b.collection<Data>('people')
  clock.tick(hour)
  await people.create({ id: 'x', v: 0 })
  await people.patch('x', { v: 1 })
  await people.create({ id: 'y' })
  await b.sync(a)
  const [made, patched] = await b.refused()
  if (made === undefined || patched === undefined) return expect.unreachable()
  await b.dismissRefused(made.record)
  clock.tick(-hour)
  await b.sync(a)
  expect(await b.refused()).toEqual([patched])
  await b.sync(a)
  expect((await a.collection<Data>('people').find().toArray()).map(({ id }) => id)).toEqual(['y'])
})

test('after the disk failed it is tried again at the next write', async () => {
  let full = false
  const store = decorateStores(memory(), (inner) =>
    decorate(inner, (method, call) => {
      if (full && method === 'write') throw new VarveError('STORE_FAILED', 'the disk is full')
      return call()
    }),
  )
  const { a, b, clock } = await world(store)
  const people = b.collection<Data>('people')
  clock.tick(hour)
  await people.create({ id: 'x' })
  await b.sync(a)
  clock.tick(-hour)
  full = true
  expect(await failure(() => people.create({ id: 'y' }))).toEqual(coded('STORE_FAILED'))
  full = false
  await people.create({ id: 'z' })
  expect(await b.refused()).toEqual([])
  expect((await people.find().sort({ id: 1 }).toArray()).map(({ id }) => id)).toEqual(['x', 'z'])
})

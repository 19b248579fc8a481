/** Bad input around the data: tenants, join texts, locks and stores that are damaged or exchanged, and copies that fork. */

import { cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { createJoinRequest, createTenant, joinTenant, memory, openTenant, type Database } from '../src/index.ts'
import {
  afterTest,
  coded,
  contentsOf,
  failure,
  found,
  joined,
  temporaryDir,
  tickingEnv,
  type Data,
} from './engine-world.ts'

describe('tenants, files and texts', () => {
  test('opening what is not there, making what is there, and using what is closed', async () => {
    const store = memory()
    expect(await failure(() => openTenant({ store }))).toEqual(coded('NOT_FOUND'))
    expect(await failure(() => joinTenant({ store, response: 'x' }))).toEqual(coded('NOT_FOUND'))
    const { tenant } = await found(store)
    expect(await failure(() => openTenant({ store }))).toEqual(coded('LOCKED'))
    const database = await tenant.database('crm')
    await database.collection('people').create({ id: 'x' })
    await tenant.close()
    await tenant.close()
    expect(await failure(() => createTenant({ name: 'acme', user: 'ada', store }))).toEqual(coded('EXISTS'))
    for (const call of [
      () => tenant.database('crm'),
      () => database.collection('people').create({}),
      () => database.collection('people').get('x'),
      () => database.verify(),
    ])
      expect(await failure(call)).toEqual(coded('CLOSED'))
  })

  test('join texts that are damaged, foreign or used by another device', async () => {
    const { tenant } = await found()
    const env = tickingEnv()
    const [mine, other] = [memory(), memory()]
    const request = await createJoinRequest({ user: 'bob', store: mine, env })
    await createJoinRequest({ user: 'eve', store: other, env })
    expect(await failure(() => createJoinRequest({ user: 'rob', store: mine, env }))).toEqual(coded('EXISTS'))
    for (const text of ['', 'x', request.slice(0, -8), request.replace('v1', 'v2'), `${request}AAAA`, 'x'.repeat(5000)])
      expect([text.slice(0, 40), await failure(() => tenant.directory.approve(text))]).toEqual([
        text.slice(0, 40),
        expect.objectContaining({ name: 'VarveError' }),
      ])
    const middle = Math.floor(request.length / 2)
    const swapped = `${request.slice(0, middle)}${request[middle] === 'A' ? 'B' : 'A'}${request.slice(middle + 1)}`
    expect(await failure(() => tenant.directory.approve(swapped))).toMatchObject({ name: 'VarveError' })
    expect((await tenant.directory.users()).map(({ name }) => name)).toEqual(['ada'])
    const response = await tenant.directory.approve(request, { password: 'secret' })
    expect(await failure(() => joinTenant({ store: mine, env, response }))).toMatchObject({ name: 'VarveError' })
    expect(await failure(() => joinTenant({ store: mine, env, response, password: 'wrong' }))).toEqual(
      coded('WRONG_PASSPHRASE'),
    )
    expect(await failure(() => joinTenant({ store: mine, env, response: 'x', password: 'secret' }))).toEqual(
      coded('INVALID'),
    )
    expect(await failure(() => joinTenant({ store: other, env, response, password: 'secret' }))).toMatchObject({
      name: 'VarveError',
    })
    const joinedTenant = await joinTenant({ store: mine, env, response, password: 'secret' })
    afterTest(() => joinedTenant.close())
    expect(joinedTenant.id).toBe(tenant.id)
  })

  test('a cut, garbled or exchanged lock and stores that were swapped', async () => {
    const dir = await temporaryDir()
    const [store, env] = [sqlite({ dir }), tickingEnv()]
    const options = { store, env, passphrase: 'secret' }
    const tenant = await createTenant({ ...options, name: 'acme', user: 'ada' })
    for (const name of ['one', 'two']) await (await tenant.database(name)).collection('people').create({ id: name })
    await tenant.close()
    const lock = await readFile(join(dir, 'lock.age'))
    for (const bytes of [lock.subarray(0, 100), Buffer.from('garbage'), Buffer.alloc(0), Buffer.from([0xff, 0xfe])]) {
      await writeFile(join(dir, 'lock.age'), bytes)
      expect(await failure(() => openTenant(options))).toEqual(coded('INVALID'))
    }
    await writeFile(join(dir, 'lock.age'), lock)
    const copy = join(await temporaryDir(), 'copy')
    await cp(dir, copy, { recursive: true })
    const databases = (await readdir(copy)).filter((name) => /^[0-9a-f]{32}\.sqlite$/.test(name))
    const damaged = { ...options, store: sqlite({ dir: copy }) }
    for (const name of databases) await truncate(join(copy, name), 5000)
    const opened = await failure(async () => {
      const again = await openTenant(damaged)
      afterTest(() => again.close())
      await again.database('one')
    })
    expect(opened).toMatchObject({ name: 'VarveError' })
    const whole = await openTenant(options)
    afterTest(() => whole.close())
    expect(await (await whole.database('one')).collection('people').get('one')).not.toBeNull()
    expect(await (await whole.database('two')).verify()).toMatchObject({ ok: true })
  })

  test('the stores of two databases of a tenant without a passphrase, exchanged', async () => {
    const store = memory()
    const first = await found(store)
    const [one, two] = [await first.tenant.database('one'), await first.tenant.database('two')]
    await one.collection('people').create({ id: 'one' })
    await two.collection('people').create({ id: 'two' })
    const ids = new Map((await first.tenant.databases()).map(({ name, id }) => [name, id]))
    await first.tenant.close()
    const swapped = {
      ...store,
      open: (name: string, options: { readonly pageKey: string | null }) =>
        store.open(name === ids.get('one') ? (ids.get('two') ?? '') : name, options),
    }
    const again = await openTenant({ store: swapped, env: first.env })
    afterTest(() => again.close())
    expect(await failure(() => again.database('one'))).toEqual(coded('TAMPERED'))
  })
})

describe('forks', () => {
  const people = (database: Database) => database.collection<Data>('people')

  test('a member restored from a copy that went on writing is detected by everyone, and nothing is taken over', async () => {
    const dir = await temporaryDir()
    const first = await found()
    const env = tickingEnv()
    const bob = await joined(first.tenant, 'bob', { store: sqlite({ dir: join(dir, 'one') }), env })
    const cleo = await joined(first.tenant, 'cleo')
    const a = await first.tenant.database('crm')
    const c = await cleo.tenant.database('crm')
    const original = await bob.tenant.database('crm')
    await people(original).create({ id: 'shared' })
    await original.sync(a)
    await bob.tenant.close()
    await cp(join(dir, 'one'), join(dir, 'two'), { recursive: true })
    const open = async (name: string) => {
      const tenant = await openTenant({ store: sqlite({ dir: join(dir, name) }), env })
      afterTest(() => tenant.close())
      return tenant.database('crm')
    }
    const [one, two] = [await open('one'), await open('two')]
    await people(one).create({ id: 'from one' })
    await people(two).create({ id: 'from two' })
    await one.sync(a)
    await c.sync(a)
    const before = [await contentsOf(a), await contentsOf(c), await contentsOf(two)]
    for (const other of [a, c]) {
      expect(await failure(() => two.sync(other))).toEqual(coded('FORKED_FEED'))
      expect(await failure(() => other.sync(two))).toEqual(coded('FORKED_FEED'))
    }
    expect([await contentsOf(a), await contentsOf(c)]).toEqual(before.slice(0, 2))
    await people(two).create({ id: 'more' })
    expect(await failure(() => two.sync(a))).toEqual(coded('FORKED_FEED'))
    expect(await failure(() => two.sync(one))).toEqual(coded('FORKED_FEED'))
    // What the copy writes from now on stands in a feed of its own and arrives.
    expect(await people(a).get('more')).toMatchObject({ id: 'more' })
    expect(await people(a).get('from two')).toBeNull()
    for (const copy of [a, c, one, two]) expect(await copy.verify()).toMatchObject({ ok: true })
  })

  test('a restored copy that had not written since catches up and opens a feed of its own', async () => {
    const dir = await temporaryDir()
    const first = await found()
    const env = tickingEnv()
    const bob = await joined(first.tenant, 'bob', { store: sqlite({ dir: join(dir, 'one') }), env })
    const a = await first.tenant.database('crm')
    const original = await bob.tenant.database('crm')
    await people(original).create({ id: 'shared' })
    await original.sync(a)
    await bob.tenant.close()
    await cp(join(dir, 'one'), join(dir, 'two'), { recursive: true })
    const open = async (name: string) => {
      const tenant = await openTenant({ store: sqlite({ dir: join(dir, name) }), env })
      afterTest(() => tenant.close())
      return tenant.database('crm')
    }
    const one = await open('one')
    await people(one).create({ id: 'from one' })
    await one.sync(a)
    const two = await open('two')
    await two.sync(a)
    await people(two).create({ id: 'from two' })
    await two.sync(a)
    await one.sync(a)
    expect((await people(a).find().sort({ id: 1 }).toArray()).map(({ id }) => id)).toEqual([
      'from one',
      'from two',
      'shared',
    ])
    expect(await contentsOf(one)).toEqual(await contentsOf(a))
    expect(await contentsOf(two)).toEqual(await contentsOf(a))
    for (const copy of [a, one, two]) expect(await copy.verify()).toMatchObject({ ok: true, problems: [] })
  })
})

/** Wiping: what an admin may ask of a device that is lost, and how it is obeyed, also after a crash. */

import { readdir } from 'node:fs/promises'
import { FaultyDisk } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import { describe, expect, test } from 'vitest'
import {
  createJoinRequest,
  createTenant,
  joinTenant,
  memory,
  openTenant,
  systemEnv,
  type Level,
  type StoreOptions,
  type Tenant,
} from '../src/index.ts'
import { afterTest, coded, failure, found, temporaryDir, tickingEnv, type Data } from './engine-world.ts'

async function member(admin: Tenant, device: StoreOptions, user = 'bob'): Promise<Tenant> {
  const response = await admin.directory.approve(await createJoinRequest({ user, ...device }))
  const tenant = await joinTenant({ response, ...device })
  afterTest(() => tenant.close().catch(() => undefined))
  return tenant
}

/** A member with a database of one document, which the founder holds too. */
async function pair(device: StoreOptions) {
  const { tenant: ada } = await found()
  const bob = await member(ada, device)
  const crm = await bob.database('crm')
  const people = crm.collection<Data>('people')
  await people.create({ id: 'x' })
  await crm.sync(await ada.database('crm'))
  return { ada, bob, crm, people }
}

describe('a device that is asked to wipe itself', () => {
  test('D2 does so when it hears of it, and answers nothing any more', async () => {
    const dir = await temporaryDir()
    const env = systemEnv({ passphraseWork: 1 })
    const device = { store: sqlite({ dir }), env, passphrase: 'secret' }
    const { ada, bob, crm, people } = await pair(device)
    const heard: Level[] = []
    bob.onStanding((level) => heard.push(level))
    expect(await readdir(dir)).toContain('lock.age')
    await ada.directory.revoke('bob', { wipe: true })
    expect(await failure(() => bob.beforeSync(ada))).toEqual(coded('FORBIDDEN'))
    const calls: (() => unknown)[] = [
      () => people.get('x'),
      () => people.create({}),
      () => people.find().toArray(),
      () => crm.verify(),
      () => crm.stats(),
      () => bob.database('crm'),
      () => bob.databases(),
      () => bob.directory.users(),
      () => bob.keys.names(),
      () => bob.keys.export(['tenant'], 'p'),
      () => bob.keys.create('new'),
      () => bob.registration(),
      () => bob.changePassphrase('secret', 'other'),
      () => ada.beforeSync(bob),
    ]
    for (const call of calls) {
      const error = await failure(call)
      expect([String(call), error]).toEqual([String(call), coded('FORBIDDEN')])
      expect(String(error)).toContain('asked to wipe itself by an admin')
    }
    await bob.close()
    expect(heard).toEqual(['wiped'])
    expect(await readdir(dir)).toEqual([])
    expect(await failure(() => openTenant(device))).toEqual(coded('NOT_FOUND'))
    expect((await ada.directory.users()).find(({ name }) => name === 'bob')).toMatchObject({
      revoked: true,
      devices: [{ level: 'wiped', revoked: true }],
    })
    // The place is free for another tenant.
    const next = await createTenant({ name: 'next', user: 'bob', ...device })
    await next.close()
  })

  test('asks its application first when it is opened so', async () => {
    const store = memory()
    const device = { store, env: tickingEnv(), wipe: 'ask' as const }
    const { ada, bob, crm, people } = await pair(device)
    const heard: Level[] = []
    bob.onStanding((level) => heard.push(level))
    await ada.directory.revoke('bob')
    await ada.directory.revoke('bob', { wipe: true })
    await bob.beforeSync(ada)
    expect([heard, bob.level]).toEqual([['wiped'], 'wiped'])
    expect(await people.get('x')).toMatchObject({ id: 'x' })
    expect(await failure(() => people.create({}))).toEqual(coded('FORBIDDEN'))
    await bob.wipe()
    expect(await failure(() => people.get('x'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => crm.stats())).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => openTenant(device))).toEqual(coded('NOT_FOUND'))
  })

  test('obeys an admin and the recorder together, not one of them', async () => {
    const { tenant: ada } = await found()
    const cleo = await member(ada, { store: memory(), env: tickingEnv() }, 'cleo')
    await ada.directory.setRoles('cleo', ['admin'])
    await cleo.beforeSync(ada)
    const bob = await member(ada, { store: memory(), env: tickingEnv() })
    await bob.beforeSync(ada)
    await cleo.beforeSync(bob)
    await cleo.directory.revoke('bob', { wipe: true })
    const heard: Level[] = []
    bob.onStanding((level) => heard.push(level))
    await bob.beforeSync(cleo)
    expect([heard, bob.level, (await bob.directory.users()).length]).toEqual([['wiped'], 'wiped', 3])
    await cleo.beforeSync(ada)
    expect(await failure(() => bob.beforeSync(cleo))).toEqual(coded('FORBIDDEN'))
    await bob.close()
    expect(heard).toEqual(['wiped'])
  })

  test('goes on with it when it was interrupted, at every point', async () => {
    for (let calls = 0; ; calls++) {
      const disk = new FaultyDisk()
      const env = tickingEnv()
      const { ada, bob } = await pair({ store: memory({ disk: disk.attach() }), env, wipe: 'ask' })
      await ada.directory.revoke('bob', { wipe: true })
      await bob.beforeSync(ada)
      const { disk: cut, ended } = cuttable(disk, calls)
      await bob.close()
      const wiping = { store: memory({ disk: cut }), env }
      await failure(() => openTenant(wiping))
      const finished = !ended()
      disk.crash(() => 0)
      expect([calls, await failure(() => openTenant({ store: memory({ disk: disk.attach() }), env }))]).toEqual([
        calls,
        expect.objectContaining({ code: expect.stringMatching(/^(FORBIDDEN|NOT_FOUND)$/) }),
      ])
      const left = (await disk.attach().list()).filter((name) => !name.startsWith('tenant'))
      expect([calls, left]).toEqual([calls, []])
      if (finished) break
      expect(calls).toBeLessThan(100)
    }
  })
})

/** The disk whose power goes after so many changes. */
function cuttable(disk: FaultyDisk, calls: number) {
  const inner = disk.attach()
  let left = calls
  let cut = false
  const alive = <T>(work: () => Promise<T>): Promise<T> => {
    if (left-- > 0) return work()
    cut = true
    return Promise.reject(new Error('the power is gone'))
  }
  return {
    ended: () => cut,
    disk: {
      ...inner,
      append: (name: string, bytes: Uint8Array) => alive(() => inner.append(name, bytes)),
      sync: (name: string) => alive(() => inner.sync(name)),
      replace: (name: string, bytes: Uint8Array) => alive(() => inner.replace(name, bytes)),
      remove: (name: string) => alive(() => inner.remove(name)),
    },
  }
}

test('an application may wipe its tenant unasked; calls then find it closed', async () => {
  const { ada, bob, people } = await pair({ store: memory(), env: tickingEnv() })
  await Promise.all([bob.wipe(), bob.wipe(), bob.close()])
  expect(await failure(() => people.get('x'))).toEqual(coded('CLOSED'))
  expect(await failure(() => bob.database('crm'))).toEqual(coded('CLOSED'))
  expect((await ada.directory.users()).find(({ name }) => name === 'bob')?.revoked).toBe(false)
})

test('a device that a write is under way on wipes itself all the same', async () => {
  const { ada, bob, people } = await pair({ store: memory(), env: tickingEnv() })
  await ada.directory.revoke('bob', { wipe: true })
  const writing = Array.from({ length: 50 }, (_, n) => people.create({ n }))
  const [syncing, ...writes] = await Promise.allSettled([bob.beforeSync(ada), ...writing])
  expect(syncing).toMatchObject({ status: 'rejected', reason: coded('FORBIDDEN') })
  for (const write of writes) if (write.status === 'rejected') expect(write.reason).toEqual(coded('FORBIDDEN'))
  await bob.close()
  expect(await failure(() => people.get('x'))).toEqual(coded('FORBIDDEN'))
})

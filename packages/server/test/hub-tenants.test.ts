/** Tenants that come and go while a hub runs, backends that are chosen by hash, and placements that are cold. */

import { systemEnv } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import {
  cleanUp,
  clock,
  connections,
  engines,
  keptEngines,
  memoryEngine,
  runtimeOf,
  startHub,
  type HubEngine,
} from './hub-world.ts'

afterEach(cleanUp)

const day = 86_400_000

function config(engine: HubEngine, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    dbConnections: connections(engine, 'one', 'two', 'three'),
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'one', dbName: 'generic' } },
      runtime: {
        tenantDatabases: [{ tenantId: 'fixed', dbConnRef: 'one', dbName: 'fixed' }],
        tenantDefaults: { dbConnRef: ['one', 'two', 'three'], dbNamePrefix: 'rt_' },
      },
    },
    ...more,
  }
}

describe.each(engines)('on %s', (_, makeEngine) => {
  test('a tenant is added, listed, dropped, restored, and removed after its time', async () => {
    const time = clock()
    const hub = await startHub(config(makeEngine()), time)
    expect(await hub.tenants.add('acme')).toMatchObject({ tenantId: 'acme', status: 'active', databases: ['runtime'] })
    await expect(hub.tenants.add('acme')).rejects.toMatchObject({ code: 'EXISTS' })
    await expect(hub.tenants.add('ACME')).rejects.toMatchObject({ code: 'EXISTS' })
    await expect(hub.tenants.add('fixed')).rejects.toMatchObject({ code: 'EXISTS' })
    await expect(hub.tenants.add('../x')).rejects.toMatchObject({ code: 'INVALID' })
    const users = hub.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'a' })
    expect((await hub.tenants.list()).map(({ tenantId, from }) => [tenantId, from])).toEqual([
      ['acme', 'added'],
      ['fixed', 'config'],
    ])

    await hub.tenants.drop('acme', { graceDays: 7 })
    await expect(users.get('a')).rejects.toMatchObject({ code: 'DELETED' })
    await expect(hub.getKnowledge('x', {}, { tenantId: 'acme' })).rejects.toMatchObject({ code: 'DELETED' })
    await hub.tenants.restore('acme')
    expect(await users.get('a')).toMatchObject({ id: 'a' })

    await hub.tenants.drop('acme', { graceDays: 7 })
    expect(await hub.admin.prune()).toMatchObject({ tenants: [] })
    time.advance(8 * day)
    expect(await hub.admin.prune()).toMatchObject({ tenants: ['acme'] })
    expect(await hub.admin.prune()).toMatchObject({ tenants: [] })
    await expect(users.get('a')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(hub.tenants.restore('acme')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await hub.tenants.add('acme')
    expect(await users.get('a')).toBe(null)
  })

  test('a tenant of the configuration is dropped and removed for good', async () => {
    const time = clock()
    const hub = await startHub(config(makeEngine()), time)
    await hub.with(runtimeOf('fixed', 'users')).create({ id: 'a' })
    await hub.tenants.drop('fixed', { graceDays: 0 })
    await hub.admin.prune()
    await expect(hub.with(runtimeOf('fixed', 'users')).get('a')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await hub.tenants.list()).toEqual([])
  })

  test('many tenants share backends evenly by hash, and only few stay open', async () => {
    const hub = await startHub(config(makeEngine(), { hub: { openPlacements: 3, idleSeconds: 1 } }))
    const ids = Array.from({ length: 24 }, (__, i) => `tenant-${i}`)
    for (const id of ids) await hub.tenants.add(id)
    for (const id of ids) await hub.with(runtimeOf(id, 'users')).create({ id: 'me', of: id })
    expect((await hub.admin.stats()).placements.open).toBeLessThanOrEqual(4)
    for (const id of ids) expect(await hub.with(runtimeOf(id, 'users')).find().toArray()).toMatchObject([{ of: id }])
    const { connections: open, tenants } = await hub.admin.stats()
    expect(new Set(open)).toEqual(new Set(['one', 'two', 'three']))
    expect(tenants.active).toBe(25)
  })
})

test('names are given once, and are those of nobody else', async () => {
  const hub = await startHub(config(memoryEngine()))
  const at = (dbName: string, dbConnRef = 'one') => ({ runtime: { dbConnRef, dbName } })
  await hub.tenants.add('first', at('mine'))
  await expect(hub.tenants.add('second', at('MINE'))).rejects.toMatchObject({ code: 'EXISTS' })
  await expect(hub.tenants.add('second', at('fixed'))).rejects.toMatchObject({ code: 'EXISTS' })
  await expect(hub.tenants.add('second', at('varve_hub'))).rejects.toMatchObject({ code: 'EXISTS' })
  await expect(hub.tenants.add('second', at('x', 'nowhere'))).rejects.toMatchObject({ code: 'INVALID' })
  await expect(hub.tenants.add('second', at('../x'))).rejects.toMatchObject({ code: 'INVALID' })
  await hub.tenants.add('second', at('mine', 'two'))
  for (const id of ['Up.Per', 'up:per', 'x'.repeat(96), 'a-b', 'a_b']) await hub.tenants.add(id)
  expect(await hub.tenants.list()).toHaveLength(8)
})

test('a placement that nobody uses is closed, and opened again when it is used', async () => {
  let now = Date.now()
  const timers = new Set<{ at: number; fn: () => void }>()
  const env = systemEnv({
    now: () => now,
    timer: (fn, ms) => {
      const timer = { at: now + ms, fn }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  })
  const hub = await startHub(config(memoryEngine(), { hub: { idleSeconds: 10 } }), { env })
  const users = hub.with(runtimeOf('fixed', 'users'))
  const stop = users.find().watch(() => undefined)
  await users.create({ id: 'a' })
  const pass = async (ms: number): Promise<void> => {
    now += ms
    for (const timer of timers)
      if (timer.at <= now) {
        timers.delete(timer)
        timer.fn()
      }
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  await pass(11_000)
  expect((await hub.admin.stats()).placements).toEqual({ known: 1, open: 1 })
  stop()
  await pass(11_000)
  await pass(11_000)
  expect((await hub.admin.stats()).placements).toEqual({ known: 0, open: 0 })
  expect(await users.get('a')).toMatchObject({ id: 'a' })
})

test('what is placed stays where it is when backends are added, until it is rebalanced', async () => {
  const backends = (...names: string[]) => ({
    dbConnections: connections(memoryEngine(), 'a', 'b', 'c', 'd'),
    databases: {
      runtime: {
        tenantDatabases: Array.from({ length: 12 }, (_, i) => ({
          tenantId: `t${i}`,
          dbConnRef: names,
          dbName: `t${i}`,
        })),
      },
    },
    hub: { dbConnRef: 'a' },
  })
  const options = { openEngine: keptEngines() }
  const first = await startHub(backends('a', 'b', 'c'), options)
  for (let i = 0; i < 12; i++) await first.with(runtimeOf(`t${i}`, 'users')).create({ id: 'me', i })
  expect(await first.admin.rebalance({ dryRun: true })).toEqual([])
  await first.admin.shutdown()

  const second = await startHub(backends('a', 'b', 'c', 'd'), options)
  const all = async (): Promise<void> => {
    for (let i = 0; i < 12; i++) expect(await second.with(runtimeOf(`t${i}`, 'users')).get('me')).toMatchObject({ i })
  }
  await all()
  const planned = await second.admin.rebalance({ dryRun: true })
  expect(new Set(planned.map(({ to }) => to))).toEqual(new Set(['d']))
  expect(planned.length).toBeLessThan(8)
  expect(await second.admin.rebalance()).toEqual(planned)
  expect(await second.admin.rebalance()).toEqual([])
  await all()
})

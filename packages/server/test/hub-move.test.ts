/** Moving a tenant while it is used: nothing lost or doubled, with writers at work, and after a failure at any step. */

import { createTenant, openTenant, systemEnv } from 'varve'
import { decorate, memory, VarveError, type StoreProvider } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { openHub, type OpenEngine } from '../src/hub/index.ts'
import { CopyTarget } from '../src/hub/move/copy.ts'
import { checkMoved, moveConfig, moving, target } from './hub-moving.ts'
import {
  cleanUp,
  engines,
  keptEngines,
  memoryEngine,
  runtimeOf,
  startHub,
  temporaryFolder,
  type HubEngine,
} from './hub-world.ts'

afterEach(cleanUp)

describe.each(engines)('on %s', (_, make) => {
  moving(make)
})

/** Engines that stop doing anything lasting after so many steps, as a process that dies does. */
function mortal(inner: OpenEngine): { readonly openEngine: OpenEngine; left: number; taken: number } {
  const life = { openEngine: inner, left: Number.POSITIVE_INFINITY, taken: 0 }
  const step = (): void => {
    life.taken++
    if (life.left-- <= 0) throw new VarveError('STORE_FAILED', 'The process is dead')
  }
  const dying = (provider: StoreProvider): StoreProvider => ({
    supports: provider.supports,
    open: async (name, options) => {
      step()
      return decorate(await provider.open(name, options), async (method, call) => {
        if (method === 'write') step()
        return call()
      })
    },
    readFile: (name) => provider.readFile(name),
    writeFile: async (name, bytes) => {
      step()
      await provider.writeFile(name, bytes)
    },
    destroy: () => provider.destroy(),
  })
  life.openEngine = async (...given) => {
    const engine = await inner(...given)
    return { ...engine, provider: (name) => dying(engine.provider(name)) }
  }
  return life
}

test('the tenant beneath goes along: the same directory, device and databases, and nothing founded anew', async () => {
  const engine = memoryEngine()
  const openEngine = keptEngines()
  const hub = await startHub(moveConfig(engine), { openEngine })
  await hub.with(runtimeOf('acme', 'events')).create({ id: 'a' })
  await hub.admin.move('acme', target)
  await hub.admin.shutdown()
  const seen: unknown[] = []
  for (const [url, name] of [
    [engine.url('old'), 'acme'],
    [engine.url('new'), target.dbName],
  ] as const) {
    const stores = await openEngine({ kind: 'memory', url }, systemEnv(), {})
    const tenant = await openTenant({ store: stores.provider(name) })
    const [users, databases, writes] = [
      await tenant.directory.users(),
      await tenant.databases(),
      await tenant.lastWrites(),
    ]
    seen.push({ id: tenant.id, me: tenant.me, users, databases, writes: [...writes] })
    await tenant.close()
  }
  expect(seen[1]).toEqual(seen[0])
})

test('what another process wrote after the last copy, while this one slept, goes along', async () => {
  const [from, to] = [memory(), memory()]
  const tenant = await createTenant({ store: from, name: 'acme', user: 'hub' })
  const database = await tenant.database('data', { mode: 'open' })
  await database.collection('events').create({}, { id: 'a' })
  const copied = await CopyTarget.open({ tenant, database }, to)
  await copied.copy({ tenant, database })
  await database.collection('events').create({}, { id: 'b' })
  await tenant.close()
  expect(await copied.copyRest(from)).toBe(1)
  await copied.close()
  const moved = await openTenant({ store: to })
  const there = await (await moved.database('data', { mode: 'open' })).collection('events').find().toArray()
  expect(there.map(({ id }) => id)).toEqual(['a', 'b'])
  await moved.close()
})

describe('after a failure', () => {
  test('at any step nothing is lost or doubled, and the move can be ended', async () => {
    let steps = Number.POSITIVE_INFINITY
    const places = new Set<string>()
    for (let dies = 0; dies <= steps; dies++) {
      const engine = memoryEngine()
      const openEngine = keptEngines()
      const life = mortal(openEngine)
      const first = await openHub(moveConfig(engine), { openEngine: life.openEngine })
      const events = first.with(runtimeOf('acme', 'events'))
      const ids = ['a', 'b', 'c']
      for (const id of ids) await events.create({ id })
      for (const id of ids) await events.patch(id, { seen: true })
      life.taken = 0
      life.left = dies
      const moved = await first.admin.move('acme', target).then(
        () => true,
        () => false,
      )
      if (moved) steps = Math.min(steps, life.taken)
      await first.admin.shutdown().catch(() => undefined)

      const second = await startHub(moveConfig(engine), { openEngine })
      await checkMoved(second, ids)
      if (dies % 2 === 0) await second.admin.resume()
      const late = second.with(runtimeOf('acme', 'events'))
      await late.create({ id: 'late' })
      await late.patch('late', { seen: true })
      await second.admin.resume()
      await checkMoved(second, [...ids, 'late'])
      expect(await second.admin.stats()).toMatchObject({ moving: [] })
      places.add(
        `${moved} ${(await second.counters.getTotals({ databaseType: 'runtime', tenantId: 'acme', collection: 'events' }))._id}`,
      )
      await second.admin.shutdown()
    }
    expect(steps).toBeGreaterThan(10)
    expect([...places].some((each) => each.startsWith('false') && each.includes('acme_moved'))).toBe(true)
    expect([...places].some((each) => each.startsWith('true') && each.includes('acme_moved'))).toBe(true)
  })

  test('a hub that still believes the old place finds the new one', async () => {
    const engine: HubEngine = { name: 'sqlite', url: (name) => `sqlite:${dir}/${name}` }
    const dir = temporaryFolder()
    const first = await startHub(moveConfig(engine))
    await first.with(runtimeOf('acme', 'events')).create({ id: 'a' })
    await first.admin.move('acme', target)
    await first.admin.shutdown()
    const second = await startHub(moveConfig(engine))
    expect(await second.with(runtimeOf('acme', 'events')).get('a')).toMatchObject({ id: 'a' })
    expect(await second.admin.resume()).toEqual([])
  })
})

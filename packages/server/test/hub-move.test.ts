/** Moving a tenant while it is used: nothing lost or doubled, with writers at work, and after a failure at any step. */

import { createTenant, openTenant, systemEnv } from 'varve'
import { decorate, isVarveError, memory, VarveError, type StoreProvider } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { openHub, type HubOptions, type OpenEngine } from '../src/hub/index.ts'
import { CopyTarget } from '../src/hub/move/copy.ts'
import type { Lag } from '../src/hub/move/exchange.ts'
import { fencedMost } from '../src/hub/move/mover.ts'
import { checkMoved, moveConfig, moving, target } from './hub-moving.ts'
import { movingPruned } from './hub-moving-pruned.ts'
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
  movingPruned(make)
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
    destroy: async () => {
      step()
      await provider.destroy()
    },
  })
  life.openEngine = async (...given) => {
    const engine = await inner(...given)
    return { ...engine, provider: (name) => dying(engine.provider(name)) }
  }
  return life
}

const codeOf = (error: unknown): unknown => (isVarveError(error) ? error.code : error)

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
  await copied.copy({ tenant, database }, () => Promise.resolve())
  await database.collection('events').create({}, { id: 'b' })
  await tenant.close()
  expect(await copied.copyRest(from)).toMatchObject({ commits: 1 })
  await copied.close()
  const moved = await openTenant({ store: to })
  const there = await (await moved.database('data', { mode: 'open' })).collection('events').find().toArray()
  expect(there.map(({ id }) => id)).toEqual(['a', 'b'])
  await moved.close()
})

/** Engines where the switch of a placement takes five seconds, as often as `slow` says; and the clock that tells. */
function sluggish(slow: number): HubOptions & { left: number } {
  let ahead = 0
  const inner = keptEngines()
  const world = {
    left: slow,
    env: systemEnv({ now: () => Date.now() + ahead }),
    openEngine: async (...given: Parameters<OpenEngine>) => {
      const engine = await inner(...given)
      const writeFile = (provider: StoreProvider) => async (name: string, bytes: Uint8Array) => {
        if (bytes.length > 0 && world.left-- > 0) ahead += 5_000
        await provider.writeFile(name, bytes)
      }
      const provider = (name: string): StoreProvider => {
        const plain = engine.provider(name)
        return { ...plain, readFile: (file) => plain.readFile(file), writeFile: writeFile(plain) }
      }
      return { ...engine, provider }
    },
  }
  return world
}

describe('the pause', () => {
  test('a switch that takes too long is taken back, and done when it does not', async () => {
    const world = sluggish(2)
    const hub = await startHub(moveConfig(memoryEngine()), world)
    await hub.with(runtimeOf('acme', 'events')).create({ id: 'a' })
    expect(await hub.admin.move('acme', target)).toMatchObject({ fences: 3, epoch: 1 })
    expect(await hub.with(runtimeOf('acme', 'events')).get('a')).toMatchObject({ id: 'a' })
  })

  test('that is never short enough leaves the placement where it is, and in use', async () => {
    const world = sluggish(Number.POSITIVE_INFINITY)
    const hub = await startHub(moveConfig(memoryEngine()), world)
    const events = hub.with(runtimeOf('acme', 'events'))
    await events.create({ id: 'a' })
    await expect(hub.admin.move('acme', { ...target, pauseMs: 900 })).rejects.toMatchObject({
      code: 'LOCKED',
      retryable: true,
      details: { placement: 'runtime/tenant/acme', pauseMs: 900 },
    })
    await events.create({ id: 'b' })
    expect(await hub.admin.stats()).toMatchObject({ moving: ['runtime/tenant/acme'], moves: { done: 0 } })
    expect(await hub.admin.move('acme', { ...target, pauseMs: 60_000 })).toMatchObject({ fences: 1 })
    expect(await events.find().count()).toBe(2)
    await expect(hub.admin.move('acme', { ...target, pauseMs: 0 })).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('of a placement that nobody has written to is as short', async () => {
    const hub = await startHub(moveConfig(memoryEngine()), { openEngine: keptEngines() })
    expect(await hub.admin.move('acme', target)).toMatchObject({ fences: 1, commits: 0 })
    expect(await hub.with(runtimeOf('acme', 'events')).create({ id: 'a' })).toMatchObject({ ov: 0 })
  })

  test('more than little, in commits or in bytes, is never left for it', async () => {
    const tenant = await createTenant({ store: memory(), name: 'acme', user: 'hub' })
    const database = await tenant.database('data', { mode: 'open' })
    const events = database.collection<{ text?: string }>('events')
    await events.create({}, { id: 'a' })
    const source = { tenant, database }
    const copied = await CopyTarget.open(source, memory())
    const lagNow = (): Promise<Lag | null> => copied.lag(source, fencedMost)
    const catchUp = (): Promise<number> => copied.copy(source, () => Promise.resolve())
    await catchUp()
    expect(await lagNow()).toEqual({ commits: 0, bytes: 0 })
    for (let i = 0; i < fencedMost.commits; i++) await events.create({})
    expect(await lagNow()).toMatchObject({ commits: fencedMost.commits })
    await events.create({})
    expect(await lagNow()).toBeNull()
    await catchUp()
    await events.create({ text: 'x'.repeat(fencedMost.bytes / 2) })
    expect(await lagNow()).toMatchObject({ commits: 1 })
    await events.create({ text: 'x'.repeat(fencedMost.bytes / 2) })
    expect(await lagNow()).toBeNull()
    await catchUp()
    // What is pruned since has to be copied with its holes.
    await events.patch('a', { text: 'new' })
    await database.prune({ keepVersions: 1 })
    expect(await lagNow()).toBeNull()
    await catchUp()
    expect(await lagNow()).toEqual({ commits: 0, bytes: 0 })
    await copied.close()
    await tenant.close()
  })
})

test('indexes and counters are there when a moved placement opens, and rules that began later keep what they counted', async () => {
  const engine = memoryEngine()
  const openEngine = keptEngines()
  const rules = (...more: readonly object[]) => ({
    counterRules: { rules: [{ name: 'kinds', on: ['CREATE'], countUnique: ['kind'] }, ...more] },
    collectionMaps: { events: { indexedProps: [] } },
  })
  const first = await openHub(moveConfig(engine, rules()), { openEngine })
  await first.with(runtimeOf('acme', 'events')).create({ id: 'a', kind: 1, size: 5 })
  await first.admin.shutdown()
  const hub = await startHub(moveConfig(engine, rules({ name: 'later', on: ['CREATE'], from: 'now' })), { openEngine })
  const events = hub.with(runtimeOf('acme', 'events'))
  await events.create({ id: 'b', kind: 2, size: 6 })
  const totals = () => hub.counters.getTotals({ databaseType: 'runtime', tenantId: 'acme', collection: 'events' })
  const before = await totals()
  expect(before.rules).toMatchObject({ kinds: { created: 2 }, later: { created: 1 } })
  await hub.admin.move('acme', target)
  expect((await totals()).rules).toEqual(before.rules)
  expect(await events.find({ size: 6 }).explain()).toMatchObject({ path: 'size' })
})

describe('after a failure', () => {
  test.each([
    ['of a whole log', {}],
    ['of a pruned one', { retention: { ver: { maxPerItem: 1 } } }],
  ])('at any step %s nothing is lost or doubled, and the move can be ended', async (_, more) => {
    let steps = Number.POSITIVE_INFINITY
    const places = new Set<string>()
    for (let dies = 0; dies <= steps; dies++) {
      const engine = memoryEngine()
      const openEngine = keptEngines()
      const life = mortal(openEngine)
      const first = await openHub(moveConfig(engine, more), { openEngine: life.openEngine })
      const events = first.with(runtimeOf('acme', 'events'))
      const ids = ['a', 'b', 'c']
      for (const id of ids) await events.create({ id })
      for (const id of ids) await events.patch(id, { seen: true })
      await first.admin.prune()
      const gone = await events.getVersion('a', 0).catch(codeOf)
      life.taken = 0
      life.left = dies
      const moved = await first.admin.move('acme', target).then(
        () => true,
        () => false,
      )
      if (moved) steps = Math.min(steps, life.taken)
      await first.admin.shutdown().catch(() => undefined)

      const second = await startHub(moveConfig(engine, more), { openEngine })
      await checkMoved(second, ids)
      if (dies % 2 === 0) await second.admin.resume()
      const late = second.with(runtimeOf('acme', 'events'))
      await late.create({ id: 'late' })
      await late.patch('late', { seen: true })
      await second.admin.resume()
      await checkMoved(second, [...ids, 'late'])
      expect(await late.getVersion('a', 0).catch(codeOf)).toEqual(gone)
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

/** Attempts to reach the data of others: through contexts, names, mappings, counters and exchanged configurations. */

import fc from 'fast-check'
import { isVarveError } from 'varve'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Hub, HubContext } from '../src/hub/index.ts'
import {
  cleanUp,
  connections,
  engines,
  lastingEngines,
  quickStart,
  runtimeOf,
  startHub,
  type HubEngine,
} from './hub-world.ts'

afterEach(cleanUp)

/** Calls with what no type allows. */
function codeOf(call: (hub: Hub) => unknown, hub: Hub): string {
  try {
    call(hub)
    return 'none'
  } catch (error) {
    return isVarveError(error) ? error.code : String(error)
  }
}

/** A context as a caller without types gives it. */
function withAny(hub: Hub, context: unknown): unknown {
  return isContext(context) ? hub.with(context) : null
}

/** What no compiler has looked at may be anything. */
function isContext(value: unknown): value is HubContext {
  return value !== isContext
}

describe.each(engines)('on %s', (_, makeEngine) => {
  let hub: Hub
  let engine: HubEngine

  beforeEach(async () => {
    engine = makeEngine()
    hub = await startHub(quickStart(engine))
    await hub.tenants.add('tenant-b')
    for (const id of ['tenant-a', 'tenant-b']) await hub.with(runtimeOf(id, 'users')).create({ id: 'me', of: id })
  })

  test.each<[string, unknown]>([
    ['no tenant', { databaseType: 'runtime', tier: 'tenant', collection: 'users' }],
    ['an empty tenant', { databaseType: 'runtime', tier: 'tenant', tenantId: '', collection: 'users' }],
    [
      'a tenant that is no text',
      { databaseType: 'runtime', tier: 'tenant', tenantId: ['tenant-b'], collection: 'users' },
    ],
    ['null as a tenant', { databaseType: 'runtime', tier: 'tenant', tenantId: null, collection: 'users' }],
    [
      'a tenant in the generic tier',
      { databaseType: 'metadata', tier: 'generic', tenantId: 'tenant-a', collection: 'users' },
    ],
    [
      'a domain beside a tenant',
      { databaseType: 'metadata', tier: 'tenant', tenantId: 'tenant-a', domain: 'healthcare', collection: 'x' },
    ],
    [
      'a database by name',
      {
        databaseType: 'runtime',
        tier: 'tenant',
        tenantId: 'tenant-a',
        dbName: 'chronos_runtime_tenant-b',
        collection: 'users',
      },
    ],
    [
      'a connection by name',
      {
        databaseType: 'runtime',
        tier: 'tenant',
        tenantId: 'tenant-a',
        dbConnRef: 'mongo-analytics',
        collection: 'users',
      },
    ],
    ['a folder above', { ...runtimeOf('../tenant-b', 'users') }],
    ['dots', { ...runtimeOf('..', 'users') }],
    ['a path', { ...runtimeOf('tenant-a/../tenant-b', 'users') }],
    ['a zero character', { ...runtimeOf('tenant-b\0', 'users') }],
    ['a look-alike', { ...runtimeOf('tenant‐b', 'users') }],
    ['a Cyrillic а', { ...runtimeOf('tenаnt-b', 'users') }],
    ['a prototype', { ...runtimeOf('__proto__', 'users') }],
    ['a wrong tier', { databaseType: 'runtime', tier: 'any', tenantId: 'tenant-a', collection: 'users' }],
    ['a wrong type', { databaseType: 'constructor', tier: 'generic', collection: 'users' }],
    ['no collection', { databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a' }],
    [
      'a tenant of a database for all',
      { databaseType: 'logs', tier: 'tenant', tenantId: 'tenant-a', collection: 'logs' },
    ],
    ['what is inherited', Object.create(runtimeOf('tenant-b', 'users'))],
    ['nothing', undefined],
    ['a list', [runtimeOf('tenant-b', 'users')]],
  ])('a context with %s is refused at once', (__, context) => {
    expect(codeOf((each) => withAny(each, context), hub)).toBe('INVALID')
  })

  test.each([
    'constructor',
    'toString',
    'hasOwnProperty',
    'Tenant-A',
    'TENANT-B',
    'tenant-c',
    'healthcare',
    'tenant-b.',
  ])('a tenant "%s" that nothing defines is not found, and nothing is made for it', async (tenantId) => {
    const before = await hub.admin.stats()
    await expect(hub.with(runtimeOf(tenantId, 'users')).get('me')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(hub.with(runtimeOf(tenantId, 'users')).create({})).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await hub.admin.stats()).placements.open).toBe(before.placements.open)
  })

  test.each(['_names', '$where', '', 'a\0b'])('a collection %j is refused', (collection) => {
    expect(['INVALID', 'RESERVED_NAME']).toContain(codeOf((each) => each.with(runtimeOf('tenant-a', collection)), hub))
  })

  test('a context changed after it was given changes nothing', async () => {
    const context = {
      databaseType: 'runtime' as const,
      tier: 'tenant' as const,
      tenantId: 'tenant-a',
      collection: 'users',
    }
    const handle = hub.with(context)
    context.tenantId = 'tenant-b'
    expect(await handle.get('me')).toMatchObject({ of: 'tenant-a' })
  })

  test('no name of a tenant leads anywhere but to its own data', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (tenantId) => {
        const found = await (async () => hub.with(runtimeOf(tenantId, 'users')).get('me'))().catch((error: unknown) => {
          if (isVarveError(error, 'INVALID') || isVarveError(error, 'NOT_FOUND')) return null
          throw error
        })
        if (found !== null) expect(found['of']).toBe(tenantId)
      }),
      { numRuns: 50 },
    )
  })

  test('counters need the tenant, whatever name of a database is given', async () => {
    const { counters } = hub
    await expect(counters.getTotals({ dbName: 'chronos_runtime_tenant_a', collection: 'users' })).rejects.toMatchObject(
      { code: 'NOT_FOUND' },
    )
    const foreign = { dbName: 'chronos_runtime_tenant_a', tenantId: 'tenant-b', collection: 'users' }
    await expect(counters.getTotals(foreign)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await counters.getTotals({ ...foreign, tenantId: 'tenant-a' })).toMatchObject({ created: 1 })
  })

  test('a mapping of entities cannot name another tenant', async () => {
    const orders = hub.with(runtimeOf('tenant-a', 'orders'))
    const mapping = {
      property: 'user',
      collection: 'users',
      keyProperty: 'userId',
      tier: 'tenant',
      tenantId: 'tenant-b',
    } as const
    await orders.createWithEntities({ user: { userId: 1 } }, [mapping])
    expect(await hub.with(runtimeOf('tenant-b', 'users')).find().count()).toBe(1)
    expect(await hub.with(runtimeOf('tenant-a', 'users')).find({ userId: 1 }).count()).toBe(1)
    const generic = hub.with({ databaseType: 'metadata', tier: 'generic', collection: 'orders' })
    const refused = generic.createWithEntities({ user: { userId: 1 } }, [{ ...mapping, databaseType: 'runtime' }])
    await expect(refused).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('one messaging database for all shows each tenant its own', async () => {
    const shared = await startHub({
      dbConnections: connections(engine, 'messages'),
      databases: { messaging: { dbConnRef: 'messages', dbName: 'messaging' } },
    })
    const [mine, theirs] = [shared.messaging('tenant-a'), shared.messaging('tenant-b')]
    await mine.createTopic('t', { maxDeliveries: 1 })
    await mine.publish('t', { id: 'm', body: 'secret' })
    await mine.snapshots.set('s', 1)
    expect(await theirs.topics()).toEqual([])
    await expect(theirs.receive('t', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await theirs.createTopic('t')
    expect(await theirs.receive('t', 'x')).toEqual([])
    expect(await theirs.read('t')).toEqual([])
    expect(await theirs.snapshots.latest('s')).toBe(null)
    const [delivery] = await mine.receive('t', 'x')
    await delivery?.fail('no')
    expect(await theirs.deadLetters()).toEqual([])
    await expect(theirs.retry('t/x/m')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(shared.admin.retry('tenant-b/t/x/m')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe.each(lastingEngines)('after a hub was closed, on %s', (_, makeEngine) => {
  test('two names that were exchanged in the configuration are noticed', async () => {
    const engine = makeEngine()
    const config = (a: string, b: string) => ({
      dbConnections: connections(engine, 'one', 'two'),
      databases: {
        runtime: {
          tenantDatabases: [
            { tenantId: 'left', dbConnRef: 'one', dbName: a },
            { tenantId: 'right', dbConnRef: 'one', dbName: b },
          ],
        },
      },
    })
    const first = await startHub(config('l', 'r'))
    await first.with(runtimeOf('left', 'users')).create({ id: 'me' })
    await first.with(runtimeOf('right', 'users')).create({ id: 'me' })
    await first.admin.shutdown()
    const second = await startHub(config('r', 'l'))
    await expect(second.with(runtimeOf('left', 'users')).get('me')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(second.with(runtimeOf('right', 'users')).get('me')).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('a placement that was configured elsewhere without a move is not begun anew', async () => {
    const engine = makeEngine()
    const hub = await startHub(quickStart(engine))
    await hub.with(runtimeOf('tenant-a', 'users')).create({ id: 'me' })
    await hub.admin.shutdown()
    const config = JSON.stringify(quickStart(engine)).replace('chronos_runtime_tenant_a', 'chronos_other')
    const second = await startHub(JSON.parse(config))
    await expect(second.with(runtimeOf('tenant-a', 'users')).get('me')).rejects.toMatchObject({ code: 'INVALID' })
  })
})

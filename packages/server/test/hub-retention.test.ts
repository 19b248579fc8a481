/** Retention of versions: what the configuration keeps of each placement. */

import { systemEnv } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import type { HubOptions } from '../src/hub/index.ts'
import { cleanUp, connections, engines, keptEngines, runtimeOf, startHub, type HubEngine } from './hub-world.ts'

afterEach(cleanUp)

const day = 86_400_000

function config(engine: HubEngine, retention: Record<string, unknown>): Record<string, unknown> {
  return {
    dbConnections: connections(engine, 'one', 'two'),
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'one', dbName: 'generic' } },
      runtime: {
        tenantDatabases: ['acme', 'blank'].map((tenantId) => ({ tenantId, dbConnRef: 'one', dbName: tenantId })),
      },
    },
    retention,
  }
}

/** A clock that is set by the test, and engines that outlive a hub. */
function clock(): HubOptions & { advance(ms: number): void } {
  let ahead = 0
  return {
    env: systemEnv({ now: () => Date.now() + ahead }),
    openEngine: keptEngines(),
    advance: (ms) => {
      ahead += ms
    },
  }
}

describe.each(engines)('on %s', (_, makeEngine) => {
  test('by days: placements let go of what was replaced before, and say so when asked for it', async () => {
    const time = clock()
    const hub = await startHub(config(makeEngine(), { ver: { days: 7 } }), time)
    const users = hub.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'a', n: 0 })
    for (let n = 1; n < 5; n++) {
      time.advance(3 * day)
      await users.patch('a', { n })
    }
    const { versions } = await hub.admin.prune()
    expect(versions).toMatchObject([{ placement: 'runtime/tenant/acme', versions: 1, commits: 1 }])
    await expect(users.getVersion('a', 0)).rejects.toMatchObject({ code: 'PRUNED', details: { id: 'a', ov: 1 } })
    expect(await users.getVersion('a', 1)).toMatchObject({ n: 1 })
    expect(await users.get('a')).toMatchObject({ n: 4, _system: { ov: 4 } })
    expect(await hub.admin.prune()).toMatchObject({ versions: [] })
    await expect(
      hub.admin.move('acme', { databaseType: 'runtime', dbConnRef: 'two', dbName: 'moved' }),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(await users.patch('a', { n: 5 })).toMatchObject({ ov: 5 })
  })

  test('by number; without a rule nothing goes', async () => {
    const engine = makeEngine()
    const time = clock()
    const keeping = await startHub(config(engine, {}), time)
    const users = keeping.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'a', n: 0 })
    for (let n = 1; n < 5; n++) await users.patch('a', { n })
    expect(await keeping.admin.prune()).toMatchObject({ versions: [] })
    await keeping.admin.shutdown()
    const hub = await startHub(config(engine, { ver: { maxPerItem: 2 } }), time)
    expect((await hub.admin.prune()).versions).toMatchObject([{ placement: 'runtime/tenant/acme', versions: 3 }])
    await expect(hub.with(runtimeOf('acme', 'users')).getVersion('a', 2)).rejects.toMatchObject({ code: 'PRUNED' })
  })
})

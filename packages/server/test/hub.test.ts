/** The examples of the Chronos document, with the names of Varve, on every engine. */

import { VarveError } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import { openEngine } from '../src/hub/index.ts'
import { chronosExamples, lastingExamples } from './hub-examples.ts'
import { cleanUp, engines, lastingEngines, runtimeOf, startHub } from './hub-world.ts'

afterEach(cleanUp)

describe.each(engines)('on %s', (_, make) => {
  chronosExamples(make)
})

describe.each(lastingEngines)('after a hub was closed, on %s', (_, make) => {
  lastingExamples(make)
})

describe('connections', () => {
  test('are opened when first needed, once for all that share one', async () => {
    const opened: string[] = []
    const tenants = ['tenant-a', 'tenant-b', 'tenant-c']
    const config = {
      dbConnections: { shared: { url: 'memory:' }, premium: { url: 'memory:' } },
      databases: {
        runtime: {
          tenantDatabases: tenants.map((tenantId, i) => ({
            tenantId,
            dbConnRef: i < 2 ? 'shared' : 'premium',
            dbName: `db_${i}`,
          })),
        },
      },
    }
    const hub = await startHub(config, {
      openEngine: (connection, ...rest) => {
        opened.push(connection.url)
        return openEngine(connection, ...rest)
      },
    })
    expect(opened).toHaveLength(0)
    await Promise.all(tenants.map((id) => hub.with(runtimeOf(id, 'users')).create({ of: id })))
    expect(opened).toHaveLength(2)
    expect(await hub.admin.stats()).toMatchObject({ connections: ['shared', 'premium'] })
  })

  test('one that cannot be reached is told by health, and its tenants alone suffer', async () => {
    const config = {
      dbConnections: { good: { url: 'memory:' }, bad: { url: 'postgres://ada:hunter2@db.example.org/x' } },
      databases: {
        runtime: {
          tenantDatabases: [
            { tenantId: 'well', dbConnRef: 'good', dbName: 'a' },
            { tenantId: 'ill', dbConnRef: 'bad', dbName: 'b' },
          ],
        },
      },
    }
    const hub = await startHub(config, {
      openEngine: (connection, ...rest) =>
        connection.kind === 'postgres'
          ? Promise.reject(new VarveError('OFFLINE', 'No way there'))
          : openEngine(connection, ...rest),
    })
    await hub.with(runtimeOf('well', 'users')).create({})
    const { ok, connections: each } = await hub.admin.health()
    expect(ok).toBe(false)
    expect(each).toMatchObject([
      { name: 'good', ok: true },
      { name: 'bad', ok: false, url: 'postgres://db.example.org', error: 'No way there' },
    ])
    await expect(hub.with(runtimeOf('ill', 'users')).create({})).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(await hub.with(runtimeOf('well', 'users')).find().count()).toBe(1)
  })
})

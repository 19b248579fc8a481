/** Retention of versions: what the configuration keeps of each placement. */

import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { firstDocument, replicaOf } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import {
  cleanUp,
  clock,
  connections,
  engines,
  runtimeOf,
  startHub,
  temporaryFolder,
  type HubEngine,
} from './hub-world.ts'

afterEach(cleanUp)

const day = 86_400_000

/** Paths of the chunks of files below a folder. */
function chunksIn(dir: string): readonly string[] {
  const found = readdirSync(dir, { recursive: true, withFileTypes: true })
  return found.flatMap((each) =>
    each.isFile() && each.parentPath.includes('chunks') ? [join(each.parentPath, each.name)] : [],
  )
}

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
    expect(await users.patch('a', { n: 5 })).toMatchObject({ ov: 5 })
  })

  test('files that only versions had which are gone, or nobody, are removed after a week', async () => {
    const time = clock()
    const basePath = temporaryFolder()
    const given = {
      ...config(makeEngine(), { ver: { maxPerItem: 1 } }),
      localStorage: { enabled: true, basePath },
    }
    const hub = await startHub(given, time)
    const users = hub.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'a', n: 0 })
    const how = { name: 'scan.txt', type: 'text/plain' }
    for (const text of ['first', 'second']) await users.attach('a', 'scan', new TextEncoder().encode(text), how)
    await users.patch('a', { n: 1 })
    expect(await hub.admin.prune()).toMatchObject({ versions: [{ versions: 3 }], files: [] })
    time.advance(8 * day)
    // The folder keeps time by the clock of the machine.
    for (const file of chunksIn(basePath)) utimesSync(file, new Date(0), new Date(0))
    expect((await hub.admin.prune()).files).toEqual([{ placement: 'runtime/tenant/acme', removed: 1, bytes: 5 }])
    expect(chunksIn(basePath)).toHaveLength(1)
    expect(await (await users.attachment('a', 'scan')).bytes()).toEqual(new TextEncoder().encode('second'))
    expect((await hub.admin.prune()).files).toEqual([])
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

  test('a new rule that looks at what is gone names its place in the configuration, and may begin now', async () => {
    const engine = makeEngine()
    const time = clock()
    const first = await startHub(config(engine, { ver: { maxPerItem: 1 } }), time)
    const users = first.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'a', n: 0 })
    await users.patch('a', { n: 1 })
    await first.admin.prune()
    await first.admin.shutdown()
    const ruled = (from: object): Record<string, unknown> => ({
      ...config(engine, {}),
      counterRules: { rules: [{ name: 'all' }, { name: 'big', when: { n: { $gt: 1 } }, ...from }] },
    })
    const wrong = await startHub(ruled({}), time)
    const refused = {
      code: 'PRUNED',
      message: expect.stringContaining('give it "from": "now"'),
      details: { path: 'counterRules.rules[1]', placement: 'runtime/tenant/acme', rule: 'big' },
    }
    await expect(wrong.with(runtimeOf('acme', 'users')).get('a')).rejects.toMatchObject(refused)
    expect((await wrong.admin.check()).filter(({ ok }) => !ok)).toMatchObject([
      { placement: 'runtime/tenant/acme', inUse: false, error: refused.message },
    ])
    await wrong.admin.shutdown()
    const right = await startHub(ruled({ from: 'now' }), time)
    await right.with(runtimeOf('acme', 'users')).patch('a', { n: 2 })
    const { rules } = await right.counters.getTotals({ databaseType: 'runtime', tenantId: 'acme', collection: 'users' })
    expect(rules).toMatchObject({ all: { created: 1, updated: 2 }, big: { updated: 1 } })
    expect((await right.admin.check()).find(({ placement }) => placement === 'runtime/tenant/acme')).toMatchObject({
      ok: true,
      inUse: true,
    })
  })

  test('a document that was emptied, deleted and pruned has left nothing of what it said', async () => {
    const hub = await startHub(
      { ...config(makeEngine(), { ver: { maxPerItem: 1 } }), collectionMaps: { users: { indexedProps: ['email'] } } },
      clock(),
    )
    const users = hub.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'a', email: 'secret@example.org' })
    await users.patch('a', { note: 'secret' })
    await users.update('a', {})
    await users.delete('a')
    const texts = (): Promise<string> =>
      hub.using({ databaseType: 'runtime', tier: 'tenant', tenantId: 'acme' }, async (database) => {
        const { store, feeds, state } = replicaOf(database)
        const found: Uint8Array[] = [...(await store.values('')).values()]
        for (const { no } of feeds.values())
          for (const { bodies } of await store.commits(no, 0, 100)) found.push(bodies)
        const rows = await Promise.all(state.collections.map(({ no }) => store.scan(no, firstDocument(no), 100)))
        const snapshots = await Promise.all(rows.flat().map(({ no }) => store.snapshot(no, 100)))
        const states = [...rows.flat(), ...snapshots].map((row) => row?.state ?? '')
        return [...found.map((bytes) => new TextDecoder().decode(bytes)), ...states].join(' ')
      })
    expect(await texts()).toContain('secret')
    await hub.admin.prune()
    expect(await texts()).not.toContain('secret')
    expect((await users.history('a').next()).value).toMatchObject({ ov: 3 })
  })
})

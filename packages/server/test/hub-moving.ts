/** Moving a tenant while it is used, for an engine. */

import { systemEnv } from 'varve'
import { expect, test } from 'vitest'
import type { Hub, HubOptions } from '../src/hub/index.ts'
import { fencedMost } from '../src/hub/move/mover.ts'
import { connections, keptEngines, runtimeOf, startHub, type HubEngine } from './hub-world.ts'

export const place = { databaseType: 'runtime', tier: 'tenant', tenantId: 'acme' } as const
export const target = { databaseType: 'runtime', dbConnRef: 'new', dbName: 'acme_moved' } as const

export function moveConfig(engine: HubEngine, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    dbConnections: connections(engine, 'old', 'new'),
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'old', dbName: 'generic' } },
      runtime: {
        tenantDatabases: ['acme', 'other'].map((tenantId) => ({ tenantId, dbConnRef: 'old', dbName: tenantId })),
      },
    },
    collectionMaps: { events: { indexedProps: ['kind'] } },
    counterRules: { rules: [{ name: 'kinds', on: ['CREATE'], countUnique: ['kind'] }] },
    ...more,
  }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Writes until it is told to stop; gives the ids that were answered. */
export function writer(hub: Hub, name: string): { stop(): Promise<readonly string[]> } {
  const events = hub.with(runtimeOf('acme', 'events'))
  const answered: string[] = []
  const ending = new AbortController()
  const work = (async () => {
    for (let i = 0; !ending.signal.aborted; i++) {
      const { id } = await events.create({ id: `${name}-${i}`, kind: i % 5 })
      await events.patch(id, { seen: true })
      answered.push(id)
      await turn()
    }
  })()
  return {
    async stop() {
      ending.abort()
      await work
      return answered
    },
  }
}

/** Everything answered is there once, the log is sound, and the counters are those of the log. */
export async function checkMoved(hub: Hub, answered: readonly string[]): Promise<void> {
  const events = hub.with(runtimeOf('acme', 'events'))
  const ids = (await events.find().toArray()).map(({ id }) => id)
  expect(ids.toSorted()).toEqual([...answered].toSorted())
  const { verified, counted } = await hub.using(place, async (database) => ({
    verified: await database.verify(),
    counted: await database.counters.verify(),
  }))
  expect(verified).toMatchObject({ ok: true, problems: [] })
  expect(counted).toMatchObject({ ok: true })
  const totals = await hub.counters.getTotals({ databaseType: 'runtime', tenantId: 'acme', collection: 'events' })
  expect(totals).toMatchObject({ created: answered.length, updated: answered.length })
}

export function moving(makeEngine: () => HubEngine): void {
  test('with writers at work: all of it is there, once, in the new place', async () => {
    const hub = await startHub(moveConfig(makeEngine()))
    const events = hub.with(runtimeOf('acme', 'events'))
    const first = await events.create({ id: 'first', kind: 'x' })
    await events.update(first.id, { kind: 'y' })
    const seen: number[] = []
    const stop = events.find({ kind: 1 }).watch((docs) => seen.push(docs.length))
    const writers = ['a', 'b', 'c'].map((name) => writer(hub, name))
    for (let i = 0; i < 50; i++) await turn()
    const report = await hub.admin.move('acme', target)
    for (let i = 0; i < 50; i++) await turn()
    const answered = (await Promise.all(writers.map((each) => each.stop()))).flat()
    expect(report).toMatchObject({
      placement: 'runtime/tenant/acme',
      epoch: 1,
      to: { dbConnRef: 'new', dbName: 'acme_moved' },
    })
    // However fast they write, little is copied while they wait.
    expect(report.fenced.commits).toBeLessThanOrEqual(fencedMost.commits)
    expect(report.fenced.bytes).toBeLessThanOrEqual(fencedMost.bytes)
    expect((await hub.admin.stats()).moves).toEqual({ done: 1, longestPauseMs: report.pausedMs })
    await checkMoved(hub, ['first', ...answered])
    expect(await events.getVersion('first', 0)).toMatchObject({ kind: 'x' })
    expect(await events.find({ kind: 'y' }).explain()).toMatchObject({ path: 'kind' })
    const count = await events.find({ kind: 1 }).count()
    while (seen.at(-1) !== count) await turn()
    stop()
    const totals = await hub.counters.getTotals({ dbName: 'acme_moved', tenantId: 'acme', collection: 'events' })
    expect(totals._id).toBe('tenant:acme|db:acme_moved|coll:events')
    expect(await hub.with(runtimeOf('other', 'events')).find().count()).toBe(0)
  })

  test('there and back again, and the sources are removed after their time', async () => {
    let ahead = 0
    const options: HubOptions = { env: systemEnv({ now: () => Date.now() + ahead }), openEngine: keptEngines() }
    const engine = makeEngine()
    const hub = await startHub(moveConfig(engine), options)
    const events = hub.with(runtimeOf('acme', 'events'))
    await events.create({ id: 'a' })
    await hub.admin.move('acme', target)
    await events.create({ id: 'b' })
    await hub.admin.move('acme', { ...target, dbName: 'third' })
    await events.create({ id: 'c' })
    expect(await hub.admin.move('acme', target)).toMatchObject({ epoch: 3 })
    await events.create({ id: 'd' })
    expect(await hub.admin.prune()).toMatchObject({ moved: [] })
    ahead += 2 * 86_400_000
    expect((await hub.admin.prune()).moved).toHaveLength(3)
    expect(await hub.admin.prune()).toMatchObject({ moved: [] })
    expect(await events.find().count()).toBe(4)
    await hub.admin.shutdown()
    const again = await startHub(moveConfig(engine), options)
    expect((await again.with(runtimeOf('acme', 'events')).find().toArray()).map(({ id }) => id)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
  })

  test('what the target cannot be is said before anything is done', async () => {
    const hub = await startHub(moveConfig(makeEngine()))
    await hub.with(runtimeOf('acme', 'events')).create({})
    await hub.with(runtimeOf('other', 'events')).create({})
    const refused: readonly (readonly [object, string])[] = [
      [{ dbConnRef: 'nowhere' }, 'INVALID'],
      [{ dbName: '../x' }, 'INVALID'],
      [{ dbConnRef: 'old', dbName: 'acme' }, 'INVALID'],
      [{ dbConnRef: 'old', dbName: 'other' }, 'EXISTS'],
      [{ dbConnRef: 'old', dbName: 'varve_hub' }, 'EXISTS'],
    ]
    for (const [change, code] of refused)
      await expect(hub.admin.move('acme', { ...target, ...change })).rejects.toMatchObject({ code })
    await expect(hub.admin.move('nobody', target)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await hub.admin.stats()).toMatchObject({ moving: [] })
    await hub.admin.move('other', target)
    await expect(hub.admin.move('acme', target)).rejects.toMatchObject({ code: 'EXISTS' })
  })
}

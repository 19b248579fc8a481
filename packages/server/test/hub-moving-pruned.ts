/** Moving a tenant of which versions are gone, for an engine: what is gone stays gone, and the rest answers as before. */

import { isVarveError, replicaOf, toHex, verifyReplica } from 'varve/engine'
import { expect, test } from 'vitest'
import type { Hub } from '../src/hub/index.ts'
import { fencedMost } from '../src/hub/move/mover.ts'
import { moveConfig, place, target, turn, writer } from './hub-moving.ts'
import { runtimeOf, startHub, type HubEngine } from './hub-world.ts'

const versions = 6
const ids = ['p', 'q', 'r', 's']
const config = (engine: HubEngine, maxPerItem: number): Record<string, unknown> =>
  moveConfig(engine, {
    retention: { ver: { maxPerItem } },
    counterRules: {
      rules: [
        { name: 'kinds', on: ['CREATE'], countUnique: ['kind'] },
        { name: 'steps', on: ['UPDATE'], when: { kind: { $gte: 2 } } },
      ],
    },
  })

async function told(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (!isVarveError(error)) throw error
    const { code, message, details } = error
    return { code, message, details }
  }
}

async function gather(items: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const all: unknown[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Everything that can be asked of the documents that nobody writes. */
async function answersOf(hub: Hub): Promise<unknown> {
  const events = hub.with(runtimeOf('acme', 'events'))
  const answers: unknown[] = []
  for (const id of ids) {
    const all = await Promise.all(Array.from({ length: versions }, (_, ov) => told(() => events.getVersion(id, ov))))
    const past = await told(() => gather(events.history(id)))
    const proofs = await hub.using(place, async (database) => {
      const { store, context } = replicaOf(database)
      return [
        toHex(context.id),
        await told(() => database.collection('events').diff(id, 0, 5)),
        (await store.receipts(0, 20)).map(({ bytes }) => toHex(bytes)),
      ]
    })
    answers.push([await events.get(id), all, past, proofs])
  }
  return answers
}

async function expectSound(hub: Hub): Promise<void> {
  const found = await hub.using(place, async (database) => ({
    log: await verifyReplica(replicaOf(database)),
    counters: await database.counters.verify(),
  }))
  expect(found.log).toMatchObject({ ok: true, problems: [] })
  expect(found.counters).toMatchObject({ ok: true })
}

const totalsOf = async (hub: Hub): Promise<object> => {
  const { created, updated, deleted, rules } = await hub.counters.getTotals({
    databaseType: 'runtime',
    tenantId: 'acme',
    collection: 'events',
  })
  return { created, updated, deleted, rules }
}

async function fill(hub: Hub): Promise<void> {
  const events = hub.with(runtimeOf('acme', 'events'))
  for (const [i, id] of ids.entries()) await events.create({ id, kind: i, n: 0 })
  for (let n = 1; n < versions; n++) for (const id of ids) await events.patch(id, { $set: { n, kind: n } })
}

export function movingPruned(makeEngine: () => HubEngine): void {
  test('there and back again: the same is gone, everything else answers as before, and counts go on', async () => {
    const hub = await startHub(config(makeEngine(), 4))
    const events = hub.with(runtimeOf('acme', 'events'))
    await fill(hub)
    expect((await hub.admin.prune()).versions).toMatchObject([{ versions: 2 * ids.length }])
    const [before, counted] = [await answersOf(hub), await totalsOf(hub)]
    expect(JSON.stringify(before)).toContain('PRUNED')
    await hub.admin.move('acme', target)
    expect([await answersOf(hub), await totalsOf(hub)]).toEqual([before, counted])
    expect(await events.find({ kind: 5 }).explain()).toMatchObject({ path: 'kind' })
    await expectSound(hub)
    // The source of before is still there, with more than is kept by now.
    for (const id of ids) await events.patch(id, { more: true })
    expect((await hub.admin.prune()).versions).toMatchObject([{ versions: ids.length }])
    const [then, more] = [await answersOf(hub), await totalsOf(hub)]
    expect(then).not.toEqual(before)
    await hub.admin.move('acme', { databaseType: 'runtime', dbConnRef: 'old', dbName: 'acme' })
    expect([await answersOf(hub), await totalsOf(hub)]).toEqual([then, more])
    await expectSound(hub)
    expect((await hub.admin.prune()).versions).toEqual([])
    await events.patch('p', { last: true })
    expect((await hub.admin.prune()).versions).toMatchObject([{ versions: 1 }])
  })

  test('with writers at work, and retention that runs all the time', async () => {
    const hub = await startHub(config(makeEngine(), 4))
    await fill(hub)
    await hub.admin.prune()
    const before = await answersOf(hub)
    const writers = ['a', 'b'].map((name) => writer(hub, name))
    const ending = new AbortController()
    const pruning = (async () => {
      while (!ending.signal.aborted) {
        await hub.admin.prune()
        await turn()
      }
    })()
    for (let i = 0; i < 20; i++) await turn()
    const report = await hub.admin.move('acme', target)
    expect(report.fenced.commits).toBeLessThanOrEqual(fencedMost.commits)
    expect(report.fenced.bytes).toBeLessThanOrEqual(fencedMost.bytes)
    for (let i = 0; i < 20; i++) await turn()
    ending.abort()
    await pruning
    const answered = (await Promise.all(writers.map((each) => each.stop()))).flat()
    expect(await answersOf(hub)).toEqual(before)
    const found = await hub.with(runtimeOf('acme', 'events')).find().toArray()
    expect(found.map(({ id }) => id).toSorted()).toEqual([...ids, ...answered].toSorted())
    expect(await totalsOf(hub)).toMatchObject({ created: ids.length + answered.length })
    await expectSound(hub)
  })
}

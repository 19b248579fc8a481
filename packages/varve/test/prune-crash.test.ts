/** Pruning that ends at any step, beside writes, over layers that have sunk; and what damage to an edge verify finds. */

import {
  decorate,
  decorateStores,
  memoryBlobs,
  replicaOf,
  VarveError,
  type Sinker,
  type StoreProvider,
} from '../src/engine.ts'
import { memory, openTenant, type Database, type Env, type Tenant } from '../src/index.ts'
import { describe, expect, test } from 'vitest'
import { sinking, SinkingShare, systemEnv, windowOf } from 'varve/engine'
import { afterTest, coded, failure, found, HandClock, joined, type Data } from './engine-world.ts'
import { keptOf, versionsGone } from './prune-world.ts'

/** Writes fail from a chosen one on, before or after they took place, as when a process dies. */
function dying(provider: StoreProvider) {
  const plan: { left: number; when: 'before' | 'after' } = { left: Infinity, when: 'before' }
  const failing = decorateStores(provider, (store) => ({
    ...decorate(store, (_, call) => call()),
    write: async (batch) => {
      if (batch.values?.has('pruned') !== true) return store.write(batch)
      plan.left--
      if (plan.left === 0 && plan.when === 'after') await store.write(batch)
      if (plan.left <= 0) throw new VarveError('STORE_FAILED', 'The process died')
      return store.write(batch)
    },
  }))
  return { failing, plan }
}

/** Six hundred documents, made in few commits, each written three times, and one with many versions. */
async function filled(database: Database): Promise<void> {
  const things = database.collection<Data>('things')
  const ids = Array.from({ length: 600 }, (_, i) => `d${i}`)
  await things.createMany(ids.map((id, i) => ({ id, n: i })))
  for (const round of [1, 2]) await Promise.all(ids.map((id, i) => things.patch(id, { n: i + round * 1000 })))
  for (let n = 0; n < 40; n++) await things.patch('d7', { n })
}

async function world(given: StoreProvider = memory()) {
  const clock = new HandClock()
  const { failing, plan } = dying(given)
  const first = await found(failing, clock.env())
  const second = await joined(first.tenant, 'bob', { env: clock.env() })
  const a = await first.tenant.database('crm', { mode: 'open' })
  const whole = await second.tenant.database('crm', { mode: 'open' })
  await filled(a)
  await whole.sync(a)
  return { a, whole, first, plan, store: given }
}

async function again(store: StoreProvider, env: Env, tenant: Tenant): Promise<Database> {
  await tenant.close()
  const opened = await openTenant({ store, env })
  afterTest(() => opened.close())
  return opened.database('crm', { mode: 'open' })
}

const rule = { keepVersions: 1 }
const total = 600 * 2 + 40

describe('pruning that ends', () => {
  const steps = [1, 2, 3, 4].flatMap((left) => (['before', 'after'] as const).map((when) => ({ left, when })))
  test.each(steps)('$when batch $left leaves whole batches, and goes on', async ({ left, when }) => {
    const { a, whole, first, plan, store } = await world()
    Object.assign(plan, { left, when })
    expect(await failure(() => a.prune(rule))).toEqual(coded('STORE_FAILED'))
    // Whoever goes on reading finds what is there, and what is gone said to be gone.
    const kept = await keptOf(a)
    const gone = versionsGone(kept)
    expect(gone).toBeLessThanOrEqual(total)
    if (left > 1 || when === 'after') expect(gone).toBeGreaterThan(0)
    const things = a.collection<Data>('things')
    for (const { id, edge } of kept.slice(0, 400)) {
      const answer = await things.getVersion(id, 0).catch((error: unknown) => error)
      if (edge === null) expect(answer).toMatchObject({ id })
      else expect(answer).toEqual(coded('PRUNED', { id, ov: edge.ov }))
    }
    const reopened = await again(store, first.env, first.tenant)
    expect(versionsGone(await keptOf(reopened))).toBe(gone)
    expect(await reopened.verify()).toMatchObject({ ok: true, problems: [] })
    expect(await reopened.prune(rule)).toMatchObject({ versions: total - gone })
    expect(replicaOf(reopened).reader.pruned.state).toMatchObject({ versions: total })
    expect(await reopened.prune(rule)).toEqual({ versions: 0, commits: 0, bytes: 0 })
    await whole.sync(reopened)
    expect(await reopened.verify()).toMatchObject({ ok: true, problems: [] })
    expect(await contents(reopened)).toEqual(await contents(whole))
  })

  test('when its caller aborts: the next one goes on', async () => {
    const { a } = await world()
    const abort = new AbortController()
    const stop = replicaOf(a).onWrite(() => {
      abort.abort(new Error('enough'))
    })
    await expect(a.prune({ ...rule, signal: abort.signal })).rejects.toThrow('enough')
    stop()
    const gone = versionsGone(await keptOf(a))
    expect(gone).toBeGreaterThan(0)
    expect(await a.prune(rule)).toMatchObject({ versions: total - gone })
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
  })
})

function contents(database: Database): Promise<unknown> {
  return database.collection<Data>('things').find().sort({ id: 1 }).toArray()
}

describe('beside others', () => {
  test('writers and readers go on: nothing is lost, doubled, or answered wrongly', async () => {
    const { a } = await world()
    const things = a.collection<Data>('things')
    const during = { isOver: false }
    const writer = (async () => {
      for (let n = 0; !during.isOver; n++) {
        await things.patch(`d${(n * 37) % 600}`, { $inc: { extra: 1 } })
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const reader = (async () => {
      for (let n = 0; !during.isOver; n++) {
        const id = `d${(n * 53) % 600}`
        const answer = await things.getVersion(id, 1).catch((error: unknown) => error)
        if (answer instanceof Error) expect(answer).toEqual(coded('PRUNED'))
        else expect(answer).toMatchObject({ n: ((n * 53) % 600) + 1000 })
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const reports = await Promise.all([a.prune({ keepVersions: 2 }), a.prune(rule)])
    during.isOver = true
    await Promise.all([writer, reader])
    const gone = versionsGone(await keptOf(a))
    expect(reports.reduce((sum, { versions }) => sum + versions, 0)).toBe(gone)
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
  })
})

describe('sunk layers', () => {
  function sinkable(provider: StoreProvider) {
    const env = systemEnv()
    const blobs = memoryBlobs({ env })
    const sinkers: Sinker[] = []
    const share = new SinkingShare({ cacheBytes: 100_000 })
    const stores: StoreProvider = {
      ...decorateStores(provider, (store) => store),
      open: async (name, options) => {
        const window = windowOf({ afterDays: 0, segmentBytes: 2000 })
        const sunk = sinking(await provider.open(name, options), { name, blobs, window, share, env })
        sinkers.push(sunk.sinker)
        return sunk.store
      },
    }
    return { stores, sinkers, blobs }
  }

  async function keys(blobs: ReturnType<typeof sinkable>['blobs']): Promise<number> {
    return (await blobs.list('segments/')).items.length
  }

  test('sunk before and after: what is gone is gone from segments, and empty segments go', async () => {
    const { stores, sinkers, blobs } = sinkable(memory())
    const { a } = await world(stores)
    for (const sinker of sinkers) await sinker.run({ all: true })
    const before = await keys(blobs)
    const report = await a.prune({ keepVersions: 2 })
    expect(report.commits).toBeGreaterThan(0)
    for (const sinker of sinkers) await sinker.removeEmpty()
    const between = await keys(blobs)
    expect(between).toBeLessThan(before)
    for (const sinker of sinkers) expect(await sinker.check()).toMatchObject({ problems: [] })
    await a.collection<Data>('things').patch('d7', { later: true })
    await a.prune(rule)
    for (const sinker of sinkers) await sinker.run({ all: true })
    for (const sinker of sinkers) await sinker.removeEmpty()
    expect(await keys(blobs)).toBeLessThan(between)
    expect(await a.verify()).toMatchObject({ ok: true, problems: [] })
    expect(await failure(() => a.collection('things').getVersion('d7', 3))).toEqual(coded('PRUNED'))
    const sums = await sinkers.at(-1)?.state()
    expect(sums?.segments).toBe((await sinkers.at(-1)?.segments())?.length)
  })

  test('sinking that is switched on after pruning passes over what is gone', async () => {
    const plain = memory()
    const { a, first } = await world(plain)
    await a.prune({ keepVersions: 2 })
    const { stores, sinkers } = sinkable(plain)
    const reopened = await again(stores, first.env, first.tenant)
    for (const sinker of sinkers) await sinker.run({ all: true })
    expect(await reopened.verify()).toMatchObject({ ok: true, problems: [] })
    expect(await reopened.prune(rule)).toMatchObject({ versions: 600 })
    for (const sinker of sinkers) await sinker.removeEmpty()
    expect(await reopened.verify()).toMatchObject({ ok: true, problems: [] })
  })
})

describe('damage', () => {
  async function pruned() {
    const { tenant } = await found()
    const a = await tenant.database('crm', { mode: 'open' })
    const things = a.collection<Data>('things')
    await things.create({ kept: 'since the beginning' }, { id: 'x' })
    for (let n = 0; n < 5; n++) await things.patch('x', { n })
    await a.prune({ keepVersions: 3 })
    const replica = replicaOf(a)
    const [[name = '', mark = new Uint8Array()] = []] = await replica.store.values('pruned/4')
    return { a, things, replica, name, mark }
  }

  test('every flipped byte of an edge is found', async () => {
    const { a, replica, name, mark } = await pruned()
    expect(await a.verify()).toMatchObject({ ok: true })
    for (let at = 0; at < mark.length; at++) {
      const flipped = mark.map((byte, i) => (i === at ? byte ^ 1 : byte))
      await replica.store.write({ values: new Map([[name, flipped]]) })
      const { ok, problems } = await a.verify()
      expect([at, ok, problems.length > 0]).toEqual([at, false, true])
    }
    await replica.store.write({ values: new Map([[name, mark]]) })
    expect(await a.verify()).toMatchObject({ ok: true })
  })

  test('an edge that is lost, or that of another document, is found', async () => {
    const { a, replica, name, things } = await pruned()
    await things.create({ n: 0 }, { id: 'y' })
    for (let n = 0; n < 5; n++) await things.patch('y', { n })
    await a.prune({ keepVersions: 3 })
    const marks = await replica.store.values('pruned/4')
    const [other] = [...marks].filter(([each]) => each !== name)
    for (const value of [null, other?.[1] ?? null]) {
      await replica.store.write({ values: new Map([[name, value]]) })
      expect(await a.verify()).toMatchObject({ ok: false })
    }
  })
})

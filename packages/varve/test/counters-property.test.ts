/** F4: live counters equal recounted ones and a naive model, whatever is written, refused, lost, retried and exchanged. */

import { FaultyDisk } from '@varve/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createJoinRequest,
  createTenant,
  isVarveError,
  joinTenant,
  memory,
  openTenant,
  systemEnv,
  type Database,
  type Env,
  type Tenant,
} from '../src/index.ts'
import { collections, countedIn, modelOf, modelRules } from './counters-model.ts'
import { gather, type Data } from './engine-world.ts'

/** A device whose machine may crash and whose disk may fail. */
class Device {
  readonly disk = new FaultyDisk()
  readonly #env: Env
  tenant: Tenant
  database: Database

  private constructor(env: Env, tenant: Tenant, database: Database, disk: FaultyDisk) {
    this.#env = env
    this.tenant = tenant
    this.database = database
    this.disk = disk
  }

  static async open(env: Env, admin: Tenant | null): Promise<Device> {
    const disk = new FaultyDisk()
    const store = memory({ disk: disk.attach() })
    const make = async (): Promise<Tenant> => {
      if (admin === null) return createTenant({ name: 'acme', user: 'ada', store, env })
      const request = await createJoinRequest({ user: 'bob', store, env })
      return joinTenant({ response: await admin.directory.approve(request), store, env })
    }
    const tenant = await make()
    return new Device(env, tenant, await tenant.database('crm'), disk)
  }

  async restart(): Promise<void> {
    await this.tenant.close()
    await this.#reopen()
  }

  /** While `late` is under way; what was answered before survives. */
  async crash(late: Promise<unknown>, seed: number): Promise<void> {
    const settled = Promise.allSettled([late])
    for (let turn = seed % 12; turn > 0; turn--) await Promise.resolve()
    this.disk.crash(() => (seed % 97) / 97)
    await settled
    await Promise.allSettled([this.tenant.close()])
    await this.#reopen()
  }

  async #reopen(): Promise<void> {
    this.tenant = await openTenant({ store: memory({ disk: this.disk.attach() }), env: this.#env })
    this.database = await this.tenant.database('crm')
  }
}

const kinds = [
  'create',
  'create',
  'patch',
  'patch',
  'patch',
  'enrich',
  'delete',
  'restore',
  'many',
  'restoreAll',
] as const
const act = fc.record({
  what: fc.constantFrom(
    ...kinds,
    'stale',
    'together',
    'sync',
    'sync',
    'peers',
    'restart',
    'crash',
    'fail',
    'later',
    'define',
    'recount',
    'totals',
  ),
  device: fc.nat(2),
  collection: fc.constantFrom(...collections),
  id: fc.constantFrom('p', 'q', 'r'),
  n: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constantFrom('3', null, true)),
  tag: fc.constantFrom('x', 'y', undefined),
  seed: fc.nat(1000),
})
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

/** What applications meet in an offline world: nothing of it may make counters wrong. */
const expected = new Set(['EXISTS', 'NOT_FOUND', 'DELETED', 'CONFLICT', 'STORE_FAILED', 'INVALID'])

async function tolerated(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isVarveError(error) || !expected.has(error.code)) throw error
  }
}

function write(database: Database, { what, collection, id, n, tag, seed }: Act): Promise<unknown> {
  const docs = database.collection<Data>(collection)
  const data: Data = { n, ...(tag !== undefined && { tag }) }
  switch (what) {
    case 'create':
      return docs.create({ id, ...data })
    case 'patch':
      return docs.patch(id, data)
    case 'enrich':
      return docs.enrich(id, data)
    case 'delete':
      return docs.delete(id)
    case 'restore':
      return seed % 2 === 0 ? docs.restore(id) : docs.restore(id, { ov: 0 })
    case 'restoreAll':
      return docs.restoreAll({ cv: seed % 4 })
    case 'stale':
      return docs.patch(id, data, { expectedOv: seed % 3 })
    case 'many':
      return docs.createMany(Array.from({ length: 1 + (seed % 5) }, (_, i) => ({ ...data, i })))
    default:
      return Promise.allSettled([
        docs.patch(id, data),
        docs.patch(id, { n: seed }),
        docs.delete(id),
        docs.create({ n }),
      ])
  }
}

interface World {
  readonly devices: readonly [Device, Device, Device]
  readonly clock: { now: number }
}

async function play({ devices, clock }: World, step: Act): Promise<void> {
  const device = devices[step.device] ?? devices[0]
  const [recorder, first, second] = devices
  switch (step.what) {
    case 'sync':
      return tolerated((device === recorder ? first : device).database.sync(recorder.database))
    case 'peers':
      return tolerated(first.database.sync(second.database))
    case 'restart':
      return device.restart()
    case 'crash':
      return device.crash(write(device.database, { ...step, what: 'together' }), step.seed)
    case 'fail': {
      device.disk.failWrites(1)
      await tolerated(write(device.database, { ...step, what: 'create' }))
      device.disk.failWrites(0)
      return tolerated(write(device.database, { ...step, what: 'create' }))
    }
    case 'later':
      clock.now += step.seed * 10_000
      return
    case 'define':
      await device.database.counters.define(step.seed % 2 === 0 ? [] : modelRules.slice(1))
      return device.database.counters.define(modelRules)
    case 'recount':
      return device.database.counters.recount()
    case 'totals':
      await device.database.counters.totals({ pending: true })
      return
    default:
      return tolerated(write(device.database, step))
  }
}

async function checkDevice({ database }: Device, pick: number): Promise<void> {
  const live = await countedIn(database)
  expect(live).toEqual(await modelOf(database))
  expect(await database.counters.verify()).toEqual({ ok: true, problems: [] })
  const times = (await gather(database.commits())).flatMap(({ recordedAt }) => recordedAt ?? [])
  const past = times[pick % Math.max(1, times.length)]
  if (past !== undefined) expect(await countedIn(database, past)).toEqual(await modelOf(database, Date.parse(past)))
  await database.counters.recount()
  expect(await countedIn(database)).toEqual(live)
}

test('F4 counters equal the log under crashes, failures, retries, restores, refusals and sync in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 40 }), async (steps) => {
      const clock = { now: Date.UTC(2026, 0, 1, 5) }
      const env = systemEnv({ passphraseWork: 1, now: () => (clock.now += 1) })
      const recorder = await Device.open(env, null)
      const devices = [
        recorder,
        await Device.open(env, recorder.tenant),
        await Device.open(env, recorder.tenant),
      ] as const
      for (const { database } of devices) await database.counters.define(modelRules)
      for (const { database } of devices.slice(1)) await database.sync(recorder.database)
      for (const step of steps) await play({ devices, clock }, step)
      for (const device of devices) await checkDevice(device, steps.length)
      for (const { database } of devices.slice(1)) await tolerated(database.sync(recorder.database))
      for (const device of devices) await checkDevice(device, steps.length * 7)
      for (const { tenant } of devices) await tenant.close()
    }),
    { numRuns: Number(process.env['VARVE_COUNTERS_RUNS'] ?? 60) },
  )
}, 240_000)

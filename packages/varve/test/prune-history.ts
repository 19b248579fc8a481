/** Random histories that are pruned at random moments, against a copy that keeps everything: for tests over any store. */

import fc from 'fast-check'
import { expect } from 'vitest'
import { replicaOf } from '../src/engine.ts'
import { isVarveError, openTenant, type Database, type Env, type StoreProvider, type Tenant } from '../src/index.ts'
import { copyOf, expectSame, follow, readable } from './copy-world.ts'
import { afterTest, found, HandClock, joined, type Data } from './engine-world.ts'
import { expectKept, keptOf, versionsGone } from './prune-world.ts'

export type Mode = 'open' | 'sealed'

const ids = ['a', 'b', 'c', 'd', 'e']
const dayMs = 86_400_000

export type Step =
  | {
      readonly kind: 'write'
      readonly side: 'recorder' | 'member'
      readonly id: string
      readonly op: number
      readonly value: number
    }
  | { readonly kind: 'long'; readonly id: string; readonly count: number }
  | { readonly kind: 'many'; readonly from: number; readonly value: number }
  | { readonly kind: 'prune'; readonly days: number | null; readonly keep: number | null }
  | { readonly kind: 'sync' }
  | { readonly kind: 'reopen' }

const id = fc.constantFrom(...ids)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      side: fc.constantFrom('recorder' as const, 'recorder' as const, 'recorder' as const, 'member' as const),
      id,
      op: fc.nat(9),
      value: fc.nat(9),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('long' as const), id, count: fc.integer({ min: 30, max: 40 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('many' as const), from: fc.nat(3), value: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('prune' as const),
      days: fc.option(fc.integer({ min: 0, max: 12 })),
      keep: fc.option(fc.integer({ min: 1, max: 4 })),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'sync' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)

/** What cannot be done to a document as it is does not matter here. */
const refusedHere = new Set(['EXISTS', 'DELETED', 'NOT_FOUND', 'CONFLICT'])

async function write(database: Database, { id: name, op, value }: Extract<Step, { kind: 'write' }>): Promise<void> {
  const things = database.collection<Data>('things', { indexes: ['v'] })
  try {
    if ((await things.get(name)) === null && op < 8) await things.create({ v: value, n: 0 }, { id: name })
    else if (op < 4) await things.patch(name, { $set: { v: value }, $inc: { n: 1 } })
    else if (op < 6) await things.enrich(name, { tags: [value], deep: { [`p${value}`]: value } })
    else if (op < 7) await things.delete(name)
    else await things.restore(name)
  } catch (error) {
    if (!isVarveError(error) || !refusedHere.has(error.code)) throw error
  }
}

function same(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected)
}

/** The recorder, which is pruned, a member that may fall behind, and a copy that keeps everything. */
class World {
  readonly clock = new HandClock()
  readonly #store: StoreProvider
  readonly #env: Env
  #tenant: Tenant
  recorder: Database
  readonly member: Database
  readonly whole: Database
  readonly seen = { versions: 0, behind: 0, late: 0 }

  private constructor(parts: {
    tenant: Tenant
    store: StoreProvider
    env: Env
    databases: readonly [Database, Database, Database]
  }) {
    this.#tenant = parts.tenant
    this.#store = parts.store
    this.#env = parts.env
    ;[this.recorder, this.member, this.whole] = parts.databases
  }

  static async open(store: StoreProvider, mode: Mode): Promise<World> {
    const clock = new HandClock()
    const first = await found(store, clock.env())
    const second = await joined(first.tenant, 'bob', { env: clock.env() })
    const third = await joined(first.tenant, 'cleo', { env: clock.env() })
    const open = (tenant: Tenant): Promise<Database> => tenant.database('crm', { mode })
    const databases = [await open(first.tenant), await open(second.tenant), await open(third.tenant)] as const
    const world = new World({ tenant: first.tenant, store, env: first.env, databases })
    Object.assign(world, { clock })
    await world.follow()
    return world
  }

  get tenant(): string {
    return this.#tenant.id
  }

  /** The copy gets everything before anything goes. */
  async follow(): Promise<void> {
    await this.whole.sync(this.recorder)
  }

  async take(each: Step): Promise<void> {
    this.clock.tick(dayMs / 4)
    if (each.kind === 'write') await write(each.side === 'recorder' ? this.recorder : this.member, each)
    else if (each.kind === 'long')
      for (let i = 0; i < each.count; i++)
        await write(this.recorder, { kind: 'write', side: 'recorder', id: each.id, op: i % 3 === 0 ? 4 : 0, value: i })
    else if (each.kind === 'many')
      await this.recorder.transact(async (tx) => {
        for (const name of ids.slice(each.from)) {
          const things = tx.collection<Data>('things')
          if ((await things.get(name)) !== null) await things.patch(name, { v: each.value })
        }
      })
    else if (each.kind === 'sync') await this.sync()
    else if (each.kind === 'reopen') await this.reopen()
    else await this.prune(each)
  }

  async sync(): Promise<void> {
    await this.follow()
    try {
      await this.member.sync(this.recorder)
    } catch (error) {
      // It lacks what is gone there, and gets it from somebody who has it.
      if (!isVarveError(error, 'PRUNED')) throw error
      same(replicaOf(this.recorder).reader.pruned.any, true)
      this.seen.behind++
      await this.member.sync(this.whole)
    }
    await this.follow()
    await this.member.sync(this.whole)
    this.seen.late = (await this.member.refused()).filter(({ reason }) => reason.includes('pruned')).length
  }

  async prune({ days, keep }: Extract<Step, { kind: 'prune' }>): Promise<void> {
    if (days === null && keep === null) return
    await this.follow()
    const rule = {
      ...(days === null ? {} : { olderThanDays: days }),
      ...(keep === null ? {} : { keepVersions: keep }),
    }
    const before = versionsGone(await keptOf(this.recorder))
    const planned = await this.recorder.prune({ ...rule, dryRun: true })
    same(versionsGone(await keptOf(this.recorder)), before)
    const report = await this.recorder.prune(rule)
    same(report, planned)
    const kept = await keptOf(this.recorder)
    same(versionsGone(kept), before + report.versions)
    this.seen.versions += report.versions
    const nothing = { versions: 0, commits: 0, bytes: 0 }
    same(await this.recorder.prune(rule), nothing)
    for (const { edge, rows } of kept) if (edge !== null) same(rows[edge.ov]?.place, edge.record)
  }

  async reopen(): Promise<void> {
    await this.#tenant.close()
    this.#tenant = await openTenant({ store: this.#store, env: this.#env })
    const opened = this.#tenant
    afterTest(() => opened.close())
    this.recorder = await opened.database('crm', { mode: this.recorder.mode })
  }
}

/** A copy on the same device is the same, and goes on being so. */
async function expectCopied({ recorder, whole, member, tenant }: World): Promise<void> {
  const copy = await copyOf(recorder)
  await expectSame(replicaOf(recorder), copy)
  await expectKept(readable(copy, tenant), whole)
  await write(member, { kind: 'write', side: 'member', id: 'a', op: 4, value: 3 })
  await member.sync(recorder)
  await write(recorder, { kind: 'write', side: 'recorder', id: 'b', op: 0, value: 4 })
  await whole.sync(recorder)
  await follow(replicaOf(recorder), copy)
  await expectSame(replicaOf(recorder), copy)
  await copy.close()
}

export async function runPruned(
  store: StoreProvider,
  mode: Mode,
  steps: readonly Step[],
  points: readonly number[],
): Promise<World['seen']> {
  const world = await World.open(store, mode)
  for (const each of steps) await world.take(each)
  await world.sync()
  await expectKept(world.recorder, world.whole, points)
  if (mode === 'open' && steps.length % 3 === 0) await expectCopied(world)
  await world.reopen()
  await expectKept(world.recorder, world.whole, points)
  return world.seen
}

export const steps = fc.array(step, { minLength: 10, maxLength: 40, size: 'max' })
/** A member that falls behind, and whose change then comes too late. */
export const tooLate: [Step[], number[]] = [
  [
    { kind: 'write', side: 'recorder', id: 'a', op: 0, value: 1 },
    { kind: 'sync' },
    { kind: 'write', side: 'member', id: 'a', op: 0, value: 2 },
    ...[3, 4, 5].map((value): Step => ({ kind: 'write', side: 'recorder', id: 'a', op: 0, value })),
    { kind: 'prune', days: null, keep: 1 },
    { kind: 'sync' },
    { kind: 'write', side: 'member', id: 'a', op: 4, value: 6 },
  ],
  [10, 50, 90],
]

export const points = fc.array(fc.nat(100), { minLength: 3, maxLength: 3 })

/** For tests of live results: random steps on two replicas, and a check of every live query after each of them. */

import fc from 'fast-check'
import { expect } from 'vitest'
import { isVarveError, type Collection, type Database, type Query } from '../src/index.ts'
import { replicaOf } from '../src/engine.ts'
import { untyped, type Data } from './engine-world.ts'
import { attributes, filter, sort, type RawFilter } from './query-generators.ts'

/** More documents than a window of the smallest limit holds with its margin. */
export const pool = Array.from({ length: 40 }, (_, i) => `d${String(i).padStart(2, '0')}`)

/** Some meet often, so that what one device expects is not what the other one left. */
const anyId = fc.oneof(fc.constantFrom(...pool), fc.constantFrom(...pool.slice(20, 23)))
const side = fc.constantFrom<0 | 1>(0, 1)

type Change =
  | { readonly op: 'put'; readonly id: string; readonly data: Data }
  | { readonly op: 'delete' | 'restore'; readonly id: string }

export type Step =
  | { readonly kind: 'one'; readonly side: 0 | 1; readonly change: Change; readonly guarded: boolean }
  | { readonly kind: 'transaction'; readonly side: 0 | 1; readonly changes: readonly Change[] }
  | { readonly kind: 'sync' }
  /** Writes of both and a sync, none waiting for another. */
  | { readonly kind: 'burst'; readonly changes: readonly Change[] }
  | { readonly kind: 'index'; readonly side: 0 | 1; readonly path: string }

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('put' as const), id: anyId, data: attributes }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('delete' as const, 'restore' as const), id: anyId }) },
)

/** Takes many documents out, or puts many in: windows run short, and many changes are taken over at once. */
const sweep: fc.Arbitrary<readonly Change[]> = fc
  .tuple(fc.constantFrom('put', 'delete', 'restore'), fc.nat(20), fc.nat(40), attributes)
  .map(([op, from, count, data]) =>
    pool
      .slice(from, from + count)
      .map((id) => (op === 'delete' || op === 'restore' ? { op, id } : { op: 'put', id, data })),
  )

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('one' as const), side, change, guarded: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      side,
      changes: fc.oneof(fc.array(change, { minLength: 1, maxLength: 5 }), sweep),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'sync' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('burst' as const),
      changes: fc.oneof(fc.array(change, { minLength: 2, maxLength: 8 }), sweep),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('index' as const), side, path: fc.constantFrom('a', 'b', 'a.b') }),
  },
)

export interface Asked {
  readonly filter: RawFilter
  readonly sort: Readonly<Record<string, 1 | -1>>
  readonly limit: number | null
  readonly select: readonly string[] | null
  readonly includeDeleted: boolean
  /** Begins after the document that stands here at first. */
  readonly after: number | null
}

export const asked: fc.Arbitrary<Asked> = fc.record({
  filter: fc.oneof(
    { weight: 3, arbitrary: filter },
    { weight: 2, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constant({ '_system.pending': false }) },
  ),
  sort,
  limit: fc.option(fc.integer({ min: 0, max: 5 })),
  select: fc.option(fc.constant(['a', 'b.c']), { freq: 4 }),
  includeDeleted: fc.boolean(),
  after: fc.option(fc.nat(10), { freq: 4 }),
})

export async function queryOf(collection: Collection<Data>, what: Asked): Promise<Query<Data>> {
  const all: Query<Data> = collection.find(untyped(what.filter))
  let query = all.sort({ ...what.sort })
  if (what.includeDeleted) query = query.includeDeleted()
  if (what.after !== null) {
    const { next } = await query.limit(what.after + 1).page()
    if (next !== null) query = query.after(next)
  }
  if (what.limit !== null) query = query.limit(what.limit)
  return what.select === null ? query : query.select(what.select)
}

interface Writes {
  get(id: string): Promise<unknown>
  create(data: Data, options: { readonly id: string }): Promise<unknown>
  update(id: string, data: Data, options?: { readonly expectedOv?: number }): Promise<unknown>
  delete(id: string): Promise<unknown>
  restore(id: string): Promise<unknown>
}

/** What cannot be done to a document as it is does not matter here. */
const refusedHere = new Set(['EXISTS', 'DELETED', 'NOT_FOUND', 'CONFLICT'])

async function put(writes: Writes, id: string, data: Data, expectedOv?: number): Promise<void> {
  if ((await writes.get(id)) === null) await writes.create(data, { id })
  else await writes.update(id, data, expectedOv === undefined ? {} : { expectedOv })
}

async function make(writes: Writes, each: Change, expectedOv?: number): Promise<void> {
  try {
    if (each.op === 'put') await put(writes, each.id, each.data, expectedOv)
    else if (each.op === 'delete') await writes.delete(each.id)
    else await writes.restore(each.id)
  } catch (error) {
    if (!isVarveError(error) || !refusedHere.has(error.code)) throw error
  }
}

/** A guarded change of the member is refused by the recorder when the document changed there too. */
export async function take(databases: readonly [Database, Database], what: Step): Promise<void> {
  if (what.kind === 'sync') {
    await databases[1].sync(databases[0])
    return
  }
  if (what.kind === 'burst') {
    const [a, b] = databases
    const writes = what.changes.map((each, i) => make((i % 3 === 0 ? b : a).collection<Data>('things'), each))
    await Promise.all([...writes, b.sync(a)])
    return
  }
  const database = databases[what.side]
  if (what.kind === 'index') {
    await database
      .collection<Data>('things', { indexes: [what.path] })
      .find()
      .count()
    return
  }
  const collection = database.collection<Data>('things')
  if (what.kind === 'one') {
    const known = what.guarded ? await collection.get(what.change.id) : null
    await make(collection, what.change, known?._system.ov)
    return
  }
  await database.transact(async (tx) => {
    const staged = tx.collection<Data>('things')
    for (const each of what.changes) await make(staged, each)
  })
}

/** A live query beside the query it follows, how often it spoke, and what it said last. */
export interface Followed {
  /** Compares it with the query run again. */
  check(): Promise<void>
  stop(): void
}

export function follow(query: Query<Data>, database: Database): Followed {
  const live = query.live()
  let [told, batches] = [0, 0]
  let seen: readonly Data[] | undefined
  const stops = [replicaOf(database).changes.watch(() => void batches++), live.subscribe(() => void told++)]
  return {
    check: async () => {
      await live.settled()
      const now = live.current()
      expect(now).toEqual(await query.toArray())
      expect(told).toBeLessThanOrEqual(Math.max(1, batches))
      // Several batches may undo what each other did.
      if (batches <= 1 && seen !== undefined && now !== undefined) checkKept(seen, now, told)
      seen = now
      told = 0
      batches = 0
    },
    stop: () => {
      for (const stop of stops) stop()
    },
  }
}

/** What did not change is the same object, and nobody is told of it. */
function checkKept(seen: readonly Data[], now: readonly Data[], told: number): void {
  const same = JSON.stringify(seen) === JSON.stringify(now)
  expect(now === seen).toBe(same)
  expect(told > 0).toBe(!same)
  const old = new Map(seen.map((doc) => [doc['id'], doc]))
  for (const doc of now) {
    const before = old.get(doc['id'])
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(doc)) expect(doc).toBe(before)
  }
}

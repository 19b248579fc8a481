/** As of any record number, a database answers as one that has replayed the record up to there. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldEntries } from '../src/replica/count.ts'
import { entryRows } from '../src/replica/history.ts'
import { absentHead, documentOf } from '../src/document/head.ts'
import { headsAt } from '../src/database/past-documents.ts'
import { pastSource } from '../src/database/source.ts'
import { makeSpace, noRules } from '../src/database/space.ts'
import { firstDocument } from '../src/store/rows.ts'
import { replicaOf } from '../src/engine.ts'
import type { Collection, CollectionView, Database, JsonObject } from '../src/index.ts'
import { found, joined, storeOf, untyped, type Data, type StoreName } from './engine-world.ts'
import { filter, type RawFilter } from './query-generators.ts'
import { pool, step, take, type Step } from './live-world.ts'

/** What the record up to `record` makes of a collection, entry by entry from its beginning, by id. */
async function replayed(database: Database, record: number): Promise<readonly JsonObject[]> {
  const { store, reader, compare, collection } = bound(database)
  const docs: JsonObject[] = []
  const things = collection(database.collection<Data>('things'))
  if (things === undefined) return docs
  for (const row of await store.scan(things, firstDocument(things), 10_000)) {
    const entries = await reader.read(await entryRows(store, row.no, 0, record + 1))
    const head = foldEntries(absentHead, entries, compare)
    if (head.state.status !== 'absent') docs.push(documentOf(head))
  }
  return docs
}

/** The same from a collection that is too large to hold. */
async function unheld(database: Database, record: number): Promise<readonly unknown[]> {
  const space = makeSpace(replicaOf(database), 'things', noRules)
  const source = pastSource(space, await headsAt(space, record), true)
  const docs: JsonObject[] = []
  for await (const page of source.scan({})) docs.push(...page.map(({ doc }) => doc))
  return docs.toSorted(byId)
}

function byId(one: JsonObject, other: JsonObject): number {
  return JSON.stringify(one['id']) < JSON.stringify(other['id']) ? -1 : 1
}

function bound(database: Database) {
  const replica = replicaOf(database)
  return {
    store: replica.store,
    reader: replica.reader,
    compare: replica.compare,
    collection: ({ name }: Collection<Data>) => replica.state.collections.find((each) => each.name === name)?.no,
  }
}

async function answers(
  things: Pick<CollectionView<Data>, 'find' | 'get'>,
  asked: RawFilter,
  id: string,
): Promise<unknown> {
  const query = things.find(untyped(asked))
  return {
    all: await query.sort({ id: 1 }).toArray(),
    deleted: await things.find().includeDeleted().sort({ id: 1 }).toArray(),
    first: await query.sort({ a: -1, b: 1 }).limit(3).toArray(),
    page: (await query.sort({ b: 1 }).limit(4).page()).items,
    count: await query.count(),
    groups: await query.group(['b'], { count: { count: true }, highest: { max: 'a' } }),
    byId: await things
      .find({ id: { $in: [id, 'd07'] } })
      .sort({ id: 1 })
      .toArray(),
    one: await things.get(id),
  }
}

type Run = (
  steps: readonly Step[],
  asked: readonly RawFilter[],
  points: readonly number[],
  ids: readonly number[],
) => Promise<void>

async function runner(store: StoreName): Promise<Run> {
  const first = await found(await storeOf(store))
  const second = await joined(first.tenant, 'bob', { store: await storeOf(store) })
  const third = await joined(first.tenant, 'cleo')
  let databases = 0
  return async (steps, filters, points, ids) => {
    const name = `db${databases++}`
    const a = await first.tenant.database(name)
    const things = a.collection<Data>('things', { indexes: ['a', 'b'] })
    await things.createMany(pool.slice(20).map((id, i) => ({ id, a: i % 3, b: [i % 5] })))
    const [b, c] = [await second.tenant.database(name), await third.tenant.database(name)]
    await b.sync(a)
    // A copy that only listens is a replay of the record.
    const replays = new Map<number, unknown>()
    const listen = async (): Promise<void> => {
      await c.sync(a)
      const record = replicaOf(c).state.record.length - 1
      const copy = c.collection<Data>('things')
      for (const [i, each] of filters.entries())
        if (!replays.has(record * 10 + i))
          replays.set(record * 10 + i, await answers(copy, each, pool[ids[i] ?? 0] ?? ''))
    }
    await listen()
    for (const [i, each] of steps.entries()) {
      await take([a, b], each)
      await listen()
      // Questions in between leave snapshots from which later ones are worked out.
      if (i % 3 === 0) await check(a, b, points[i % points.length] ?? 0, filters, ids, replays)
    }
    await b.sync(a)
    await listen()
    for (const point of points) await check(a, b, point, filters, ids, replays)
  }
}

async function check(
  a: Database,
  b: Database,
  point: number,
  filters: readonly RawFilter[],
  ids: readonly number[],
  replays: ReadonlyMap<number, unknown>,
): Promise<void> {
  for (const database of [a, b]) {
    const record = Math.floor((point / 100) * replicaOf(database).state.record.length) - 1
    const view = (await database.asOf({ record })).collection<Data>('things')
    const expected = (await replayed(database, record)).toSorted(byId)
    expect(await unheld(database, record)).toEqual(expected)
    for (let twice = 0; twice < 2; twice++) {
      expect(await view.find().includeDeleted().sort({ id: 1 }).toArray()).toEqual(expected)
      for (const [i, each] of filters.entries()) {
        const replay = replays.get(record * 10 + i)
        if (replay !== undefined) expect(await answers(view, each, pool[ids[i] ?? 0] ?? '')).toEqual(replay)
      }
    }
  }
}

const runs = Number(process.env['VARVE_ASOF_RUNS'] ?? 60)

describe.each([
  ['memory', runs],
  ['sqlite', Math.ceil(runs / 10)],
] as const)('on %s', (store, numRuns) => {
  test('G4 as of any record, find, get, count and group answer as a replay of the record up to there', async () => {
    const run = await runner(store)
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.array(filter, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(100), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(39), { minLength: 3, maxLength: 3 }),
        run,
      ),
      { numRuns },
    )
  })
})

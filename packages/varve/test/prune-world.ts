/** What tests of pruning share: a pruned database against a copy that keeps everything. */

import { expect } from 'vitest'
import { replicaOf } from '../src/engine.ts'
import type { Edge } from '../src/replica/edge-mark.ts'
import { entryRows } from '../src/replica/history.ts'
import { firstDocument, pendingPlace, type EntryRow } from '../src/store/rows.ts'
import { decodeHead } from '../src/document/head.ts'
import type { Collection, Database } from '../src/index.ts'
import { coded, contentsOf, failure, gather, type Data } from './engine-world.ts'

export interface Kept {
  readonly id: string
  readonly edge: Edge | null
  readonly rows: readonly EntryRow[]
}

/** Every document of "things" with its edge and all of its recorded entries. */
export async function keptOf(database: Database): Promise<readonly Kept[]> {
  const { store, reader, state } = replicaOf(database)
  const no = state.collections.find(({ name }) => name === 'things')?.no
  const rows = no === undefined ? [] : await store.scan(no, firstDocument(no), 10_000)
  const kept: Kept[] = []
  for (const row of rows) {
    const { id } = decodeHead(row.state ?? '').state
    kept.push({ id, edge: await reader.pruned.edge(row.no), rows: await entryRows(store, row.no, 0, pendingPlace) })
  }
  return kept
}

export const versionsGone = (kept: readonly Kept[]): number => kept.reduce((sum, { edge }) => sum + (edge?.ov ?? 0), 0)

/** At or above its edges `pruned` answers as `whole`, below with `PRUNED`; `points` are record numbers to look at. */
export async function expectKept(pruned: Database, whole: Database, points: readonly number[] = []): Promise<void> {
  const kept = await keptOf(pruned)
  expect(await contentsOf(pruned)).toEqual(await contentsOf(whole))
  const [here, there] = [pruned.collection<Data>('things'), whole.collection<Data>('things')]
  for (const each of kept) {
    await expectVersions(here, there, each)
    await expectTimes(here, there, each)
  }
  const { length } = replicaOf(pruned).state.record
  for (const point of points) await expectView(pruned, whole, Math.floor((point / 100) * length) - 1, kept)
  expect(await pruned.counters.totals()).toEqual(await whole.counters.totals())
  for (const database of [pruned, whole]) expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
}

function gone({ id, edge }: Kept): Error {
  return coded('PRUNED', { id, ov: edge?.ov, record: edge?.record })
}

/** Around the edge, at both ends, and some in between. */
function isWorthALook({ ov }: { readonly ov: number }, { edge, rows }: Kept): boolean {
  return ov % 8 === 0 || ov > rows.length - 3 || Math.abs(ov - (edge?.ov ?? 0)) < 3
}

async function expectVersions(here: Collection<Data>, there: Collection<Data>, kept: Kept): Promise<void> {
  const { id, edge, rows } = kept
  const first = edge?.ov ?? 0
  for (const { ov } of rows.filter((row) => isWorthALook(row, kept))) {
    if (ov >= first) expect(await here.getVersion(id, ov)).toEqual(await there.getVersion(id, ov))
    else expect(await failure(() => here.getVersion(id, ov))).toEqual(gone(kept))
  }
  const last = rows.length - 1
  for (const from of [0, first, last]) {
    const expected = (await gather(there.history(id, { from }))).filter(({ ov }) => ov >= first)
    const [start, ...rest] = await gather(here.history(id, { from }))
    expect(rest).toEqual(expected.slice(1))
    const { paths, ...same } = expected[0] ?? { paths: [] }
    if (edge === null || from > first) expect(start).toEqual(expected[0])
    else expect(start).toEqual({ ...same, edge: true, paths: expect.arrayContaining([]) })
    expect(paths).toBeDefined()
  }
  expect(await here.diff(id, first, last)).toEqual(await there.diff(id, first, last))
  if (first === 0) return
  if (first > 1) expect(await failure(() => gather(here.history(id, { from: first - 1 })))).toEqual(gone(kept))
  expect(await failure(() => here.diff(id, first - 1, last))).toEqual(gone(kept))
  expect(await failure(() => here.restore(id, { ov: first - 1 }))).toEqual(gone(kept))
}

async function expectTimes(here: Collection<Data>, there: Collection<Data>, kept: Kept): Promise<void> {
  const { id, edge } = kept
  const versions = (await gather(there.history(id))).filter((version) => isWorthALook(version, kept))
  for (const time of ['recorded', 'authored'] as const) {
    for (const version of versions) {
      const at = new Date((time === 'recorded' ? version.recordedAt : version.at) ?? version.at)
      for (const ms of [at.getTime() - 1, at.getTime()]) {
        const expected = await there.getAsOf(id, new Date(ms), { time })
        const answer = await here.getAsOf(id, new Date(ms), { time }).catch((error: unknown) => error)
        const below = edge !== null && expected !== null && expected._system.ov < edge.ov
        if (below) expect(answer).toEqual(gone(kept))
        else expect(answer).toEqual(expected)
      }
    }
  }
}

async function expectView(pruned: Database, whole: Database, record: number, kept: readonly Kept[]): Promise<void> {
  const [here, there] = [await pruned.asOf({ record }), await whole.asOf({ record })]
  const [view, other] = [here.collection<Data>('things'), there.collection<Data>('things')]
  const isGone = ({ edge, rows }: Kept): boolean => {
    const last = rows.findLast(({ place }) => place <= record)
    return edge !== null && last !== undefined && last.ov < edge.ov
  }
  const answer = view.find().includeDeleted().sort({ id: 1 }).toArray()
  if (kept.some(isGone)) expect(await failure(() => answer)).toEqual(coded('PRUNED'))
  else expect(await answer).toEqual(await other.find().includeDeleted().sort({ id: 1 }).toArray())
  for (const each of kept) {
    if (isGone(each)) expect(await failure(() => view.get(each.id))).toEqual(gone(each))
    else expect(await view.get(each.id)).toEqual(await other.get(each.id))
  }
  expect(await pruned.counters.totals({ at: { record } })).toEqual(await whole.counters.totals({ at: { record } }))
}

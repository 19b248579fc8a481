/** A copy of a recorder on its own device, as a hub makes one when it moves a placement. */

import { expect } from 'vitest'
import {
  adoptIndexes,
  copyPruned,
  Database,
  decodeHead,
  ingest,
  isLaidOutAs,
  layOut,
  memory,
  Replica,
  replicaOf,
  summaryOf,
  toHex,
  unitsFor,
  verifyReplica,
  type StoreProvider,
} from '../src/engine.ts'
import { entryRows } from '../src/replica/history.ts'
import { recordTree } from '../src/replica/tree.ts'
import { firstDocument } from '../src/store/rows.ts'
import { counterRows } from '../src/counters/names.ts'

/** The copy, brought up to the original; nothing of it is checked yet. */
export async function copyOf(original: Database, provider: StoreProvider = memory()): Promise<Replica> {
  const from = replicaOf(original)
  const store = await provider.open(toHex(from.context.id), { pageKey: null })
  const to = await Replica.open({ ...from.context, store })
  if (from.reader.pruned.any) expect(await copyPruned(from, to)).toBe(true)
  else await layOut(from, to)
  await follow(from, to)
  return to
}

export async function follow(from: Replica, to: Replica): Promise<void> {
  await from.sign()
  for await (const unit of unitsFor(from, summaryOf(to))) await ingest(to, unit)
  await adoptIndexes(from, to)
}

/** The copy as a database that can be read. */
export function readable(copy: Replica, tenant: string): Database {
  const never = (): never => {
    throw new Error('a copy syncs with nobody')
  }
  return new Database(copy, { id: tenant, beforeSync: never, syncOver: never })
}

/** Log, numbers, edges and counts are the same, and the copy is sound. */
export async function expectSame(from: Replica, to: Replica): Promise<void> {
  expect(await verifyReplica(to)).toMatchObject({ ok: true, problems: [] })
  expect(plain(await logOf(to))).toEqual(plain(await logOf(from)))
  expect(plain(await documentsOf(to))).toEqual(plain(await documentsOf(from)))
  expect(to.state.totals).toEqual(from.state.totals)
  expect(await isLaidOutAs(from, to)).toBe(true)
  expect(await to.store.values(counterRows)).toEqual(await from.store.values(counterRows))
  const [there, here] = [await to.store.stats(), await from.store.stats()]
  expect([there.bodyBytes, there.indexRows, there.entries]).toEqual([here.bodyBytes, here.indexRows, here.entries])
}

/** Bytes as plain arrays: rows that were just written come from memory, and Node's own kind of bytes is another type there. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (Array.isArray(value)) return value.map((each: unknown) => plain(each))
  if (typeof value !== 'object' || value === null || value instanceof Map) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

/** Each copy has local numbers of its own; and of signatures in between, what came in one unit keeps the last. */
const ownOf = { no: 0, feed: 0, commit: 0, signature: null }

async function logOf(replica: Replica): Promise<unknown> {
  const { store, reader, feeds, state } = replica
  const commits = await Promise.all(
    [...feeds.values()].map(async ({ no, id, length }) => ({
      feed: toHex(id),
      length,
      commits: (await store.commits(no, 0, 10_000)).map((row) => ({
        ...row,
        ...ownOf,
        gone: reader.pruned.dropped.has(row.no),
      })),
    })),
  )
  const receipts = (await store.receipts(0, 10_000)).map((row) => ({ ...row, ...ownOf }))
  const sizes = await store.commitHeads((await store.receipts(0, 10_000)).map(({ commit }) => commit))
  return {
    feeds: commits.filter(({ length }) => length > 0).toSorted((a, b) => (a.feed < b.feed ? -1 : 1)),
    receipts,
    sizes: sizes.map((head) => head?.size),
    record: state.record,
    root: await recordTree(replica).root(),
  }
}

async function documentsOf(replica: Replica): Promise<unknown> {
  const found: unknown[] = []
  for (const { no, name, recorded } of replica.state.collections) {
    const rows = await replica.store.scan(no, firstDocument(no), 10_000)
    for (const { no: document, tag, state } of rows) {
      const edge = await replica.reader.pruned.edge(document)
      const versions = (await entryRows(replica.store, document)).map(({ place, index, ov, cv }) => [
        place,
        index,
        ov,
        cv,
      ])
      found.push({
        name,
        recorded,
        tag: toHex(tag),
        state: headOf(state),
        edge: edge === null ? null : { ...edge, order: edge.order.stamp, head: edge.head.state },
        versions,
      })
    }
  }
  return found.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

/** Feeds may have other numbers in a copy. */
function headOf(state: string | null): unknown {
  if (state === null) return null
  const { order, ...head } = decodeHead(state)
  return { ...head, order: order.stamp }
}

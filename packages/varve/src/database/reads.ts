/** Reading single documents: now, at a version, at a time, their history, differences and conflicts. */

import { differences, type Difference } from '../document/diff.ts'
import {
  decodeHead,
  headOv,
  isoTime,
  parseTime,
  systemOf,
  withoutSealed,
  type Doc,
  type Head,
} from '../document/head.ts'
import { toHex } from '../encoding/bytes.ts'
import { stampMs } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { foldEntries } from '../replica/count.ts'
import { prunedBelow } from '../replica/edge-mark.ts'
import { edgeBase } from '../replica/fold-base.ts'
import {
  entryRows,
  foldBelow,
  foldVersion,
  noVersion,
  rowAtRecord,
  steps,
  type HistorySource,
} from '../replica/history.ts'
import type { JsonObject } from '../encoding/json.ts'
import type { Replica } from '../replica/replica.ts'
import { sealedDifferences } from './seal-diff.ts'
import { shownHead, tagOf, type Space } from './space.ts'
import { withTexts } from './text-diff.ts'
import type { Version } from './types.ts'

export function historySource(replica: Replica): HistorySource {
  return { store: replica.store, reader: replica.reader, compare: replica.compare }
}

/** Local number and head of a document; null when nothing of it is stored, or nothing of it can be read. */
export async function findDocument(
  space: Space,
  id: string,
): Promise<{ readonly no: number; readonly head: Head } | null> {
  const [row] = await space.replica.store.documents([tagOf(space, id)])
  if (row === null || row === undefined || row.state === null) return null
  const head = decodeHead(row.state)
  return head.state.status === 'absent' ? null : { no: row.no, head }
}

/** The head of version `ov`; null when there is no such version, or nothing of it can be read. */
export async function headAtVersion(space: Space, id: string, ov: number): Promise<Head | null> {
  const found = await findDocument(space, id)
  if (found === null || !Number.isSafeInteger(ov) || ov < 0 || ov > headOv(found.head)) return null
  const head = await foldVersion(historySource(space.replica), found.no, ov)
  return head === null ? null : visible(head)
}

/** The head as the record was after record number `record`. */
export async function headAtRecord(replica: Replica, document: number, record: number): Promise<Head | null> {
  const row = await rowAtRecord(replica.store, document, record)
  return row === null ? null : visible(await foldBelow(historySource(replica), document, row.place + 1))
}

export async function headAtTime(
  space: Space,
  id: string,
  at: string | Date,
  time: 'recorded' | 'authored',
): Promise<Head | null> {
  const ms = parseTime(at)
  const found = await findDocument(space, id)
  if (found === null) return null
  const { replica } = space
  if (time === 'recorded') {
    const record = await replica.store.recordAt(ms)
    return record === null ? null : headAtRecord(replica, found.no, record)
  }
  return headAuthored(replica, found.no, ms)
}

/** Everything below an edge was authored before the last of it: what was asked for is above, or gone. */
async function headAuthored(replica: Replica, document: number, ms: number): Promise<Head | null> {
  const { reader, store, compare } = replica
  const edge = await reader.pruned.edge(document)
  if (edge !== null && ms < stampMs(edge.order.stamp)) {
    const below = await entryRows(store, document, 0, edge.record + 1)
    const commits = await reader.commits(below.map(({ commit }) => commit))
    if ([...commits.values()].some(({ head }) => stampMs(head.stamp) <= ms)) throw prunedBelow(edge)
    return null
  }
  const { head, place } = edgeBase(edge)
  const entries = await reader.read(await entryRows(store, document, place + 1))
  const before = entries.filter((entry) => entry.authoredAt <= ms)
  return visible(foldEntries(head, before, compare))
}

function visible(head: Head): Head | null {
  return head.state.status === 'absent' ? null : head
}

export async function* history(
  space: Space,
  id: string,
  from: number,
  limit: number,
): AsyncGenerator<Version<JsonObject>> {
  const found = await findDocument(space, id)
  if (found === null) throw new VarveError('NOT_FOUND', `There is no document "${id}" here`, { details: { id } })
  let left = limit
  for await (const { entry, before, after, isEdge } of steps(historySource(space.replica), found.no, from)) {
    if (left-- <= 0) return
    const commit = (await space.replica.reader.commits([entry.row.commit])).get(entry.row.commit)
    const feed = space.replica.feeds.get(entry.order.feed)
    yield {
      ov: headOv(after),
      cv: after.cv,
      at: isoTime(entry.authoredAt),
      recordedAt: commit === undefined || commit.head.at === null ? null : isoTime(commit.head.at),
      actor: entry.entry?.actor ?? null,
      reason: entry.entry?.reason ?? null,
      kind: entry.header.kind,
      paths: changedPaths(before, after),
      doc: after.state.status === 'absent' ? null : docOf(shownHead(space, after)),
      device: feed === undefined ? '' : toHex(feed.publicKey),
      ...(isEdge ? { edge: true } : {}),
    }
  }
}

function changedPaths(before: Head, after: Head): readonly string[] {
  return differences(before.state.data, after.state.data).map(({ path }) => path)
}

export async function diffVersions(space: Space, id: string, a: number, b: number): Promise<readonly Difference[]> {
  const [from, to] = [await headAtVersion(space, id, a), await headAtVersion(space, id, b)]
  if (from === null) throw noVersion(id, a)
  if (to === null) throw noVersion(id, b)
  return withTexts(
    from,
    to,
    sealedDifferences(from, to, (head) => shownHead(space, head)),
  )
}

/** The document of a head as its readers see it; without the values that are still sealed in it. */
export function docOf(head: Head): Doc {
  if (head.state.sealed === true) return docOf(withoutSealed(head))
  return { ...head.state.data, id: head.state.id, _system: systemOf(head) }
}

/** Versions in the order of the record, as counters see them: of a stretch of the log, or of a write under way. */

import { absentHead, documentOf, type Head } from '../document/head.ts'
import { compareBytes } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { EntryKind } from '../log/header.ts'
import { decodeReceipt } from '../log/receipt.ts'
import { rowTags } from '../log/tag.ts'
import { collectionOf, type EntryRow } from '../store/rows.ts'
import type { CountedVersion } from '../counters/count.ts'
import type { CounterOperation } from '../counters/types.ts'
import type { CompareOrder } from './count.ts'
import { prunedBelow } from './edge-mark.ts'
import { entryRows, foldBelow } from './history.ts'
import type { ReadCommit, ReadEntry } from './reader.ts'
import { readAhead } from './refold.ts'
import type { Replica } from './replica.ts'
import { openHead } from './sealed.ts'
import type { ReplicaState } from './state.ts'
import { Walk, type WalkParts } from './walk.ts'
import type { RecordedEntry, WorkingSet } from './working.ts'

const pageReceipts = 256
/** Versions of a stretch that are held at once, beside those of its last commit. */
const pageVersions = 4096

/** A stretch of the record. */
export interface RecordedPage {
  readonly versions: readonly CountedVersion[]
  /** The first record number after it. */
  readonly next: number
}

/** The next versions of the record from `from` on and before `to`; their documents only on request. */
export async function recordedPage(
  replica: Replica,
  from: number,
  to: number,
  withDocuments: boolean,
): Promise<RecordedPage> {
  const { entries, next } = await recordedEntries(replica, from, to)
  const heads = withDocuments ? await headsFromLog(replica, entries) : noHeads
  return { versions: await versionsOf(replica, replica.state, entries, heads), next }
}

/** The versions that a write enters into the record. */
export async function newVersions(
  replica: Replica,
  set: WorkingSet,
  withDocuments: boolean,
): Promise<readonly CountedVersion[]> {
  const heads = withDocuments ? await headsAhead(replica, set) : noHeads
  return versionsOf(replica, set.state, set.recorded, heads)
}

/** What an entry does, unless it creates a document that the record has created before. */
export function plainOperation(kind: EntryKind): CounterOperation {
  if (kind === 'put') return 'CREATE'
  return kind === 'delete' ? 'DELETE' : 'UPDATE'
}

/** The document of a head as its readers see it: null when it is not there or cannot be read. */
export function countedDocument(
  { context }: Replica,
  { collections }: Pick<ReplicaState, 'collections'>,
  document: number,
  head: Head | null,
): Pick<CountedVersion, 'doc' | 'hidden'> {
  if (head === null || head.state.status === 'absent') return { doc: null, hidden: [] }
  const shown = openHead(context, collections[collectionOf(document) - 1]?.name ?? '', head)
  return { doc: documentOf(shown), hidden: shown.hidden ?? [] }
}

type Heads = Map<RecordedEntry, Head | null>
const noHeads: ReadonlyMap<RecordedEntry, Head | null> = new Map()

/** `state` names the collections. */
async function versionsOf(
  replica: Replica,
  state: ReplicaState,
  entries: readonly RecordedEntry[],
  heads: ReadonlyMap<RecordedEntry, Head | null>,
): Promise<readonly CountedVersion[]> {
  const created = new Set<number>()
  const versions: CountedVersion[] = []
  for (const entry of entries) {
    const { row, kind, at } = entry
    const { document, place } = row
    const first = kind === 'put' && !created.has(document)
    // A document is created once: who creates it again, on another device, changes it.
    const again = kind === 'put' && (!first || (row.ov > 0 && (await createdBefore(replica, document, place))))
    if (kind === 'put') created.add(document)
    versions.push({
      operation: again ? 'UPDATE' : plainOperation(kind),
      collection: collectionOf(document),
      at,
      record: place,
      index: row.index,
      ...countedDocument(replica, state, document, heads.get(entry) ?? null),
    })
  }
  return versions
}

/** Whether the record creates the document before a place. */
export async function createdBefore({ store, reader }: Replica, document: number, place: number): Promise<boolean> {
  const rows = await entryRows(store, document, 0, place)
  const commits = await reader.commits(rows.map(({ commit }) => commit))
  return rows.some(({ commit, index }) => commits.get(commit)?.header.entries[index]?.kind === 'put')
}

interface Entries {
  readonly entries: readonly RecordedEntry[]
  readonly next: number
}

async function recordedEntries({ store, reader }: Replica, from: number, to: number): Promise<Entries> {
  const receipts = await store.receipts(from, Math.min(pageReceipts, to - from))
  const commits = await reader.commits(receipts.map(({ commit }) => commit))
  const entries: RecordedEntry[] = []
  let next = from
  for (const { record, commit: no, at, bytes } of receipts) {
    const commit = commits.get(no)
    if (commit === undefined || record !== next) break
    const { refused, ovs, cvs } = decodeReceipt(bytes, commit.header.entries.length)
    if (refused === null) entries.push(...(await entriesOf(store, commit, { record, at, ovs, cvs })))
    next++
    if (entries.length >= pageVersions) break
  }
  if (next === from)
    throw new VarveError('TAMPERED', `Receipt ${from}, or its commit, is missing from the store: run verify`)
  return { entries, next }
}

async function entriesOf(
  store: Replica['store'],
  { head, header }: ReadCommit,
  receipt: {
    readonly record: number
    readonly at: number
    readonly ovs: readonly number[]
    readonly cvs: readonly number[]
  },
): Promise<readonly RecordedEntry[]> {
  const { record, at, ovs } = receipt
  const documents = await store.documents(rowTags(header))
  const cvs = [...receipt.cvs]
  return header.entries.map(({ kind, collection }, index) => {
    const document = documents[index]?.no
    if (document === undefined)
      throw new VarveError('TAMPERED', `A document of commit ${head.no} is missing from the store: run verify`)
    const cv = cvs[collection] ?? 0
    cvs[collection] = cv + 1
    const row: EntryRow = { document, place: record, index, commit: head.no, ov: ovs[index] ?? 0, cv }
    return { row, kind, at, head: null }
  })
}

/** By document, in the order of the record. */
function byDocument(entries: readonly RecordedEntry[]): ReadonlyMap<number, readonly RecordedEntry[]> {
  const groups = new Map<number, RecordedEntry[]>()
  for (const entry of entries) {
    const group = groups.get(entry.row.document)
    if (group === undefined) groups.set(entry.row.document, [entry])
    else group.push(entry)
  }
  return groups
}

async function headsFromLog(replica: Replica, entries: readonly RecordedEntry[]): Promise<Heads> {
  const { store, reader, compare } = replica
  await assertKept(replica, entries)
  const read = await reader.read(entries.map(({ row }) => row))
  const readOf = new Map(entries.map((entry, i) => [entry, read[i]]))
  const heads: Heads = new Map()
  for (const [document, group] of byDocument(entries)) {
    const below = (to: number): Promise<Head> => foldBelow({ store, reader, compare }, document, to)
    const head = await headBefore(group, below)
    const list = group.flatMap((entry) => readOf.get(entry) ?? [])
    await walkAlong({ compare, foldBelow: below, head }, group, list, heads)
  }
  return heads
}

/** Throws `PRUNED` when the documents of these versions, or those before them, are not known any more. */
async function assertKept({ reader }: Replica, entries: readonly RecordedEntry[]): Promise<void> {
  if (!reader.pruned.any) return
  for (const { row } of entries) {
    const edge = row.place < reader.pruned.state.reach ? await reader.pruned.edge(row.document) : null
    if (edge !== null && row.place <= edge.record) throw prunedBelow(edge)
  }
}

/** Heads that the write knows already, and those of documents to which entries came late or out of order. */
async function headsAhead(replica: Replica, set: WorkingSet): Promise<Heads> {
  const { store, reader } = replica
  const compare = orderIn(replica, set)
  const ahead = readAhead({ store, reader, compare }, set)
  const heads: Heads = new Map()
  for (const [document, group] of byDocument(set.recorded)) {
    if (group.every(({ head }) => head !== null)) {
      for (const entry of group) heads.set(entry, entry.head)
      continue
    }
    const reading = ahead(document)
    const below = (to: number): Promise<Head> => reading.headUpTo(to - 1)
    const head = await headBefore(group, below)
    const list = await reading.entries((group[0]?.row.place ?? 0) - 1, group.at(-1)?.row.place ?? 0)
    await walkAlong({ compare, foldBelow: below, head }, group, list, heads)
  }
  return heads
}

async function headBefore(group: readonly RecordedEntry[], below: (to: number) => Promise<Head>): Promise<Head> {
  const first = group[0]?.row
  return first === undefined || first.ov === 0 ? absentHead : below(first.place)
}

async function walkAlong(
  parts: WalkParts,
  group: readonly RecordedEntry[],
  entries: readonly ReadEntry[],
  heads: Heads,
): Promise<void> {
  const walk = new Walk(parts)
  for (const [i, read] of entries.entries()) {
    const head = await walk.add(read)
    const entry = group[i]
    if (entry !== undefined) heads.set(entry, read.entry === null ? null : head)
  }
}

/** Like the replica's own comparison, but knows the feeds this write brings. */
function orderIn({ feeds }: Replica, set: WorkingSet): CompareOrder {
  const id = (no: number): Uint8Array => (set.feeds.get(no) ?? feeds.get(no))?.id ?? new Uint8Array()
  return (a, b) => {
    if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1
    return a.feed === b.feed ? 0 : compareBytes(id(a.feed), id(b.feed))
  }
}

/** Folding documents again inside a write, when an entry arrived late, was refused or became readable. */

import { absentHead, decodeHead, encodeHead, type Head } from '../document/head.ts'
import { limits } from '../limits.ts'
import { collectionOf, pendingPlace, type EntryRow } from '../store/rows.ts'
import { foldEntries } from './count.ts'
import { entryRows, type HistorySource } from './history.ts'
import type { ReadEntry } from './reader.ts'
import type { NewCommit, WorkingDocument, WorkingSet } from './working.ts'

export type NewCommits = ReadonlyMap<number, NewCommit>

/** Recomputes the heads of all documents marked `refold`, from the store and what the write adds. */
export async function refoldMarked(source: RefoldSource, set: WorkingSet): Promise<void> {
  const marked = [...set.documents].filter((document) => document.refold)
  if (marked.length === 0) return
  const taskOf = tasks(source, set)
  for (const document of marked) {
    const { head, lockedBy, collection, snapshots } = await refold(taskOf(document.no), document.no)
    document.head = head
    set.snapshotsAnew.push(...snapshots.map((snapshot) => ({ document: document.no, ...snapshot })))
    learnName(set, document, collection)
    if (source.blind !== true) for (const key of lockedBy) set.locked.push({ key, document: document.no })
    document.touched = true
  }
}

/** A document along the record, as it will be once the write is stored. */
export interface DocumentAhead {
  /** Its head after the entries with place ≤ `last`. */
  headUpTo(last: number): Promise<Head>
  /** Its entries with `after` < place ≤ `last`, in record order. */
  entries(after: number, last: number): Promise<readonly ReadEntry[]>
}

/** Reads documents, by number, from the store and what the write adds. */
export function readAhead(source: RefoldSource, set: WorkingSet): (document: number) => DocumentAhead {
  const taskOf = tasks(source, set)
  return (document) => {
    const task = taskOf(document)
    return {
      headUpTo: async (last) => (await refold(task, document, last)).head,
      entries: (after, last) => readBetween(task, document, after, last),
    }
  }
}

function tasks(source: RefoldSource, set: WorkingSet): (document: number) => Refold {
  const added = new Map<number, EntryRow[]>()
  for (const row of set.entries) {
    const list = added.get(row.document)
    if (list === undefined) added.set(row.document, [row])
    else list.push(row)
  }
  const removed = new Set(set.entriesRemoved.map(rowName))
  const times = new Map(set.verdicts.flatMap(({ commit, at }) => (at === null ? [] : [[commit, at]])))
  return (document) => ({ source, fresh: set.fresh, added: added.get(document) ?? [], removed, times })
}

/** A collection of which nothing could be read has no name until an entry tells it. */
function learnName(set: WorkingSet, document: WorkingDocument, name: string | null): void {
  const collection = set.collection(collectionOf(document.no))
  if (collection.name === null && name !== null) set.setCollection({ ...collection, name })
}

export interface RefoldSource extends HistorySource {
  /** Set when snapshots were made with other keys. */
  readonly ignoreSnapshots?: boolean
  /** Nothing waits for keys here. */
  readonly blind?: boolean
}

interface Refold {
  readonly source: RefoldSource
  readonly fresh: NewCommits
  readonly added: readonly EntryRow[]
  readonly removed: ReadonlySet<string>
  /** Trusted times given to stored commits by this write. */
  readonly times: ReadonlyMap<number, number>
}

/** One less than what stores take for no end. */
const endOfPlaces = Number.MAX_SAFE_INTEGER - 1

interface Refolded {
  readonly head: Head
  readonly lockedBy: ReadonlySet<string>
  readonly collection: string | null
  readonly snapshots: readonly Snapshot[]
}

interface Snapshot {
  readonly place: number
  readonly state: string
}

async function refold(task: Refold, document: number, end = endOfPlaces): Promise<Refolded> {
  let below = Math.min(pendingPlace, end + 1)
  let last = end
  let entries: readonly ReadEntry[] = []
  const newer = new Set<number>()
  for (;;) {
    const snapshot = task.source.ignoreSnapshots === true ? null : await task.source.store.snapshot(document, below)
    const base = snapshot === null ? absentHead : decodeHead(snapshot.state)
    entries = [...(await readBetween(task, document, snapshot?.place ?? -1, last)), ...entries]
    const late =
      snapshot !== null &&
      entries.some(({ order, entry }) => entry !== null && task.source.compare(order, base.order) < 0)
    if (!late) {
      const lockedBy = new Set(entries.flatMap((entry) => entry.lockedBy ?? []))
      const collection = entries.find(({ entry }) => (entry?.collection ?? null) !== null)?.entry?.collection ?? null
      const head = foldEntries(base, entries, task.source.compare)
      return { head, lockedBy, collection, snapshots: missing(base, entries, newer, task.source.compare) }
    }
    newer.add(snapshot.place)
    below = snapshot.place
    last = snapshot.place
  }
}

/**
 * Snapshots that are due above `base` and not there. A document that several devices write is folded again at most
 * writes, which take none: without these, each time would cost its whole history.
 */
function missing(
  base: Head,
  entries: readonly ReadEntry[],
  there: ReadonlySet<number>,
  compare: HistorySource['compare'],
): readonly Snapshot[] {
  return entries.flatMap(({ row: { place } }, i) => {
    const isDue = place < pendingPlace && (base.recorded + i + 1) % limits.snapshotEvery === 0
    if (!isDue || there.has(place)) return []
    return [{ place, state: encodeHead(foldEntries(base, entries.slice(0, i + 1), compare)) }]
  })
}

/** The entries with `after` < place ≤ `last`, in record order. */
async function readBetween(task: Refold, document: number, after: number, last: number): Promise<readonly ReadEntry[]> {
  const stored = (await entryRows(task.source.store, document, after + 1, last + 1)).filter(
    (row) => !task.removed.has(rowName(row)),
  )
  const addedNames = new Set(task.added.map(rowName))
  const rows = [
    ...stored.filter((row) => !addedNames.has(rowName(row))),
    ...task.added.filter((row) => row.place > after && row.place <= last),
  ]
  const old = rows.filter((row) => !task.fresh.has(row.commit))
  const read = [...(await task.source.reader.read(old))]
  for (const row of rows) {
    const made = task.fresh.get(row.commit)
    const body = made?.parts[row.index]
    if (made !== undefined && body !== undefined) read.push(task.source.reader.open(made.commit, row, body))
  }
  return read
    .map((entry) => ({ ...entry, at: task.times.get(entry.row.commit) ?? entry.at }))
    .toSorted((a, b) => a.row.place - b.row.place || a.row.index - b.row.index)
}

function rowName(row: { readonly document: number; readonly place: number; readonly index: number }): string {
  return `${row.document}/${row.place}/${row.index}`
}

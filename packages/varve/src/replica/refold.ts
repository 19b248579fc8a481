/** Folding documents again inside a write, when an entry arrived late, was refused or became readable. */

import { encodeHead, type Head } from '../document/head.ts'
import { limits } from '../limits.ts'
import { collectionOf, pendingPlace, type EntryRow } from '../store/rows.ts'
import { foldEntries } from './count.ts'
import { arrivesBelow } from './edge-mark.ts'
import { noteFiles } from './file-notes.ts'
import { baseBelow, edgeBase } from './fold-base.ts'
import { entryRows, hasLate, type HistorySource, type Kept } from './history.ts'
import type { ReadEntry } from './reader.ts'
import type { NewCommit, WorkingDocument, WorkingSet } from './working.ts'

type NewCommits = ReadonlyMap<number, NewCommit>

/** Recomputes the heads of all documents marked `refold`, from the store and what the write adds. */
export async function refoldMarked(source: RefoldSource, set: WorkingSet): Promise<void> {
  const marked = [...set.documents].filter((document) => document.refold)
  if (marked.length === 0) return
  const taskOf = tasks(source, set)
  for (const document of marked) {
    const { head, lockedBy, collection, snapshots, entries } = await refold(taskOf(document.no), document.no)
    document.head = head
    // Keys have come, and with them perhaps files.
    if (source.ignoreSnapshots === true)
      for (const { entry, row } of entries) noteFiles(set.values, entry?.operations ?? [], row.commit)
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
  /** Everything recorded that is kept of it. */
  kept(): Promise<Kept>
}

/** Reads documents, by number, from the store and what the write adds. */
export function readAhead(source: RefoldSource, set: WorkingSet): (document: number) => DocumentAhead {
  const taskOf = tasks(source, set)
  return (document) => {
    const task = taskOf(document)
    return {
      headUpTo: async (last) => (await refold(task, document, last)).head,
      entries: (after, last) => readBetween(task, document, after, last),
      kept: async () => {
        const { head: base, place } = edgeBase(await source.reader.pruned.edge(document))
        return { base, recorded: await readBetween(task, document, place, pendingPlace - 1) }
      },
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
  /** Those that were read: all of them, unless it began at a snapshot. */
  readonly entries: readonly ReadEntry[]
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
  const { store, reader, compare, ignoreSnapshots } = task.source
  const edge = await reader.pruned.edge(document)
  for (;;) {
    const base = await baseBelow(store, edge, { document, below, snapshots: ignoreSnapshots !== true })
    entries = [...(await readBetween(task, document, base.place, last)), ...entries]
    const late = base.place >= 0 && hasLate(task.source, entries, base.head)
    if (!late) {
      const lockedBy = new Set(entries.flatMap((entry) => entry.lockedBy ?? []))
      if (base.edge?.isLocked === true && base.edge.sealedBy !== null) lockedBy.add(base.edge.sealedBy)
      const collection = entries.find(({ entry }) => (entry?.collection ?? null) !== null)?.entry?.collection ?? null
      const head = foldEntries(base.head, entries, compare)
      return { head, lockedBy, collection, entries, snapshots: missing(base.head, entries, newer, compare) }
    }
    if (base.edge !== null) throw arrivesBelow(base.edge)
    newer.add(base.place)
    below = base.place
    last = base.place
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

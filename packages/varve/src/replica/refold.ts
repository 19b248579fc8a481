/** Folding documents again inside a write, when an entry arrived late, was refused or became readable. */

import { absentHead, decodeHead, type Head } from '../document/head.ts'
import { collectionOf, pendingPlace, type EntryRow } from '../store/rows.ts'
import { foldEntries } from './count.ts'
import { entryRows, type HistorySource } from './history.ts'
import type { ReadCommit, ReadEntry } from './reader.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** A commit of this write, which the store does not hold yet. */
export interface NewCommit {
  readonly commit: ReadCommit
  readonly parts: readonly Uint8Array[]
}

export type NewCommits = ReadonlyMap<number, NewCommit>

/** Recomputes the heads of all documents marked `refold`, from the store and what the write adds. */
export async function refoldMarked(source: RefoldSource, set: WorkingSet, fresh: NewCommits): Promise<void> {
  const marked = [...set.documents].filter((document) => document.refold)
  if (marked.length === 0) return
  const added = new Map<number, EntryRow[]>()
  for (const row of set.entries) {
    const list = added.get(row.document)
    if (list === undefined) added.set(row.document, [row])
    else list.push(row)
  }
  const removed = new Set(set.entriesRemoved.map(rowName))
  const times = new Map(set.verdicts.flatMap(({ commit, at }) => (at === null ? [] : [[commit, at]])))
  for (const document of marked) {
    const { head, lockedBy, collection } = await refold(
      { source, fresh, added: added.get(document.no) ?? [], removed, times },
      document,
    )
    document.head = head
    learnName(set, document, collection)
    if (source.blind !== true) for (const key of lockedBy) set.locked.push({ key, document: document.no })
    document.touched = true
  }
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

async function refold(
  task: Refold,
  document: WorkingDocument,
): Promise<{ readonly head: Head; readonly lockedBy: ReadonlySet<string>; readonly collection: string | null }> {
  let below = pendingPlace
  for (;;) {
    const snapshot = task.source.ignoreSnapshots === true ? null : await task.source.store.snapshot(document.no, below)
    const base = snapshot === null ? absentHead : decodeHead(snapshot.state)
    const entries = await readAfter(task, document.no, snapshot?.place ?? -1)
    const late =
      snapshot !== null &&
      entries.some(({ order, entry }) => entry !== null && task.source.compare(order, base.order) < 0)
    if (!late) {
      const lockedBy = new Set(entries.flatMap((entry) => entry.lockedBy ?? []))
      const collection = entries.find(({ entry }) => (entry?.collection ?? null) !== null)?.entry?.collection ?? null
      return { head: foldEntries(base, entries, task.source.compare), lockedBy, collection }
    }
    below = snapshot.place
  }
}

async function readAfter(task: Refold, document: number, place: number): Promise<readonly ReadEntry[]> {
  const stored = (await entryRows(task.source.store, document, place + 1)).filter(
    (row) => !task.removed.has(rowName(row)),
  )
  const addedNames = new Set(task.added.map(rowName))
  const rows = [
    ...stored.filter((row) => !addedNames.has(rowName(row))),
    ...task.added.filter((row) => row.place > place),
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

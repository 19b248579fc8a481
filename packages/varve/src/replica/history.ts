/** Folding documents from their stored entries: versions, late arrivals, snapshots. */

import { absentHead, type Head } from '../document/head.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { pendingPlace, type EntryRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { foldEntries, type CompareOrder } from './count.ts'
import { arrivesBelow, prunedBelow, type Edge } from './edge-mark.ts'
import { baseBelow, edgeBase } from './fold-base.ts'
import type { EntryReader, ReadEntry } from './reader.ts'
import { Walk } from './walk.ts'

export interface HistorySource {
  readonly store: Store
  readonly reader: EntryReader
  readonly compare: CompareOrder
}

const pageRows = 512
const endOfPlaces = Number.MAX_SAFE_INTEGER

/** Every entry row of a document with `from` ≤ place < `to`, in record order. */
export async function entryRows(
  store: Store,
  document: number,
  from = 0,
  to = endOfPlaces,
): Promise<readonly EntryRow[]> {
  const rows: EntryRow[] = []
  let next = from
  for (;;) {
    const page = await store.entries(document, { from: next, to, limit: pageRows })
    rows.push(...page)
    const last = page.at(-1)
    if (page.length < pageRows || last === undefined) return rows
    // A document has one entry in a commit at most, so a place never spans two pages.
    next = last.place + 1
  }
}

/**
 * The head of a document as of the entries with place below `to`: from the newest snapshot that fits, or the edge below
 * which it was pruned. Throws `PRUNED` when that is above.
 */
export async function foldBelow(source: HistorySource, document: number, to = endOfPlaces): Promise<Head> {
  const { pruned } = source.reader
  let edge = await pruned.edge(document)
  for (;;) {
    try {
      return await foldFrom(source, edge, document, to)
    } catch (error) {
      // Pruned while it was being folded: what is asked for may still be there.
      const now = isVarveError(error, 'PRUNED') ? ((await pruned.storedEdge(document))?.edge ?? null) : null
      if (now === null || now.record === edge?.record) throw error
      edge = now
    }
  }
}

async function foldFrom(source: HistorySource, edge: Edge | null, document: number, to: number): Promise<Head> {
  let below = to
  let entries: readonly ReadEntry[] = []
  for (let end = to; ; end = below + 1) {
    const base = await baseBelow(source.store, edge, { document, below })
    entries = [...(await source.reader.read(await entryRows(source.store, document, base.place + 1, end))), ...entries]
    const late = base.place >= 0 && hasLate(source, entries, base.head)
    if (!late) return foldEntries(base.head, entries, source.compare)
    if (base.edge !== null) throw arrivesBelow(base.edge)
    // An entry that belongs in time before the snapshot's last one needs an older snapshot.
    below = base.place
  }
}

/** Whether one of the entries belongs in time before the last one of a head. */
export function hasLate(
  { compare }: Pick<HistorySource, 'compare'>,
  entries: readonly ReadEntry[],
  head: Head,
): boolean {
  return entries.some(({ order, entry }) => entry !== null && compare(order, head.order) < 0)
}

/** The row of recorded version `ov`, found by bisection over places; null when there is none. */
export async function rowOfVersion(store: Store, document: number, ov: number): Promise<EntryRow | null> {
  const row = await bisect(store, document, (candidate) => candidate.ov - ov)
  return row?.ov === ov ? row : null
}

/**
 * The head of version `ov`; null when there is none. Pending versions follow the recorded ones in time order. Throws
 * `PRUNED`.
 */
export async function foldVersion(source: HistorySource, document: number, ov: number): Promise<Head | null> {
  const row = await rowOfVersion(source.store, document, ov)
  if (row !== null) return foldBelow(source, document, row.place + 1)
  const parts = await pendingOf(source, document)
  const count = ov - parts.length + 1
  return count < 1 || count > parts.pending.length ? null : foldPending(source, parts, parts.pending.slice(0, count))
}

interface Parts extends Kept {
  /** Recorded versions, those that were pruned included. */
  readonly length: number
  /** By stamp and feed, whatever order they arrived in. */
  readonly pending: readonly ReadEntry[]
}

/** Everything recorded that is kept of a document. */
export interface Kept {
  /** Absent, or what the document was at its edge. */
  readonly base: Head
  /** The entries after that. */
  readonly recorded: readonly ReadEntry[]
}

/** The recorded entries of a document, from its edge on. */
export async function keptEntries({ store, reader }: HistorySource, document: number): Promise<Kept> {
  const { head: base, place } = edgeBase(await reader.pruned.edge(document))
  return { base, recorded: await reader.read(await entryRows(store, document, place + 1, pendingPlace)) }
}

/** All entries of a document; read only where there are pending ones, which are few. */
async function pendingOf(source: HistorySource, document: number): Promise<Parts> {
  const pending = await source.reader.read(await entryRows(source.store, document, pendingPlace))
  if (pending.length === 0) return { base: absentHead, recorded: [], length: 0, pending }
  const kept = await keptEntries(source, document)
  const length = kept.base.recorded + kept.recorded.length
  return { ...kept, length, pending: pending.toSorted((a, b) => source.compare(a.order, b.order)) }
}

function foldPending(source: HistorySource, { base, recorded }: Kept, pending: readonly ReadEntry[]): Head {
  return foldEntries(base, [...recorded, ...pending], source.compare)
}

/**
 * The last recorded row whose `measure`, growing along the record, is at most zero. Guesses by proportion and
 * by halves in turn: a few reads where versions are spread evenly, a logarithm of them at worst.
 */
async function bisect(store: Store, document: number, measure: (row: EntryRow) => number): Promise<EntryRow | null> {
  const [first] = await store.entries(document, { from: 0, to: pendingPlace, limit: 1 })
  const [last] = await store.entries(document, { from: 0, to: pendingPlace, limit: 1, reverse: true })
  if (first === undefined || last === undefined || measure(last) <= 0) return last ?? null
  if (measure(first) > 0) return null
  let low = first
  let high = last
  for (let turn = 0; low.ov + 1 < high.ov; turn++) {
    const share = turn % 2 === 1 ? 0.5 : -measure(low) / (measure(high) - measure(low))
    const guess = Math.min(
      high.place - 1,
      Math.max(low.place + 1, Math.round(low.place + share * (high.place - low.place))),
    )
    const [found] = await store.entries(document, { from: low.place + 1, to: guess + 1, limit: 1, reverse: true })
    const probe = found ?? (await store.entries(document, { from: guess + 1, to: high.place, limit: 1 }))[0]
    if (probe === undefined) return low
    if (measure(probe) > 0) high = probe
    else low = probe
  }
  return low
}

/** The last row at or before a record number. */
export async function rowAtRecord(store: Store, document: number, record: number): Promise<EntryRow | null> {
  const [row] = await store.entries(document, { from: 0, to: record + 1, limit: 1, reverse: true })
  return row ?? null
}

/** The last row whose collection version is at most `cv`. */
export async function rowAtCv(store: Store, document: number, cv: number): Promise<EntryRow | null> {
  return bisect(store, document, (row) => row.cv - cv)
}

/** One step of a history: the entry and the document right after it. */
export interface HistoryStep {
  readonly entry: ReadEntry
  readonly before: Head
  readonly after: Head
  /** True for the first that is kept of a document whose past was pruned: what was before is not known. */
  readonly isEdge: boolean
}

/**
 * The versions of a document from `from` on, oldest first, each with the state it made; pending ones last. From 0 they
 * begin at the edge of a document that was pruned; throws `PRUNED` for another version below it.
 */
export async function* steps(source: HistorySource, document: number, from: number): AsyncGenerator<HistoryStep> {
  const edge = await source.reader.pruned.edge(document)
  if (edge !== null && from > 0 && from < edge.ov) throw prunedBelow(edge)
  if (edge !== null && from <= edge.ov) {
    const row = await rowOfVersion(source.store, document, edge.ov)
    for (const entry of await source.reader.read(row === null ? [] : [row]))
      yield { entry, before: absentHead, after: edge.head, isEdge: true }
    yield* recordedSteps(source, document, row)
  } else {
    const start = from === 0 ? null : await rowOfVersion(source.store, document, from - 1)
    if (from === 0 || start !== null) yield* recordedSteps(source, document, start)
  }
  yield* pendingSteps(source, document, from)
}

async function* pendingSteps(source: HistorySource, document: number, from: number): AsyncGenerator<HistoryStep> {
  const parts = await pendingOf(source, document)
  for (const [i, entry] of parts.pending.entries()) {
    if (parts.length + i < from) continue
    const before = foldPending(source, parts, parts.pending.slice(0, i))
    yield { entry, before, after: foldPending(source, parts, parts.pending.slice(0, i + 1)), isEdge: false }
  }
}

async function* recordedSteps(
  source: HistorySource,
  document: number,
  start: EntryRow | null,
): AsyncGenerator<HistoryStep> {
  const walk = new Walk({
    compare: source.compare,
    foldBelow: (to) => foldBelow(source, document, to),
    head: start === null ? absentHead : await foldBelow(source, document, start.place + 1),
  })
  let next = start === null ? 0 : start.place + 1
  for (;;) {
    const rows = await source.store.entries(document, { from: next, to: pendingPlace, limit: 64 })
    for (const entry of await source.reader.read(rows)) {
      const before = walk.head
      yield { entry, before, after: await walk.add(entry), isEdge: false }
    }
    const last = rows.at(-1)
    if (last === undefined) return
    next = last.place + 1
  }
}

/** Throws `NOT_FOUND` naming the version. */
export function noVersion(id: string, ov: number): VarveError {
  return new VarveError('NOT_FOUND', `"${id}" has no version ${ov}: history(id) lists the versions it has`, {
    details: { id, ov },
  })
}

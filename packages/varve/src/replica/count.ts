/** From entries to heads: the fold in time order together with versions and times in record order. */

import type { Head, Order } from '../document/head.ts'
import { foldEntry, type DocumentState, type FoldEntry } from '../document/fold.ts'
import { pendingPlace } from '../store/rows.ts'
import type { ReadEntry } from './reader.ts'

/** Negative when `a` is before `b` in time order. */
export type CompareOrder = (a: Order, b: Order) => number

/** What the counting part of a head needs to know of one more entry. */
export interface Counted {
  /** Record number, or at least `pendingPlace`. */
  readonly place: number
  readonly cv: number
  readonly at: number
}

/** `head` with one more entry counted, which must be the last in record order. */
export function countEntry(head: Head, entry: Counted): Head {
  const { cv, at } = entry
  const first = head.recorded + head.pending === 0
  if (entry.place < pendingPlace) {
    return { ...head, recorded: head.recorded + 1, cv, insertedAt: first ? at : head.insertedAt, updatedAt: at }
  }
  // Pending entries stand in the order of their arrival, which must not show: they count by their authored times,
  // and have no collection version yet.
  return {
    ...head,
    pending: head.pending + 1,
    insertedAt: first || (head.recorded === 0 && at < head.insertedAt) ? at : head.insertedAt,
    updatedAt: first || at > head.updatedAt ? at : head.updatedAt,
  }
}

/** `head` with one more entry folded, which must be the last in time order. */
export function foldInto(head: Head, entry: FoldEntry, at: number, order: Order, key: string | null): Head {
  const state = foldEntry(head.state, entry)
  return { ...head, ...fateOf(head, state, at), order, key: head.state.status === 'absent' ? key : head.key }
}

function fateOf(head: Head, state: DocumentState, at: number): Pick<Head, 'state' | 'deletedAt'> {
  if (state.status !== 'deleted') return { state, deletedAt: null }
  return { state, deletedAt: head.state.status === 'deleted' ? head.deletedAt : at }
}

/**
 * The head after `entries`, given in record order, on top of `base`, whose entries must all be before
 * them in both orders. Locked entries count but do not fold.
 */
export function foldEntries(base: Head, entries: readonly ReadEntry[], compare: CompareOrder): Head {
  let head = base
  for (const entry of entries) head = countEntry(head, { place: entry.row.place, cv: entry.row.cv, at: entry.at })
  const inTime = isSorted(entries, compare) ? entries : [...entries].toSorted((a, b) => compare(a.order, b.order))
  for (const { entry, at, order, key } of inTime) if (entry !== null) head = foldInto(head, entry, at, order, key)
  return head
}

function isSorted(entries: readonly ReadEntry[], compare: CompareOrder): boolean {
  for (let i = 1; i < entries.length; i++) {
    const [a, b] = [entries[i - 1], entries[i]]
    if (a !== undefined && b !== undefined && compare(a.order, b.order) > 0) return false
  }
  return true
}

/** What a fold begins with: nothing, a snapshot, or the edge below which a document was pruned. */

import { absentHead, decodeHead, type Head } from '../document/head.ts'
import type { Store } from '../store/store.ts'
import { prunedBelow, type Edge } from './edge-mark.ts'

export interface FoldBase {
  /** The fold of every entry up to `place`. */
  readonly head: Head
  /** Place of its last entry; −1 when it has none. */
  readonly place: number
  /** True for a snapshot: what belongs in time before its last entry needs an older base. */
  readonly isSnapshot: boolean
  /** Set when it is the edge of a pruned document. */
  readonly edge: Edge | null
}

const nothing: FoldBase = { head: absentHead, place: -1, isSnapshot: false, edge: null }

/**
 * The nearest base for the entries with place below `below`; without snapshots the edge or nothing. Throws `PRUNED` when
 * there are entries, and the last of them lies below the edge.
 */
export async function baseBelow(
  store: Pick<Store, 'snapshot' | 'entries'>,
  edge: Edge | null,
  { document, below, snapshots = true }: { document: number; below: number; snapshots?: boolean },
): Promise<FoldBase> {
  if (edge !== null && below <= edge.record) {
    const [first] = await store.entries(document, { from: 0, to: below, limit: 1 })
    if (first !== undefined) throw prunedBelow(edge)
    return nothing
  }
  const snapshot = snapshots ? await store.snapshot(document, below) : null
  // Those below an edge are emptied when it is made.
  if (snapshot !== null && snapshot.place > (edge?.record ?? -1))
    return { head: decodeHead(snapshot.state), place: snapshot.place, isSnapshot: true, edge: null }
  return edgeBase(edge)
}

/** Everything that is kept of a document comes after this. */
export function edgeBase(edge: Edge | null): FoldBase {
  return edge === null ? nothing : { head: edge.head, place: edge.record, isSnapshot: false, edge }
}

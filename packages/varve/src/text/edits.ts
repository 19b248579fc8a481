/** Edits of a Yjs document that are not written yet, and the update that holds them and nothing else. */

import * as Y from 'yjs'
import { concat } from '../encoding/bytes.ts'

type DeleteSet = Y.Transaction['deleteSet']

/** What a write has taken, to be given back when it fails. */
export interface Taken {
  readonly update: Uint8Array
  readonly starts: ReadonlyMap<number, number>
  readonly deleted: DeleteSet
}

/**
 * Notes where new content begins, client by client, and what was deleted. An update is made only when it is wanted: then
 * what was typed one by one is one piece, and what was deleted again is not in it.
 */
export class Edits {
  #starts = new Map<number, number>()
  #deleted: DeleteSet[] = []
  #count = 0

  /** Transactions noted. */
  get count(): number {
    return this.#count
  }

  note({ beforeState, afterState, deleteSet }: Y.Transaction): void {
    let changed = deleteSet.clients.size > 0
    if (changed) this.#deleted.push(deleteSet)
    for (const [client, clock] of afterState) {
      const before = beforeState.get(client) ?? 0
      if (before >= clock) continue
      changed = true
      this.#begin(client, before)
    }
    if (changed) this.#count++
  }

  /** Everything of `doc` that `other` does not have; gives whether there is anything new. */
  noteMissing(doc: Y.Doc, other: Y.Doc): boolean {
    const there = statesOf(other)
    let missing = false
    for (const [client, clock] of statesOf(doc)) {
      const known = there.get(client) ?? 0
      if (known >= clock) continue
      missing = true
      this.#begin(client, known)
    }
    if (!missing) return false
    this.#deleted.push(Y.createDeleteSetFromStructStore(doc.store))
    this.#count++
    return true
  }

  /** The update of everything noted, which is noted no longer; null when there is nothing. */
  take(doc: Y.Doc): Taken | null {
    if (this.#count === 0) return null
    const starts = this.#starts
    const deleted = Y.mergeDeleteSets(this.#deleted)
    this.#starts = new Map()
    this.#deleted = []
    this.#count = 0
    return { update: updateSince(doc, starts, deleted), starts, deleted }
  }

  giveBack({ starts, deleted }: Taken): void {
    for (const [client, clock] of starts) this.#begin(client, clock)
    this.#deleted.push(deleted)
    this.#count++
  }

  #begin(client: number, clock: number): void {
    this.#starts.set(client, Math.min(clock, this.#starts.get(client) ?? clock))
  }
}

function statesOf(doc: Y.Doc): Map<number, number> {
  return Y.decodeStateVector(Y.encodeStateVector(doc))
}

/** Yjs would write every deletion there ever was: they are the end of an update, and others are put in their place. */
function updateSince(doc: Y.Doc, starts: ReadonlyMap<number, number>, deleted: DeleteSet): Uint8Array {
  const from = statesOf(doc)
  for (const [client, clock] of starts) from.set(client, clock)
  const whole = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(from))
  // What waits for something else is merged in, and then the end is not what it seems.
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) return whole
  const every = deletions(Y.createDeleteSetFromStructStore(doc.store))
  return concat(whole.subarray(0, whole.length - every.length), deletions(deleted))
}

/** As they stand at the end of an update: a snapshot of no content has one byte more. */
function deletions(set: DeleteSet): Uint8Array {
  return Y.encodeSnapshot(Y.createSnapshot(set, new Map())).subarray(0, -1)
}

/** Collections of the past that were asked for, kept as long as there is room: a question asked again costs what it does now. */

import { takingTurns } from '../env/pause.ts'
import { limits } from '../limits.ts'
import type { Replica } from '../replica/replica.ts'
import { PastCollection } from './past-collection.ts'
import { nothing, pastAfter, pastBefore, type PastDocuments } from './past-documents.ts'
import { usableIndexes } from './seal-query.ts'
import type { Space } from './space.ts'

/** How much longer going back by a record takes than going on by one: every document is folded for itself. */
const backwards = 4

/** What it takes to remember that a collection is too large. */
const slotBytes = 256

const caches = new WeakMap<Replica, PastCache>()

/** The collection right after `record`; null when it is too large to hold. */
export function pastCollection(space: Space, record: number): Promise<PastCollection | null> {
  return cacheOf(space.replica).get(space, record)
}

/** The same when it is at hand. */
export function heldPast(space: Space, record: number): PastCollection | null {
  return cacheOf(space.replica).held(space, record)
}

function cacheOf(replica: Replica): PastCache {
  const known = caches.get(replica)
  if (known !== undefined) return known
  const made = new PastCache(replica, limits.pastBytes)
  caches.set(replica, made)
  return made
}

interface Slot {
  readonly collection: string
  readonly made: Promise<PastCollection | null>
  /** Undefined until it is made, null when it is too large. */
  past: PastCollection | null | undefined
}

export class PastCache {
  readonly #replica: Replica
  readonly #limit: number
  /** The least recently used first. */
  readonly #slots = new Map<string, Slot>()
  /** Of which keys the slots were read with. */
  #readable: number
  /** One is made at a time: each may take all the memory there is, and the next one goes on from it. */
  #making: Promise<unknown> = Promise.resolve()

  /** `limit`: bytes of memory, about. */
  constructor(replica: Replica, limit: number) {
    this.#replica = replica
    this.#limit = limit
    this.#readable = replica.readable
  }

  held(space: Space, record: number): PastCollection | null {
    this.#refresh()
    return this.#use(slotName(space, record))?.past ?? null
  }

  get(space: Space, record: number): Promise<PastCollection | null> {
    this.#refresh()
    const name = slotName(space, record)
    const known = this.#use(name)
    if (known !== undefined) return known.made
    const slot: Slot = {
      collection: space.name,
      made: this.#making.then(() => this.#make(space, record)),
      past: undefined,
    }
    this.#slots.set(name, slot)
    this.#making = slot.made.then(
      (past) => this.#keep(name, slot, past),
      // Whoever asked hears why.
      () => this.#drop(name, slot),
    )
    return slot.made
  }

  /** What was read with other keys is not what would be read now. */
  #refresh(): void {
    if (this.#readable === this.#replica.readable) return
    this.#readable = this.#replica.readable
    this.#slots.clear()
  }

  #use(name: string): Slot | undefined {
    const slot = this.#slots.get(name)
    if (slot === undefined) return undefined
    this.#slots.delete(name)
    this.#slots.set(name, slot)
    return slot
  }

  async #make(space: Space, record: number): Promise<PastCollection | null> {
    const documents = await pastDocuments(space, record, this.#bases(space.name), this.#limit)
    if (documents === null) return null
    const turn = takingTurns(this.#replica.context.env)
    const past = new PastCollection(space, documents)
    // At once: the next question is to find them.
    for (const index of usableIndexes(space)) {
      await turn()
      past.infos([index])
    }
    return past.bytes > this.#limit ? null : past
  }

  #bases(collection: string): readonly PastDocuments[] {
    return [...this.#slots.values()].flatMap((slot) =>
      slot.collection === collection && slot.past instanceof PastCollection ? [slot.past.documents] : [],
    )
  }

  #keep(name: string, slot: Slot, past: PastCollection | null): void {
    this.#refresh()
    if (this.#slots.get(name) !== slot) return
    slot.past = past
    let bytes = 0
    for (const each of this.#slots.values()) bytes += bytesOf(each)
    for (const [oldest, other] of this.#slots) {
      if (bytes <= this.#limit) return
      if (other === slot || other.past === undefined) continue
      bytes -= bytesOf(other)
      this.#drop(oldest, other)
    }
  }

  #drop(name: string, slot: Slot): void {
    if (this.#slots.get(name) === slot) this.#slots.delete(name)
  }
}

function bytesOf({ past }: Slot): number {
  return past?.bytes ?? slotBytes
}

function slotName(space: Space, record: number): string {
  return `${record}/${space.name}`
}

/** From whatever is nearest: now, the beginning, or another record. */
function pastDocuments(
  space: Space,
  record: number,
  bases: readonly PastDocuments[],
  limit: number,
): Promise<PastDocuments | null> {
  let best: PastDocuments | null = null
  let cost = (space.replica.state.record.length - 1 - record) * backwards
  const { pruned } = space.replica.reader
  for (const base of [nothing, ...bases]) {
    // Going on from it would read what is gone, where going back finds the edge.
    if (pruned.any && base.record < record) continue
    const distance = record - base.record
    const each = distance < 0 ? -distance * backwards : distance
    if (each > cost) continue
    best = base
    cost = each
  }
  return best === null || best.record > record
    ? pastBefore(space, best, record, limit)
    : pastAfter(space, best, record, limit)
}

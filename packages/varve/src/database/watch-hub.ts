/** Who watches a replica: live queries by collection, each told of every write with the documents it changed. */

import { documentOf, type Head } from '../document/head.ts'
import type { JsonObject } from '../encoding/json.ts'
import type { Logger } from '../env/env.ts'
import type { VarveError } from '../errors.ts'
import type { DocumentChange } from '../replica/changes.ts'
import type { Replica } from '../replica/replica.ts'
import { collectionOf } from '../store/rows.ts'
import { askedHead, usableIndexes } from './seal-query.ts'
import { shown } from './source.ts'
import { tagOf, type Space } from './space.ts'

/** A changed document, made at most once for everyone who wants to see it. */
export class WatchedChange {
  readonly id: string
  /** Local number: its place in the order in which documents are stored. */
  readonly place: number
  readonly #space: Space
  readonly #head: Head
  #doc: JsonObject | null = null

  constructor(space: Space, { document, before, after }: DocumentChange) {
    this.#space = space
    this.id = after.state.status === 'absent' ? before.state.id : after.state.id
    this.place = document
    this.#head = after
  }

  /** As a query that asks for these paths sees it; null when it does not. Throws `KEY_MISSING` when one of them is sealed. */
  seen(includeDeleted: boolean, asked: readonly string[]): JsonObject | null {
    if (shown(this.#head, includeDeleted) === null) return null
    // Whether it may be seen depends on what is asked for.
    const head = askedHead(this.#space, this.#head, asked)
    this.#doc ??= documentOf(head)
    return this.#doc
  }
}

/** Somebody who is told of changes. */
export interface Watcher {
  /** Takes over the changes of one write; true when `tell` is to be called once every watcher has done so. */
  changed(changes: readonly WatchedChange[]): boolean
  tell(): void
  /** The indexes of the collection are others. */
  replanned(): void
  /** Nothing comes any more. */
  ended(error: VarveError): void
}

/** What a live query needs of its collection. */
export interface WatchHome {
  /** Returns a function that ends it; throws `CLOSED`. */
  watch(watcher: Watcher): () => void
  /** The place of a document; null when there is none of this id. */
  placeOf(id: string): Promise<number | null>
  /** Runs `work` when every stored write was told. */
  settled(work: () => void): Promise<void>
  readonly log: Logger
}

/** For what never changes: nothing is ever told. */
export function constantHome(space: Space): WatchHome {
  return {
    watch: () => () => undefined,
    placeOf: (id) => placeOf(space, id),
    settled: (work) => Promise.resolve(work()),
    log: space.replica.context.env.log,
  }
}

const hubs = new WeakMap<Replica, Hub>()

export function watchHome(space: Space): WatchHome {
  const { replica } = space
  return {
    watch: (watcher) => {
      const hub = hubs.get(replica) ?? new Hub(replica)
      hubs.set(replica, hub)
      return hub.add(space, watcher)
    },
    placeOf: (id) => placeOf(space, id),
    settled: (work) => replica.exclusive(() => Promise.resolve(work())),
    log: replica.context.env.log,
  }
}

async function placeOf(space: Space, id: string): Promise<number | null> {
  const [row] = await space.replica.store.documents([tagOf(space, id)])
  return row?.no ?? null
}

/** The watchers of one collection. */
class Group {
  readonly watchers = new Set<Watcher>()
  readonly space: Space
  #no: number | null = null
  #indexes: unknown = undefined
  #sealed: unknown = undefined
  /** Numbers of the indexes that queries can use. */
  #usable = ''

  constructor(space: Space) {
    this.space = space
    this.replanned()
  }

  /** Number of the collection; null as long as it has none. */
  get no(): number | null {
    this.#no ??= this.space.replica.collection(this.space.tag)?.no ?? null
    return this.#no
  }

  /** Whether queries can use other indexes than at the last call. */
  replanned(): boolean {
    const collection = this.no === null ? undefined : this.space.replica.state.collections[this.no - 1]
    if (collection?.indexes === this.#indexes && collection?.sealed === this.#sealed) return false
    this.#indexes = collection?.indexes
    this.#sealed = collection?.sealed
    const before = this.#usable
    this.#usable = usableIndexes(this.space)
      .map(({ no }) => no)
      .join()
    return this.#usable !== before
  }
}

class Hub {
  readonly #replica: Replica
  readonly #groups = new Map<string, Group>()
  #stops: readonly (() => void)[] = []

  constructor(replica: Replica) {
    this.#replica = replica
  }

  add(space: Space, watcher: Watcher): () => void {
    if (this.#replica.closed) throw this.#replica.closedError
    if (this.#groups.size === 0) {
      const changes = this.#replica.changes.watch((list) => this.#changed(list))
      this.#stops = [changes, this.#replica.onWrite(() => this.#written())]
    }
    const group = this.#groups.get(space.name) ?? new Group(space)
    this.#groups.set(space.name, group)
    group.watchers.add(watcher)
    return () => {
      if (group.watchers.delete(watcher) && group.watchers.size === 0) this.#remove(space.name)
    }
  }

  #remove(collection: string): void {
    this.#groups.delete(collection)
    if (this.#groups.size === 0) for (const stop of this.#stops) stop()
  }

  /** First every query takes the changes over, then their listeners are told: none sees another one behind. */
  #changed(changes: readonly DocumentChange[]): void {
    const told: Watcher[] = []
    for (const { space, no, watchers } of this.#groups.values()) {
      const part = changes.filter(({ document }) => collectionOf(document) === no)
      if (part.length === 0) continue
      const watched = part.map((change) => new WatchedChange(space, change))
      for (const watcher of watchers) if (watcher.changed(watched)) told.push(watcher)
    }
    for (const watcher of told) watcher.tell()
  }

  #written(): void {
    const ended = this.#replica.closed
    for (const [collection, group] of this.#groups) {
      if (!ended) {
        if (group.replanned()) for (const watcher of group.watchers) watcher.replanned()
        continue
      }
      const watchers = [...group.watchers]
      group.watchers.clear()
      this.#remove(collection)
      for (const watcher of watchers) watcher.ended(this.#replica.closedError)
    }
  }
}

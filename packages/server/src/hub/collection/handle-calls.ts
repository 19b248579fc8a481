/** Where the calls of a handle are made: in this process when it holds the placement or can, else in the one that does. */

import type { Cancellable, Collection, CollectionOptions, Doc, EntityMapping } from 'varve'
import type { Env } from 'varve/engine'
import type { CollectionMap } from '../config/types.ts'
import type { Place } from '../context.ts'
import type { Step } from '../peers/call.ts'
import type { Operation } from '../peers/operation.ts'
import type { Noting } from '../peers/operations.ts'
import type { Peers } from '../peers/peers.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import type { Observed, Placement } from '../placement/placement.ts'
import type { Placements } from '../placement/placements.ts'
import { inDocuments, type Swapping } from './base64/places.ts'
import { withLinks, type LinkOptions } from './base64/read.ts'
import { withFiles, type Naming } from './base64/write.ts'
import { assertKept } from './required.ts'

export interface CallsParts<T> {
  readonly placements: Placements
  readonly env: Env
  readonly place: Place
  readonly name: string
  readonly map: CollectionMap | null
  /** Other processes of the hub that may hold the placement; null for a handle of this process alone. */
  readonly peers: Peers | null
  /** The write that another process asks for with this handle, when it may ask again. */
  readonly operation?: Operation
  /** What the hub itself declares of the collection. */
  readonly options?: CollectionOptions<T>
}

/** What is observed of a placement, for how long at most, and until when anybody wants to know. */
export interface Observing<R> {
  readonly begin: (open: OpenPlacement, end: Observed<R>) => () => void
  /** Milliseconds. */
  readonly waitMs: number
  readonly signal?: AbortSignal
}

export class HandleCalls<T> {
  readonly #parts: CallsParts<T>
  #bound: { readonly open: OpenPlacement; readonly collection: Collection<T> } | null = null

  constructor(parts: CallsParts<T>) {
    this.#parts = parts
  }

  /** Other processes may hold the placement. */
  get isShared(): boolean {
    return this.#parts.peers !== null
  }

  placement(): Placement {
    return this.#parts.placements.get(this.#parts.place)
  }

  /** A call of one method that is made on the collection itself. */
  use<R>(
    method: string,
    args: readonly unknown[],
    work: (collection: Collection<T>, noting: Noting) => Promise<R>,
  ): Promise<R> {
    return this.run([{ method, args }], (open, noting) => work(this.bind(open), noting))
  }

  /** A whole document, or several, with entities inside. */
  write<S, R>(
    method: string,
    args: readonly unknown[],
    data: S,
    options: Cancellable,
    work: (collection: Collection<T>, data: S, more: Naming & Noting) => Promise<R>,
    mappings: readonly EntityMapping[] = [],
  ): Promise<R> {
    return this.run([{ method, args }], (open, noting) => {
      const written = async (given: S, naming: Naming): Promise<R> => {
        await this.#index(open, Array.isArray(given) ? given : [given])
        return work(this.bind(open), given, { ...naming, ...noting })
      }
      return withFiles(open.base64(this.#parts.name, mappings), data, inDocuments, this.bind(open), written, options)
    })
  }

  /** Parts of a document, one or several. */
  change<S, R>(
    method: string,
    args: readonly unknown[],
    change: S,
    swapping: Swapping<S>,
    options: Cancellable,
    work: (collection: Collection<T>, change: S, more: Naming & Noting) => Promise<R>,
  ): Promise<R> {
    return this.run([{ method, args }], (open, noting) => {
      const { map, name } = this.#parts
      const written = async (given: S, naming: Naming): Promise<R> => {
        const parts: readonly unknown[] = Array.isArray(given) ? given : [given]
        for (const part of parts) assertKept(name, map?.requiredIndexed ?? [], part)
        await this.#index(open, parts)
        return work(this.bind(open), given, { ...naming, ...noting })
      }
      return withFiles(open.base64(name), change, swapping, this.bind(open), written, options)
    })
  }

  /** The documents with links, where they are asked for. */
  linked(open: OpenPlacement, docs: readonly Doc<T>[], options: LinkOptions): Promise<Doc<T>[]> {
    return withLinks(this.bind(open), open.base64(this.#parts.name), docs, options)
  }

  /** Runs `work` here where this process holds the placement or can, else the same steps in the process that does. */
  run<R>(steps: readonly Step[], work: (open: OpenPlacement, noting: Noting) => Promise<R>): Promise<R> {
    const { peers, place, name, operation } = this.#parts
    if (peers === null) return this.#here(operation ?? null, work)
    return peers.run(place, { target: { kind: 'collection', name }, steps }, (own) => this.#here(own, work))
  }

  /** Observes the placement where it is held, here or by the same steps elsewhere. */
  observe<R>(steps: readonly Step[], { begin, waitMs, signal }: Observing<R>): Promise<R | null> {
    const { peers, place, name } = this.#parts
    const here = (): Promise<R | null> => this.placement().observe(begin, waitMs)
    if (peers === null) return here()
    return peers.run(place, { target: { kind: 'collection', name }, steps }, here, signal)
  }

  #here<R>(operation: Operation | null, work: (open: OpenPlacement, noting: Noting) => Promise<R>): Promise<R> {
    return this.placement().here((open) =>
      operation === null
        ? work(open, {})
        : open.operations.once(
            operation,
            (noting) => work(open, noting),
            (id, ov) => this.bind(open).receipt(id, ov),
          ),
    )
  }

  async #index(open: OpenPlacement, documents: readonly unknown[]): Promise<void> {
    const { map, name } = this.#parts
    if (map?.indexedProps.length !== 0) return
    const auto = await open.autoIndexes(name)
    const grown = documents.filter((each) => auto?.saw(each) === true)
    if (grown.length > 0) this.#bound = null
  }

  /** The collection in a placement that is open. */
  bind(open: OpenPlacement): Collection<T> {
    if (this.#bound?.open === open) return this.#bound.collection
    const collection = open.collection<T>(this.#parts.name, this.#parts.options)
    this.#bound = { open, collection }
    return collection
  }
}

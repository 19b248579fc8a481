/** A handle of a collection in a placement: the calls of a collection, each made where the placement lies at the time. */

import type {
  Attachment,
  AttachmentOptions,
  AttachOptions,
  Cancellable,
  Collection,
  CollectionOptions,
  Conflict,
  CounterTotals,
  CreateOptions,
  Declared,
  DeepPartial,
  Difference,
  Doc,
  Duplicate,
  EnrichOptions,
  EntityMapping,
  FileContent,
  FileInfo,
  Filter,
  Patch,
  RestoreAllReport,
  RestorePoint,
  Version,
  WriteOptions,
  Written,
} from 'varve'
import type { CollectionMap } from '../config/types.ts'
import type { Place } from '../context.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import type { Placement } from '../placement/placement.ts'
import type { Placements } from '../placement/placements.ts'
import { createOnce } from './create-once.ts'
import {
  readWithEntities,
  saveWithEntities,
  type HubEntityMapping,
  type Neighbour,
  type RecordWithEntities,
  type SavedWithEntities,
} from './entities.ts'
import { HubQuery } from './hub-query.ts'
import { namedPlace } from '../context.ts'
import type { Step } from '../peers/call.ts'
import type { Peers } from '../peers/peers.ts'
import { assertKept } from './required.ts'

export interface HandleParts<T> {
  readonly placements: Placements
  readonly place: Place
  readonly name: string
  readonly map: CollectionMap | null
  readonly neighbour: Neighbour
  /** Other processes of the hub that may hold the placement; null for a handle of this process alone. */
  readonly peers: Peers | null
  /** What the hub itself declares of the collection. */
  readonly options?: CollectionOptions<T>
}

export class HubCollection<T> {
  readonly #parts: HandleParts<T>
  #bound: { readonly open: OpenPlacement; readonly collection: Collection<T> } | null = null

  constructor(parts: HandleParts<T>) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.name
  }

  /** Where it is, for calls that reach further than one collection. */
  get place(): Place {
    return this.#parts.place
  }

  create(data: T, options: CreateOptions = {}): Promise<Written> {
    const { peers } = this.#parts
    if (peers === null || options.id !== undefined || hasId(data)) return this.#create(data, options)
    return createOnce(peers.newId(), options, {
      create: (named) => this.#create(data, named),
      getVersion: (id, ov) => this.getVersion(id, ov),
    })
  }

  /** All documents in one commit, or none. */
  createMany(data: readonly T[], options: WriteOptions = {}): Promise<readonly Written[]> {
    return this.#write('createMany', [data, options], data, (collection) => collection.createMany(data, options))
  }

  upsert(
    keys: readonly string[],
    data: T,
    options: CreateOptions & EnrichOptions = {},
  ): Promise<Written & { readonly created: boolean }> {
    return this.#write('upsert', [keys, data, options], data, (collection) => collection.upsert(keys, data, options))
  }

  /** Null when absent or deleted. */
  get(id: string, options: Cancellable & { readonly select?: readonly string[] } = {}): Promise<Doc<T> | null> {
    return this.#use('get', [id, options], (collection) => collection.get(id, options))
  }

  update(id: string, data: T, options: WriteOptions = {}): Promise<Written> {
    return this.#write('update', [id, data, options], data, (collection) => collection.update(id, data, options))
  }

  patch(id: string, change: Patch<T>, options: WriteOptions = {}): Promise<Written> {
    return this.#change('patch', [id, change, options], (collection) => collection.patch(id, change, options))
  }

  enrich(id: string, part: DeepPartial<T> | readonly DeepPartial<T>[], options: EnrichOptions = {}): Promise<Written> {
    return this.#change('enrich', [id, part, options], (collection) => collection.enrich(id, part, options))
  }

  delete(id: string, options: WriteOptions = {}): Promise<Written> {
    return this.#use('delete', [id, options], (collection) => collection.delete(id, options))
  }

  restore(
    id: string,
    to?: { readonly ov: number } | { readonly at: string },
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.#use('restore', [id, to, options], (collection) => collection.restore(id, to, options))
  }

  restoreAll(to: RestorePoint, options: WriteOptions & { readonly dryRun?: boolean } = {}): Promise<RestoreAllReport> {
    return this.#use('restoreAll', [to, options], (collection) => collection.restoreAll(to, options))
  }

  getVersion(id: string, ov: number, options: Cancellable = {}): Promise<Doc<T> | null> {
    return this.#use('getVersion', [id, ov, options], (collection) => collection.getVersion(id, ov, options))
  }

  getAsOf(
    id: string,
    at: string | Date,
    options: Cancellable & { readonly time?: 'recorded' | 'authored' } = {},
  ): Promise<Doc<T> | null> {
    return this.#use('getAsOf', [id, at, options], (collection) => collection.getAsOf(id, at, options))
  }

  /** Keeps the placement open while it is read. */
  async *history(
    id: string,
    options: Cancellable & { readonly from?: number; readonly limit?: number } = {},
  ): AsyncGenerator<Version<T>> {
    const placement = this.#placement()
    const end = await placement.enter()
    try {
      const open = await placement.borrow()
      try {
        yield* this.#bind(open).history(id, options)
      } finally {
        placement.giveBack()
      }
    } finally {
      end()
    }
  }

  diff(id: string, a: number, b: number, options: Cancellable = {}): Promise<readonly Difference[]> {
    return this.#use('diff', [id, a, b, options], (collection) => collection.diff(id, a, b, options))
  }

  conflicts(id: string, options: Cancellable = {}): Promise<readonly Conflict[]> {
    return this.#use('conflicts', [id, options], (collection) => collection.conflicts(id, options))
  }

  duplicates(options: Cancellable = {}): Promise<readonly Duplicate[]> {
    return this.#use('duplicates', [options], (collection) => collection.duplicates(options))
  }

  declared(options: Cancellable = {}): Promise<Declared> {
    return this.#use('declared', [options], (collection) => collection.declared(options))
  }

  /** Stores content as a file at a path of a document, in one version. */
  attach(id: string, path: string, content: FileContent, options: AttachOptions): Promise<FileInfo> {
    return this.using((collection) => collection.attach(id, path, content, options))
  }

  /** The file at a path. */
  attachment(id: string, path: string, options: AttachmentOptions = {}): Promise<Attachment> {
    return this.using((collection) => collection.attachment(id, path, options))
  }

  find(filter?: Filter<T>): HubQuery<T> {
    const run = <R>(steps: readonly Step[], work: (collection: Collection<T>) => Promise<R>): Promise<R> =>
      this.#run(steps, (open) => work(this.#bind(open)))
    return HubQuery.of({ placement: () => this.#placement(), bind: (open) => this.#bind(open), run }, filter)
  }

  /** Saves related entities to collections of their own, here or in other placements, and then the record. */
  createWithEntities(
    data: T,
    mappings: readonly HubEntityMapping[],
    options: CreateOptions = {},
  ): Promise<SavedWithEntities> {
    return saveWithEntities(this, this.#parts.neighbour, data, mappings, options)
  }

  /** Throws `NOT_FOUND`. An entity that is gone is left out. */
  getWithEntities(id: string, mappings: readonly HubEntityMapping[]): Promise<RecordWithEntities<T>> {
    return readWithEntities(this, this.#parts.neighbour, id, mappings)
  }

  /** Saves a record with the entities that are in the same placement. */
  createHere(data: T, mappings: readonly EntityMapping[], options: CreateOptions): Promise<SavedWithEntities> {
    return this.#write('createHere', [data, mappings, options], data, (collection) =>
      collection.createWithEntities(data, mappings, options),
    )
  }

  /** A record with the entities that are in the same placement. Throws `NOT_FOUND`. */
  getHere(id: string, mappings: readonly EntityMapping[]): Promise<RecordWithEntities<T>> {
    return this.#use('getHere', [id, mappings], (collection) => collection.getWithEntities(id, mappings))
  }

  /** What was counted of the collection, in this placement. */
  totals(): Promise<CounterTotals> {
    const { name } = this.#parts
    return this.#run([{ method: 'totals', args: [] }], ({ database }) => database.counters.totals({ collection: name }))
  }

  /** Runs work with the collection in this process, which pulls the placement over where another holds it. */
  using<R>(work: (collection: Collection<T>) => Promise<R>): Promise<R> {
    return this.#placement().using((open) => work(this.#bind(open)))
  }

  #create(data: T, options: CreateOptions): Promise<Written> {
    return this.#write('create', [data, options], data, (collection) => collection.create(data, options))
  }

  #placement(): Placement {
    return this.#parts.placements.get(this.#parts.place)
  }

  #use<R>(method: string, args: readonly unknown[], work: (collection: Collection<T>) => Promise<R>): Promise<R> {
    return this.#run([{ method, args }], (open) => work(this.#bind(open)))
  }

  /** A whole document, or several. */
  #write<R>(
    method: string,
    args: readonly unknown[],
    data: T | readonly T[],
    work: (collection: Collection<T>) => Promise<R>,
  ): Promise<R> {
    return this.#run([{ method, args }], async (open) => {
      await this.#index(open, Array.isArray(data) ? data : [data])
      return work(this.#bind(open))
    })
  }

  /** Parts of a document, one or several, as the second argument. */
  #change<R>(method: string, args: readonly unknown[], work: (collection: Collection<T>) => Promise<R>): Promise<R> {
    const given = args[1]
    const parts: readonly unknown[] = Array.isArray(given) ? given : [given]
    return this.#run([{ method, args }], async (open) => {
      const { map, name } = this.#parts
      for (const part of parts) assertKept(name, map?.requiredIndexed ?? [], part)
      await this.#index(open, parts)
      return work(this.#bind(open))
    })
  }

  /** Runs `work` here where this process holds the placement or can, else the same steps in the process that does. */
  #run<R>(steps: readonly Step[], work: (open: OpenPlacement) => Promise<R>): Promise<R> {
    const { peers, place, name } = this.#parts
    if (peers === null) return this.#placement().here(work)
    return peers.run(place, { place: namedPlace(place), collection: name, steps }, () => this.#placement().here(work))
  }

  async #index(open: OpenPlacement, documents: readonly unknown[]): Promise<void> {
    const { map, name } = this.#parts
    if (map?.indexedProps.length !== 0) return
    const auto = await open.autoIndexes(name)
    const grown = documents.filter((each) => auto?.saw(each) === true)
    if (grown.length > 0) this.#bound = null
  }

  #bind(open: OpenPlacement): Collection<T> {
    if (this.#bound?.open === open) return this.#bound.collection
    const collection = open.collection<T>(this.#parts.name, this.#parts.options)
    this.#bound = { open, collection }
    return collection
  }
}

function hasId(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'id' in data
}

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
import { inDocuments, inPatch, type Swapping } from './base64/places.ts'
import {
  contentAt,
  withEntityLinks,
  withLinks,
  type Base64Content,
  type LinkOptions,
  type ReadOptions,
} from './base64/read.ts'
import { withFiles, type Naming } from './base64/write.ts'
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
    return this.#write('createMany', [data, options], data, options, (collection, given, naming) =>
      collection.createMany(given, { ...options, ...naming }),
    )
  }

  upsert(
    keys: readonly string[],
    data: T,
    options: CreateOptions & EnrichOptions = {},
  ): Promise<Written & { readonly created: boolean }> {
    return this.#write('upsert', [keys, data, options], data, options, (collection, given, naming) =>
      collection.upsert(keys, given, { ...options, ...naming }),
    )
  }

  /** Null when absent or deleted. */
  get(id: string, options: ReadOptions & { readonly select?: readonly string[] } = {}): Promise<Doc<T> | null> {
    return this.#run([{ method: 'get', args: [id, options] }], async (open) => {
      const doc = await this.#bind(open).get(id, options)
      return doc === null ? null : ((await this.#linked(open, [doc], options))[0] ?? null)
    })
  }

  update(id: string, data: T, options: WriteOptions = {}): Promise<Written> {
    return this.#write('update', [id, data, options], data, options, (collection, given, naming) =>
      collection.update(id, given, { ...options, ...naming }),
    )
  }

  patch(id: string, change: Patch<T>, options: WriteOptions = {}): Promise<Written> {
    return this.#change('patch', [id, change, options], change, inPatch, options, (collection, given, naming) =>
      collection.patch(id, given, { ...options, ...naming }),
    )
  }

  enrich(id: string, part: DeepPartial<T> | readonly DeepPartial<T>[], options: EnrichOptions = {}): Promise<Written> {
    return this.#change('enrich', [id, part, options], part, inDocuments, options, (collection, given, naming) =>
      collection.enrich(id, given, { ...options, ...naming }),
    )
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

  /** What a property that was given as base64 holds, or another file. Throws `NOT_FOUND`, and `TOO_LARGE` beyond 16 MiB. */
  content(id: string, path: string, options: AttachmentOptions = {}): Promise<Base64Content> {
    return this.#run([{ method: 'content', args: [id, path, options] }], (open) =>
      contentAt(this.#bind(open), open.base64(this.name).props, { id, path }, options),
    )
  }

  /** With `presign`, documents come with links, but not those of `hits` and `watch`. */
  find(filter?: Filter<T>, options: LinkOptions = {}): HubQuery<T> {
    const place = {
      placement: () => this.#placement(),
      bind: (open: OpenPlacement) => this.#bind(open),
      run: <R>(steps: readonly Step[], work: (open: OpenPlacement) => Promise<R>) => this.#run(steps, work),
      linked: (open: OpenPlacement, docs: readonly Doc<T>[]) => this.#linked(open, docs, options),
    }
    return HubQuery.of(place, filter, options)
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
  getWithEntities(
    id: string,
    mappings: readonly HubEntityMapping[],
    options: LinkOptions = {},
  ): Promise<RecordWithEntities<T>> {
    return readWithEntities(this, this.#parts.neighbour, id, mappings, options)
  }

  /** Saves a record with the entities that are in the same placement. */
  createHere(data: T, mappings: readonly EntityMapping[], options: CreateOptions): Promise<SavedWithEntities> {
    return this.#write(
      'createHere',
      [data, mappings, options],
      data,
      options,
      (collection, given, naming) => collection.createWithEntities(given, mappings, { ...options, ...naming }),
      mappings,
    )
  }

  /** A record with the entities that are in the same placement. Throws `NOT_FOUND`. */
  getHere(id: string, mappings: readonly EntityMapping[], options: LinkOptions = {}): Promise<RecordWithEntities<T>> {
    return this.#run([{ method: 'getHere', args: [id, mappings, options] }], async (open) => {
      const { record, entities } = await this.#bind(open).getWithEntities(id, mappings)
      const place = open.base64(this.name, mappings)
      const [linked = record] = await withLinks(this.#bind(open), place, [record], options)
      return { record: linked, entities: await withEntityLinks(open, entities, mappings, options) }
    })
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
    return this.#write('create', [data, options], data, options, (collection, given, naming) =>
      collection.create(given, { ...options, ...naming }),
    )
  }

  #placement(): Placement {
    return this.#parts.placements.get(this.#parts.place)
  }

  #use<R>(method: string, args: readonly unknown[], work: (collection: Collection<T>) => Promise<R>): Promise<R> {
    return this.#run([{ method, args }], (open) => work(this.#bind(open)))
  }

  /** A whole document, or several, with entities inside. */
  #write<S, R>(
    method: string,
    args: readonly unknown[],
    data: S,
    options: Cancellable,
    work: (collection: Collection<T>, data: S, naming: Naming) => Promise<R>,
    mappings: readonly EntityMapping[] = [],
  ): Promise<R> {
    return this.#run([{ method, args }], (open) => {
      const written = async (given: S, naming: Naming): Promise<R> => {
        await this.#index(open, Array.isArray(given) ? given : [given])
        return work(this.#bind(open), given, naming)
      }
      return withFiles(open.base64(this.name, mappings), data, inDocuments, this.#bind(open), written, options)
    })
  }

  /** Parts of a document, one or several. */
  #change<S, R>(
    method: string,
    args: readonly unknown[],
    change: S,
    swapping: Swapping<S>,
    options: Cancellable,
    work: (collection: Collection<T>, change: S, naming: Naming) => Promise<R>,
  ): Promise<R> {
    return this.#run([{ method, args }], (open) => {
      const { map, name } = this.#parts
      const written = async (given: S, naming: Naming): Promise<R> => {
        const parts: readonly unknown[] = Array.isArray(given) ? given : [given]
        for (const part of parts) assertKept(name, map?.requiredIndexed ?? [], part)
        await this.#index(open, parts)
        return work(this.#bind(open), given, naming)
      }
      return withFiles(open.base64(name), change, swapping, this.#bind(open), written, options)
    })
  }

  #linked(open: OpenPlacement, docs: readonly Doc<T>[], options: LinkOptions): Promise<Doc<T>[]> {
    return withLinks(this.#bind(open), open.base64(this.name), docs, options)
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

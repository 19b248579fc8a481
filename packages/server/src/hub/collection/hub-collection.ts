/** A handle of a collection in a placement: the calls of a collection, each made where the placement lies at the time. */

import type {
  AttachmentOptions,
  AttachOptions,
  Cancellable,
  Collection,
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
  RestoreAllOptions,
  RestoreAllReport,
  RestorePoint,
  Version,
  WriteOptions,
  Written,
} from 'varve'
import { assertLimit, fromBase64, limits, toBase64 } from 'varve/engine'
import type { Place } from '../context.ts'
import { believed } from '../peers/answer.ts'
import type { Step } from '../peers/call.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import { inDocuments, inPatch } from './base64/places.ts'
import {
  contentAt,
  withEntityLinks,
  withLinks,
  type Base64Content,
  type LinkOptions,
  type ReadOptions,
} from './base64/read.ts'
import {
  readWithEntities,
  saveWithEntities,
  type HubEntityMapping,
  type Neighbour,
  type RecordWithEntities,
  type SavedWithEntities,
} from './entities.ts'
import { HandleCalls, type CallsParts, type Observing } from './handle-calls.ts'
import { attachmentOf, type FileAt, type HubAttachment } from './hub-attachment.ts'
import { HubQuery } from './hub-query.ts'

export interface HandleParts<T> extends CallsParts<T> {
  readonly neighbour: Neighbour
}

/** Versions of a document that are asked for at once. */
const versionsAtOnce = 50

export class HubCollection<T> {
  readonly #parts: HandleParts<T>
  readonly #calls: HandleCalls<T>

  constructor(parts: HandleParts<T>) {
    this.#parts = parts
    this.#calls = new HandleCalls(parts)
  }

  get name(): string {
    return this.#parts.name
  }

  /** Where it is, for calls that reach further than one collection. */
  get place(): Place {
    return this.#parts.place
  }

  create(data: T, options: CreateOptions = {}): Promise<Written> {
    return this.#calls.write('create', [data, options], data, options, (collection, given, more) =>
      collection.create(given, { ...options, ...more }),
    )
  }

  /** All documents in one commit, or none. */
  createMany(data: readonly T[], options: WriteOptions = {}): Promise<readonly Written[]> {
    return this.#calls.write('createMany', [data, options], data, options, (collection, given, more) =>
      collection.createMany(given, { ...options, ...more }),
    )
  }

  upsert(
    keys: readonly string[],
    data: T,
    options: CreateOptions & EnrichOptions = {},
  ): Promise<Written & { readonly created: boolean }> {
    return this.#calls.write('upsert', [keys, data, options], data, options, (collection, given, more) =>
      collection.upsert(keys, given, { ...options, ...more }),
    )
  }

  /** Null when absent or deleted. */
  get(id: string, options: ReadOptions & { readonly select?: readonly string[] } = {}): Promise<Doc<T> | null> {
    return this.#calls.run([{ method: 'get', args: [id, options] }], async (open) => {
      const doc = await this.#calls.bind(open).get(id, options)
      return doc === null ? null : ((await this.#calls.linked(open, [doc], options))[0] ?? null)
    })
  }

  update(id: string, data: T, options: WriteOptions = {}): Promise<Written> {
    return this.#calls.write('update', [id, data, options], data, options, (collection, given, more) =>
      collection.update(id, given, { ...options, ...more }),
    )
  }

  patch(id: string, change: Patch<T>, options: WriteOptions = {}): Promise<Written> {
    return this.#calls.change('patch', [id, change, options], change, inPatch, options, (collection, given, more) =>
      collection.patch(id, given, { ...options, ...more }),
    )
  }

  enrich(id: string, part: DeepPartial<T> | readonly DeepPartial<T>[], options: EnrichOptions = {}): Promise<Written> {
    return this.#calls.change('enrich', [id, part, options], part, inDocuments, options, (collection, given, more) =>
      collection.enrich(id, given, { ...options, ...more }),
    )
  }

  delete(id: string, options: WriteOptions = {}): Promise<Written> {
    return this.#calls.use('delete', [id, options], (collection, noting) =>
      collection.delete(id, { ...options, ...noting }),
    )
  }

  restore(
    id: string,
    to?: { readonly ov: number } | { readonly at: string },
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.#calls.use('restore', [id, to, options], (collection, noting) =>
      collection.restore(id, to, { ...options, ...noting }),
    )
  }

  /** With `onProgress` in this process, which pulls the placement over from another one. */
  restoreAll(to: RestorePoint, options: RestoreAllOptions = {}): Promise<RestoreAllReport> {
    if (options.onProgress !== undefined) return this.using((collection) => collection.restoreAll(to, options))
    return this.#calls.use('restoreAll', [to, options], (collection) => collection.restoreAll(to, options))
  }

  getVersion(id: string, ov: number, options: Cancellable = {}): Promise<Doc<T> | null> {
    return this.#calls.use('getVersion', [id, ov, options], (collection) => collection.getVersion(id, ov, options))
  }

  getAsOf(
    id: string,
    at: string | Date,
    options: Cancellable & { readonly time?: 'recorded' | 'authored' } = {},
  ): Promise<Doc<T> | null> {
    return this.#calls.use('getAsOf', [id, at, options], (collection) => collection.getAsOf(id, at, options))
  }

  /** Versions from `from` on, oldest first, asked for some at a time. Throws `NOT_FOUND`. */
  async *history(
    id: string,
    options: Cancellable & { readonly from?: number; readonly limit?: number } = {},
  ): AsyncGenerator<Version<T>> {
    const { from = 0, limit = Infinity } = options
    let [next, left] = [from, limit]
    do {
      options.signal?.throwIfAborted()
      const asked = Math.min(left, versionsAtOnce)
      const versions = await this.versions(id, next, asked)
      yield* versions
      left -= versions.length
      next = (versions.at(-1)?.ov ?? next) + 1
      if (versions.length < asked) return
    } while (left > 0)
  }

  /** At most so many versions, from one on. Throws `NOT_FOUND`. */
  versions(id: string, from: number, limit: number): Promise<readonly Version<T>[]> {
    return this.#calls.use('versions', [id, from, limit], (collection) => all(collection.history(id, { from, limit })))
  }

  diff(id: string, a: number, b: number, options: Cancellable = {}): Promise<readonly Difference[]> {
    return this.#calls.use('diff', [id, a, b, options], (collection) => collection.diff(id, a, b, options))
  }

  conflicts(id: string, options: Cancellable = {}): Promise<readonly Conflict[]> {
    return this.#calls.use('conflicts', [id, options], (collection) => collection.conflicts(id, options))
  }

  duplicates(options: Cancellable = {}): Promise<readonly Duplicate[]> {
    return this.#calls.use('duplicates', [options], (collection) => collection.duplicates(options))
  }

  declared(options: Cancellable = {}): Promise<Declared> {
    return this.#calls.use('declared', [options], (collection) => collection.declared(options))
  }

  /**
   * Stores content as a file at a path of a document, in one version. Bytes, up to 16 MiB, go to the process that holds the
   * placement; for more, and for streams, it is pulled over.
   */
  async attach(id: string, path: string, content: FileContent, options: AttachOptions): Promise<FileInfo> {
    const isSent = this.#calls.isShared && content instanceof Uint8Array && content.length <= limits.base64Bytes
    if (!isSent) return this.using((collection) => collection.attach(id, path, content, options))
    const written = await this.attachBytes(id, path, toBase64(content), options)
    return (await this.fileAt(id, path, written?.ov)).info
  }

  /** The same with bytes as base64; null when it changed nothing. */
  attachBytes(id: string, path: string, base64: string, options: AttachOptions): Promise<Written | null> {
    return this.#calls.use('attachBytes', [id, path, base64, options], async (collection, noting) => {
      const made: { answer: unknown } = { answer: null }
      const values = (answer: unknown): ReturnType<NonNullable<WriteOptions['values']>> => {
        made.answer = answer
        return noting.values?.(answer) ?? new Map()
      }
      await collection.attach(id, path, fromBase64(base64, 'The content'), { ...options, values })
      return believed<Written | null>(made.answer).value
    })
  }

  /** The file at a path, in the version that the document has now. Throws `NOT_FOUND`, `MISSING_CHUNK`. */
  async attachment(id: string, path: string, { ov: asked, signal }: AttachmentOptions = {}): Promise<HubAttachment> {
    signal?.throwIfAborted()
    const { info, ov } = await this.fileAt(id, path, asked)
    return attachmentOf(info, {
      part: (offset, length) => this.filePart(id, path, ov, offset, length),
      url: (ttlSeconds) => this.fileUrl(id, path, ov, ttlSeconds),
    })
  }

  /** What the file at a path is, and the version that has it; the present one when none is given. */
  fileAt(id: string, path: string, asked?: number): Promise<FileAt> {
    return this.#calls.use('fileAt', [id, path, asked], async (collection) => {
      const ov = asked ?? (await collection.get(id))?._system.ov
      const { info } = await collection.attachment(id, path, ov === undefined ? {} : { ov })
      return { info, ov: ov ?? 0 }
    })
  }

  /** At most so many bytes of the file in a version, at most those of a chunk. */
  filePart(id: string, path: string, ov: number, offset: number, length: number): Promise<Uint8Array> {
    assertLimit(length, limits.chunkBytes, 'A part of a file in bytes')
    return this.#calls.use('filePart', [id, path, ov, offset, length], async (collection) =>
      (await collection.attachment(id, path, { ov })).bytes({ offset, length }),
    )
  }

  /** A link to the file in a version. */
  fileUrl(id: string, path: string, ov: number, ttlSeconds: number): Promise<string> {
    return this.#calls.use('fileUrl', [id, path, ov, ttlSeconds], async (collection) =>
      (await collection.attachment(id, path, { ov })).url({ ttlSeconds }),
    )
  }

  /** What a property that was given as base64 holds, or another file. Throws `NOT_FOUND`, and `TOO_LARGE` beyond 16 MiB. */
  content(id: string, path: string, options: AttachmentOptions = {}): Promise<Base64Content> {
    return this.#calls.run([{ method: 'content', args: [id, path, options] }], (open) =>
      contentAt(this.#calls.bind(open), open.base64(this.name).props, { id, path }, options),
    )
  }

  /** With `presign`, documents come with links, but not those of `hits` and `watch`. */
  find(filter?: Filter<T>, options: LinkOptions = {}): HubQuery<T> {
    const calls = this.#calls
    const place = {
      isShared: calls.isShared,
      placement: () => calls.placement(),
      bind: (open: OpenPlacement) => calls.bind(open),
      run: <R>(steps: readonly Step[], work: (open: OpenPlacement) => Promise<R>) => calls.run(steps, work),
      observe: <R>(steps: readonly Step[], observing: Observing<R>) => calls.observe(steps, observing),
      env: this.#parts.env,
      linked: (open: OpenPlacement, docs: readonly Doc<T>[]) => calls.linked(open, docs, options),
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
    return this.#calls.write(
      'createHere',
      [data, mappings, options],
      data,
      options,
      (collection, given, more) => collection.createWithEntities(given, mappings, { ...options, ...more }),
      mappings,
    )
  }

  /** A record with the entities that are in the same placement. Throws `NOT_FOUND`. */
  getHere(id: string, mappings: readonly EntityMapping[], options: LinkOptions = {}): Promise<RecordWithEntities<T>> {
    return this.#calls.run([{ method: 'getHere', args: [id, mappings, options] }], async (open) => {
      const { record, entities } = await this.#calls.bind(open).getWithEntities(id, mappings)
      const place = open.base64(this.name, mappings)
      const [linked = record] = await withLinks(this.#calls.bind(open), place, [record], options)
      return { record: linked, entities: await withEntityLinks(open, entities, mappings, options) }
    })
  }

  /** What was counted of the collection, in this placement. */
  totals(): Promise<CounterTotals> {
    const { name } = this.#parts
    return this.#calls.run([{ method: 'totals', args: [] }], ({ database }) =>
      database.counters.totals({ collection: name }),
    )
  }

  /** Runs work with the collection in this process, which pulls the placement over where another holds it. */
  using<R>(work: (collection: Collection<T>) => Promise<R>): Promise<R> {
    return this.#calls.placement().using((open) => work(this.#calls.bind(open)))
  }
}

async function all<V>(values: AsyncIterable<V>): Promise<readonly V[]> {
  const found: V[] = []
  for await (const value of values) found.push(value)
  return found
}

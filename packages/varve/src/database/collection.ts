/** A collection: the calls applications make on their documents. */

import type { Attachment } from '../attachments/attachment.ts'
import type { FileContent } from '../attachments/cut.ts'
import type { Difference } from '../document/diff.ts'
import type { FileInfo } from '../document/file.ts'
import type { Doc, Head } from '../document/head.ts'
import type { JsonObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { select } from '../query/project.ts'
import type { Filter } from '../query/types.ts'
import type { Outcome } from '../replica/append.ts'
import { uniqueOf } from '../replica/unique.ts'
import { attachFile, readAttachment, type AttachHome, type AttachmentOptions, type AttachOptions } from './attach.ts'
import { changeOf, plannedWith, written } from './change.ts'
import { conflictsOf } from './conflicts.ts'
import { declaredIn, type Declared } from './declared.ts'
import { duplicatesIn, type Duplicate } from './duplicates.ts'
import { readEntities, saveEntities, type EntityMapping, type Neighbours, type SavedEntities } from './entities.ts'
import { ensureIndexes, parseIndexes } from './indexes.ts'
import type { StoredFile } from './named-files.ts'
import { openText, type TextHome, type TextOptions } from './open-text.ts'
import { Query, type QueryHome } from './query.ts'
import { diffVersions, docOf, findDocument, headAtTime, headAtVersion, history } from './reads.ts'
import { receiptOfVersion } from './receipts.ts'
import { restoreAll, type RestoreAllOptions, type RestoreAllReport, type RestorePoint } from './restore-all.ts'
import { parseSearchOptions, type SearchField } from '../search/fields.ts'
import { ensureSearch, searchHome } from './search-index.ts'
import type { SharedText } from './shared-text.ts'
import { usableIndexes } from './seal-query.ts'
import { presentSource } from './source.ts'
import { shownHead, type Space } from './space.ts'
import { storing, type FileToStore } from './storing.ts'
import { typed, typedJson, typedOrNull } from './typed.ts'
import type {
  Cancellable,
  CollectionOptions,
  Conflict,
  CreateOptions,
  DeepPartial,
  EnrichOptions,
  Patch,
  Version,
  WriteOptions,
  WriteReceipt,
  Written,
} from './types.ts'
import { upsertTask } from './upsert.ts'
import { watchHome } from './watch-hub.ts'
import {
  createWrite,
  deleteWrite,
  enrichWrite,
  patchWrite,
  restoreWrite,
  tagsOf,
  taskOf,
  updateWrite,
  type Write,
} from './writes.ts'

export class Collection<T> {
  readonly #space: Space
  readonly #neighbours: Neighbours & AttachHome & TextHome
  readonly #indexes: ReturnType<typeof parseIndexes>
  readonly #search: readonly SearchField[] | null
  #ready: Promise<void> | null = null

  constructor(space: Space, neighbours: Neighbours & AttachHome & TextHome, options: CollectionOptions<T>) {
    this.#space = space
    this.#neighbours = neighbours
    this.#indexes = parseIndexes(options.indexes ?? [])
    this.#search = options.search === undefined ? null : parseSearchOptions(options.search)
  }

  get name(): string {
    return this.#space.name
  }

  /** Throws `EXISTS`, `INVALID`, `RESERVED_NAME`, `TOO_LARGE`, `KEY_MISSING`. */
  create(data: T, options: CreateOptions = {}): Promise<Written> {
    return this.#write(options, () => createWrite(this.#space, data, options))
  }

  /** All documents in one commit, or none; throws like `create`. */
  async createMany(data: readonly T[], options: WriteOptions = {}): Promise<readonly Written[]> {
    options.signal?.throwIfAborted()
    assertLimit(data.length, limits.commitEntries, 'The number of documents in one commit')
    await this.#prepared()
    const space = this.#space
    const writes = data.map((each) => createWrite(space, each, options))
    const ids = new Set(writes.map((write) => write.id))
    if (ids.size < writes.length)
      throw new VarveError('EXISTS', 'Two documents of one createMany have the same id: nothing was written')
    return space.replica.write({
      tags: writes.flatMap(tagsOf),
      size: writes.length,
      alone: space.rules.conflict === 'reject',
      plan: (view) => {
        const changes = writes.map((write) => {
          const head = view.head(write.tag)
          const intent = write.intend(head, view)
          if (intent instanceof Promise) throw new VarveError('UNSUPPORTED', 'A create cannot wait')
          const made = changeOf(space, head, intent, options)
          if (made === null) throw new VarveError('INVALID', 'A create changes nothing')
          return made.change
        })
        const finish = (outcomes: readonly Outcome[]): readonly Written[] =>
          outcomes.map((outcome, i) => written(space, changes[i]?.id ?? '', outcome))
        return plannedWith(options, changes, finish)
      },
    })
  }

  /** Enriches the document whose `keys` equal those of `data`, else creates it; one record under concurrency. */
  async upsert(
    keys: readonly string[],
    data: T,
    options: CreateOptions & EnrichOptions = {},
  ): Promise<Written & { readonly created: boolean }> {
    options.signal?.throwIfAborted()
    await this.#prepared()
    return this.#space.replica.write(await upsertTask(this.#space, this.#home(), keys, data, options))
  }

  /**
   * Creates a record and saves the entities it holds, as documents of their own collections: merged into the one with
   * the same key, or created. One commit, or nothing. Throws like `create`, and `DELETED` for an entity that was deleted.
   */
  async createWithEntities(
    data: T,
    mappings: readonly EntityMapping[],
    options: CreateOptions = {},
  ): Promise<{ readonly id: string; readonly entities: SavedEntities }> {
    await this.#prepared()
    const { id: _, ...words } = options
    return this.#neighbours.transact(async (tx) => {
      const entities = await saveEntities(tx, this.#neighbours, data, mappings)
      const { id } = await tx.collection<T>(this.name).create(data, options)
      return { id, entities }
    }, words)
  }

  /** A record with the entities it names, as they are now; those that are gone are left out. Throws `NOT_FOUND`. */
  getWithEntities(
    id: string,
    mappings: readonly EntityMapping[],
    options: Cancellable = {},
  ): Promise<{ readonly record: Doc<T>; readonly entities: ReadonlyMap<string, Doc> }> {
    return this.#neighbours.transact(async (tx) => {
      const record = await tx.collection<JsonObject>(this.name).get(id)
      if (record === null)
        throw new VarveError('NOT_FOUND', `There is no document "${id}" in "${this.name}"`, { details: { id } })
      return { record: typed<T>(record), entities: await readEntities(tx, record, mappings) }
    }, options)
  }

  /** Null when absent or deleted. */
  async get(id: string, options: Cancellable & { readonly select?: readonly string[] } = {}): Promise<Doc<T> | null> {
    options.signal?.throwIfAborted()
    const found = await findDocument(this.#space, id)
    if (found?.head.state.status !== 'live') return null
    const doc = docOf(shownHead(this.#space, found.head))
    return options.select === undefined ? typed<T>(doc) : typedJson<T>(select(options.select)(doc))
  }

  /** The whole document, stored as a difference. Throws `CONFLICT`, `DELETED`, `NOT_FOUND`, `INVALID`. */
  update(id: string, data: T, options: WriteOptions = {}): Promise<Written> {
    return this.#write(options, () => updateWrite(this.#space, id, data, options))
  }

  /** Throws like `update`. */
  patch(id: string, change: Patch<T>, options: WriteOptions = {}): Promise<Written> {
    return this.#write(options, () => patchWrite(this.#space, id, change, options))
  }

  /** Deep merge with array union; a list of parts is one version. Throws like `update`. */
  enrich(id: string, part: DeepPartial<T> | readonly DeepPartial<T>[], options: EnrichOptions = {}): Promise<Written> {
    return this.#write(options, () => enrichWrite(this.#space, id, part, options))
  }

  /** Logical: `restore` brings it back. Deleting a deleted document changes nothing. Throws `CONFLICT`, `NOT_FOUND`. */
  delete(id: string, options: WriteOptions = {}): Promise<Written> {
    return this.#write(options, () => deleteWrite(this.#space, id, options))
  }

  /** A new version equal to an earlier one; without `to`, as it was before its delete. Throws `CONFLICT`, `NOT_FOUND`. */
  restore(
    id: string,
    to?: { readonly ov: number } | { readonly at: string },
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.#write(options, () =>
      restoreWrite(this.#space, id, options, to === undefined ? null : () => this.#versionTo(id, to)),
    )
  }

  /**
   * Every document of the collection as it was then, as new versions, in commits of 500; itself undoable. Cut off, it
   * goes on when it is called again.
   */
  async restoreAll(to: RestorePoint, options: RestoreAllOptions = {}): Promise<RestoreAllReport> {
    await this.#prepared()
    return restoreAll(this.#space, to, options)
  }

  /** Null when there is no such version. */
  async getVersion(id: string, ov: number, options: Cancellable = {}): Promise<Doc<T> | null> {
    options.signal?.throwIfAborted()
    const head = await headAtVersion(this.#space, id, ov)
    return head === null ? null : typed<T>(docOf(shownHead(this.#space, head)))
  }

  /** Null before creation; a deleted document comes with `_system.deleted`. */
  async getAsOf(
    id: string,
    at: string | Date,
    options: Cancellable & { readonly time?: 'recorded' | 'authored' } = {},
  ): Promise<Doc<T> | null> {
    options.signal?.throwIfAborted()
    const head = await headAtTime(this.#space, id, at, options.time ?? 'recorded')
    return head === null ? null : typed<T>(docOf(shownHead(this.#space, head)))
  }

  /** Versions from `from` on, oldest first; pending ones last. Throws `NOT_FOUND`. */
  async *history(
    id: string,
    options: Cancellable & { readonly from?: number; readonly limit?: number } = {},
  ): AsyncGenerator<Version<T>> {
    for await (const version of history(this.#space, id, options.from ?? 0, options.limit ?? Infinity)) {
      options.signal?.throwIfAborted()
      yield { ...version, doc: typedOrNull<T>(version.doc) }
    }
  }

  /** Differences from version `a` to version `b`, attribute by attribute. Throws `NOT_FOUND`. */
  async diff(id: string, a: number, b: number, options: Cancellable = {}): Promise<readonly Difference[]> {
    options.signal?.throwIfAborted()
    return diffVersions(this.#space, id, a, b)
  }

  /** Concurrent writes to one path, oldest first. Throws `NOT_FOUND`. */
  async conflicts(id: string, options: Cancellable = {}): Promise<readonly Conflict[]> {
    options.signal?.throwIfAborted()
    const found = await findDocument(this.#space, id)
    if (found === null) throw new VarveError('NOT_FOUND', `There is no document "${id}" here`, { details: { id } })
    return conflictsOf(this.#space, found)
  }

  /**
   * Documents that share values which a unique index of this collection keeps apart: written before it was declared, or
   * by devices that did not see each other where the recorder could not read.
   */
  async duplicates(options: Cancellable = {}): Promise<readonly Duplicate[]> {
    options.signal?.throwIfAborted()
    await this.#prepared()
    const { replica, tag } = this.#space
    return duplicatesIn(replica, uniqueOf(replica.collection(tag)))
  }

  /** Indexes and search of this collection, also those that another handle or an earlier process declared. */
  async declared(options: Cancellable = {}): Promise<Declared> {
    options.signal?.throwIfAborted()
    await this.#prepared()
    return declaredIn(this.#space.replica.collection(this.#space.tag))
  }

  /** The receipt of a version, once it is recorded. Throws `NOT_FOUND`. */
  receipt(id: string, ov: number): Promise<WriteReceipt> {
    return receiptOfVersion(this.#space, id, ov)
  }

  /**
   * Stores content and puts it as a file at a path of a document, in one version. Throws `NOT_FOUND`, `DELETED`,
   * `CONFLICT`, `INVALID`, `TOO_LARGE`, `KEY_MISSING`, and `UNSUPPORTED` without object storage or at a sealed path.
   */
  attach(id: string, path: string, content: FileContent, options: AttachOptions): Promise<FileInfo> {
    return attachFile(this.#space, this.#neighbours, { id, path }, content, options)
  }

  /**
   * Stores files, and runs `work` with them: a write in it whose data shows their `info`, and whose options have them as
   * `files`, has them in its version. Throws like `attach`, and `UNSUPPORTED` in a sealed database.
   */
  storing<R>(
    files: readonly FileToStore[],
    work: (stored: readonly StoredFile[]) => Promise<R>,
    options: Cancellable = {},
  ): Promise<R> {
    return storing(this.#space, this.#neighbours, files, work, options)
  }

  /** The file at a path. Throws `NOT_FOUND`, `KEY_MISSING`, `MISSING_CHUNK` when nothing here says what it consists of. */
  attachment(id: string, path: string, options: AttachmentOptions = {}): Promise<Attachment> {
    return readAttachment(this.#space, this.#neighbours, { id, path }, options)
  }

  /**
   * Opens the string at a path as a text that several people type into at once; what is missing begins empty. Close it when
   * it is not used any more. Throws `NOT_FOUND`, `DELETED`, `INVALID`, `TOO_LARGE`, and `UNSUPPORTED` at a sealed path.
   */
  async text(id: string, path: string, options: TextOptions = {}): Promise<SharedText> {
    await this.#prepared()
    return openText(this.#space, this.#neighbours, id, path, options)
  }

  /** Documents that match; throws `INVALID` naming the place in the filter. */
  find(filter?: Filter<T>): Query<T> {
    return Query.of<T>(this.#home(), filter)
  }

  #home(): QueryHome {
    return {
      source: async (includeDeleted, asked) => {
        await this.#prepared()
        return presentSource(this.#space, includeDeleted, asked)
      },
      search: async (indexed, asked) => {
        await this.#prepared()
        return searchHome(this.#space, indexed, asked)
      },
      watch: watchHome(this.#space),
      indexes: async () => {
        await this.#prepared()
        return usableIndexes(this.#space)
      },
    }
  }

  async #versionTo(id: string, to: { readonly ov: number } | { readonly at: string }): Promise<Head> {
    const head =
      'ov' in to ? await headAtVersion(this.#space, id, to.ov) : await headAtTime(this.#space, id, to.at, 'recorded')
    if (head !== null) return head
    throw new VarveError(
      'NOT_FOUND',
      `"${id}" has no version at ${'ov' in to ? `ov ${to.ov}` : to.at}: history(id) lists the versions it has`,
      {
        details: { id, ...to },
      },
    )
  }

  /** Not an async function: with thousands of writes at once, every promise less is felt. */
  #write(options: WriteOptions, make: () => Write): Promise<Written> {
    const begin = (): Promise<Written> => {
      options.signal?.throwIfAborted()
      return this.#space.replica.write(taskOf(this.#space, make()))
    }
    if (this.#indexes.length > 0 || this.#search !== null) return this.#prepared().then(begin)
    try {
      return begin()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #prepare(): Promise<void> {
    await ensureIndexes(this.#space, this.#indexes)
    await ensureSearch(this.#space, this.#search)
  }

  #prepared(): Promise<void> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      // The next call tries again.
      this.#ready = null
      throw error
    })
    return this.#ready
  }
}

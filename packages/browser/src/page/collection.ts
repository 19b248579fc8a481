/** A collection as a page has it: the calls of `Collection`, made by the engine that all pages share. */

import type {
  AttachmentOptions,
  AttachOptions,
  Cancellable,
  Collection,
  Conflict,
  CreateOptions,
  Declared,
  DeepPartial,
  Difference,
  Doc,
  Duplicate,
  EnrichOptions,
  EntityMapping,
  FileInfo,
  Filter,
  Patch,
  RestoreAllReport,
  RestorePoint,
  SavedEntities,
  Version,
  WriteOptions,
  WriteReceipt,
  Written,
} from 'varve'
import { SharedAttachment } from './attachment.ts'
import type { At } from './at.ts'
import { SharedQuery } from './query.ts'

/** A write as it comes from the engine: its receipt is asked for by the number of the call. */
interface Sent extends Omit<Written, 'receipt'> {
  readonly receipt: readonly [call: number, index: number]
}

/** A page can call all that a collection of the engine has, but for what needs functions or editors in the engine. */
type CollectionMembers<T> = Record<Exclude<keyof Collection<T>, 'storing' | 'text'>, unknown>

export class SharedCollection<T> implements CollectionMembers<T> {
  readonly name: string
  readonly #at: At

  constructor(at: At, name: string) {
    this.#at = at
    this.name = name
  }

  create(data: T, options: CreateOptions = {}): Promise<Written> {
    return this.#write('create', data, options)
  }

  async createMany(data: readonly T[], options: WriteOptions = {}): Promise<readonly Written[]> {
    const sent = await this.#at.write<readonly Sent[]>('createMany', data, options)
    return sent.map((each) => this.#written(each))
  }

  async upsert(
    keys: readonly string[],
    data: T,
    options: CreateOptions & EnrichOptions = {},
  ): Promise<Written & { readonly created: boolean }> {
    return this.#written(await this.#at.write<Sent & { readonly created: boolean }>('upsert', keys, data, options))
  }

  createWithEntities(
    data: T,
    mappings: readonly EntityMapping[],
    options: CreateOptions = {},
  ): Promise<{ readonly id: string; readonly entities: SavedEntities }> {
    return this.#at.write('createWithEntities', data, mappings, options)
  }

  getWithEntities(
    id: string,
    mappings: readonly EntityMapping[],
    options: Cancellable = {},
  ): Promise<{ readonly record: Doc<T>; readonly entities: ReadonlyMap<string, Doc> }> {
    return this.#at.read('getWithEntities', id, mappings, options)
  }

  get(id: string, options: Cancellable & { readonly select?: readonly string[] } = {}): Promise<Doc<T> | null> {
    return this.#at.read('get', id, options)
  }

  update(id: string, data: T, options: WriteOptions = {}): Promise<Written> {
    return this.#write('update', id, data, options)
  }

  patch(id: string, change: Patch<T>, options: WriteOptions = {}): Promise<Written> {
    return this.#write('patch', id, change, options)
  }

  enrich(id: string, part: DeepPartial<T> | readonly DeepPartial<T>[], options: EnrichOptions = {}): Promise<Written> {
    return this.#write('enrich', id, part, options)
  }

  delete(id: string, options: WriteOptions = {}): Promise<Written> {
    return this.#write('delete', id, options)
  }

  restore(
    id: string,
    to?: { readonly ov: number } | { readonly at: string },
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.#write('restore', id, to, options)
  }

  restoreAll(to: RestorePoint, options: WriteOptions & { readonly dryRun?: boolean } = {}): Promise<RestoreAllReport> {
    return this.#at.write('restoreAll', to, options)
  }

  getVersion(id: string, ov: number, options: Cancellable = {}): Promise<Doc<T> | null> {
    return this.#at.read('getVersion', id, ov, options)
  }

  getAsOf(
    id: string,
    at: string | Date,
    options: Cancellable & { readonly time?: 'recorded' | 'authored' } = {},
  ): Promise<Doc<T> | null> {
    return this.#at.read('getAsOf', id, at, options)
  }

  history(
    id: string,
    options: Cancellable & { readonly from?: number; readonly limit?: number } = {},
  ): AsyncGenerator<Version<T>> {
    return this.#at.items('history', id, options)
  }

  diff(id: string, a: number, b: number, options: Cancellable = {}): Promise<readonly Difference[]> {
    return this.#at.read('diff', id, a, b, options)
  }

  conflicts(id: string, options: Cancellable = {}): Promise<readonly Conflict[]> {
    return this.#at.read('conflicts', id, options)
  }

  duplicates(options: Cancellable = {}): Promise<readonly Duplicate[]> {
    return this.#at.read('duplicates', options)
  }

  declared(options: Cancellable = {}): Promise<Declared> {
    return this.#at.read('declared', options)
  }

  receipt(id: string, ov: number): Promise<WriteReceipt> {
    return this.#at.read('receipt', id, ov)
  }

  /** `content` is sent whole: bytes, a `Blob` or file, or a stream, which is read first. */
  async attach(
    id: string,
    path: string,
    content: Uint8Array | Blob | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: AttachOptions,
  ): Promise<FileInfo> {
    const whole = content instanceof ReadableStream ? await new Response(content).blob() : content
    return this.#at.write('attach', id, path, whole, options)
  }

  async attachment(id: string, path: string, options: AttachmentOptions = {}): Promise<SharedAttachment> {
    const at = this.#at.to('attachment', id, path, options)
    const { info } = await at.describe<{ readonly info: FileInfo }>()
    return new SharedAttachment(at, info)
  }

  find(filter?: Filter<T>): SharedQuery<T> {
    return new SharedQuery<T>(this.#at.to('find', filter))
  }

  async #write(member: string, ...args: readonly unknown[]): Promise<Written> {
    return this.#written(await this.#at.write<Sent>(member, ...args))
  }

  #written<S extends Sent>(sent: S): Omit<S, 'receipt'> & Pick<Written, 'receipt'> {
    const { receipt, ...rest } = sent
    return { ...rest, receipt: () => this.#at.root('receipts').read<WriteReceipt>('receipt', ...receipt) }
  }
}

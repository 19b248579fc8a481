/** The chunks of a tenant on this device: its object storage, and whoever has what is not there. */

import type { BlobInfo, BlobStore } from '../blobs/blob-store.ts'
import { toHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { ChunkCache } from './cache.ts'
import { chunkPlace, isChunk, type ChunkObject } from './chunk.ts'

export interface ChunkStoreParts {
  readonly blobs: BlobStore
  /** Id of the tenant. */
  readonly tenant: Uint8Array
  readonly env: Pick<Env, 'now' | 'log'>
  /** Asks a node for a chunk by its id in hex; null when none is reached, or it has none. */
  readonly fetch: (id: string, signal?: AbortSignal) => Promise<Uint8Array | null>
  /** Bytes of fetched chunks to keep. */
  readonly cacheBytes: number
}

/** Chunks that a write under way uses, which no collection of garbage takes away. */
export interface Hold {
  /** Ids in hex, added before they are looked for. */
  readonly ids: Set<string>
  release(): void
}

interface Cancel {
  readonly signal?: AbortSignal
}

export class ChunkStore {
  readonly #parts: ChunkStoreParts
  readonly #cache: ChunkCache
  readonly #holds = new Set<Set<string>>()
  /** Collections under way, and ids that were held since the first of them began: it may not know what names them. */
  #collections = 0
  readonly #spared = new Set<string>()
  /** Ids of stored chunks that turned out wrong, which are put again when they come. */
  readonly #wrong = new Set<string>()
  /** Removals under way, which writes wait for. */
  readonly #removals = new Map<string, Promise<boolean>>()
  readonly tenant: Uint8Array
  /** Id of the tenant in hex. */
  readonly name: string

  constructor(parts: ChunkStoreParts) {
    this.#parts = parts
    this.tenant = parts.tenant
    this.name = toHex(parts.tenant)
    this.#cache = new ChunkCache(parts.blobs, this.name, parts.cacheBytes)
  }

  get blobs(): BlobStore {
    return this.#parts.blobs
  }

  hold(): Hold {
    const ids = new Set<string>()
    this.#holds.add(ids)
    return {
      ids,
      release: () => {
        this.#holds.delete(ids)
        if (this.#collections > 0) for (const id of ids) this.#spared.add(id)
      },
    }
  }

  /** Begins a collection of garbage, before it is found out what is named; returns a function that ends it. */
  collecting(): () => void {
    this.#collections++
    return () => {
      if (--this.#collections === 0) this.#spared.clear()
    }
  }

  #isHeld(id: string): boolean {
    if (this.#spared.has(id)) return true
    for (const ids of this.#holds) if (ids.has(id)) return true
    return false
  }

  /** Stores a chunk for a write, unless it is there and young enough to stay until the write is done. */
  async add({ id, bytes }: ChunkObject, ids: Set<string>, options: Cancel & { readonly type?: string }): Promise<void> {
    const name = toHex(id)
    const { blobs, env } = this.#parts
    // The write fails as a whole when the first of equal chunks does.
    if (ids.has(name)) return
    // Before anything is asked: from here on it is not collected.
    ids.add(name)
    await this.#removals.get(name)
    const place = chunkPlace(this.name, name)
    const there = this.#wrong.has(name) ? null : await infoUnlessFailing(blobs, place, options)
    const isYoung = there !== null && env.now() - there.at < limits.garbageMinimumMs / 2
    if (isYoung && there.size === bytes.length) return
    await blobs.put(place, bytes, options)
    this.#wrong.delete(name)
  }

  /**
   * The stored bytes of a chunk, checked. Throws `MISSING_CHUNK` when nobody has it, and `TAMPERED` when what is here has
   * other bytes and nobody else has the right ones.
   */
  async read(id: string, options: Cancel = {}): Promise<Uint8Array> {
    const here = await this.local(id, options)
    if (here !== null) return here
    const fetched = await this.#parts.fetch(id, options.signal)
    if (fetched !== null && isChunk(this.tenant, id, fetched)) {
      await this.#keep(id, fetched)
      return fetched
    }
    if (fetched !== null || this.#wrong.has(id))
      throw new VarveError('TAMPERED', 'A chunk has other bytes than were attached: attach the file again')
    throw new VarveError(
      'MISSING_CHUNK',
      'A chunk is not here, and no node that is reached has it: connect, try later',
      {
        retryable: true,
      },
    )
  }

  /** The same from this device alone; null when it is not here, or wrong. */
  async local(id: string, { signal }: Cancel = {}): Promise<Uint8Array | null> {
    const cancel = signal === undefined ? {} : { signal }
    const own = await this.#parts.blobs.get(chunkPlace(this.name, id), cancel)
    if (own !== null && isChunk(this.tenant, id, own)) return own
    if (own !== null) this.#foundWrong(id)
    const fetched = await this.#cache.get(id)
    if (fetched === null) return null
    if (isChunk(this.tenant, id, fetched)) return fetched
    await this.#cache.remove(id)
    return null
  }

  /** Removes a chunk that nothing names, unless it was put since `before` (Unix milliseconds) or a write uses it. */
  remove(id: string, before: number): Promise<boolean> {
    const removal = this.#remove(id, before).finally(() => this.#removals.delete(id))
    this.#removals.set(id, removal)
    return removal
  }

  async #remove(id: string, before: number): Promise<boolean> {
    const { blobs } = this.#parts
    const place = chunkPlace(this.name, id)
    const there = await blobs.head(place)
    if (there === null || there.at >= before || this.#isHeld(id)) return false
    await blobs.delete(place)
    return true
  }

  /** Unix milliseconds by the clock of the storage, which tells how old objects are: the one of a device may be wrong. */
  async storageNow(): Promise<number> {
    const { blobs, env } = this.#parts
    const place = `${this.name}/clock`
    await blobs.put(place, new Uint8Array(1))
    const there = await blobs.head(place)
    await blobs.delete(place)
    // Another process may have removed it.
    return there?.at ?? env.now()
  }

  /** Removes everything of the tenant from the object storage of this device. */
  async wipe(): Promise<void> {
    const { blobs } = this.#parts
    for (;;) {
      const { items } = await blobs.list(`${this.name}/`)
      if (items.length === 0) return
      for (const { key } of items) await blobs.delete(key)
    }
  }

  async #keep(id: string, bytes: Uint8Array): Promise<void> {
    try {
      if (!this.#wrong.delete(id)) return await this.#cache.put(id, bytes)
      await this.#parts.blobs.put(chunkPlace(this.name, id), bytes)
    } catch (error) {
      // It is at hand now: what could not be kept is fetched again.
      this.#parts.env.log('warn', 'a fetched chunk could not be kept', { chunk: id, error: String(error) })
    }
  }

  #foundWrong(id: string): void {
    this.#wrong.add(id)
    this.#parts.env.log('error', 'a stored chunk has other bytes than were attached', { chunk: id })
  }
}

/** Whether an object is there; null too when that cannot be found out: putting it again does no harm. */
async function infoUnlessFailing(blobs: BlobStore, place: string, options: Cancel): Promise<BlobInfo | null> {
  try {
    return await blobs.head(place, options)
  } catch (error) {
    if (isVarveError(error, 'STORE_FAILED')) return null
    throw error
  }
}

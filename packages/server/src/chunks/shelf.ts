/** The chunks of attachments that a node holds for its tenants: checked by their ids, counted, and read as nothing but bytes. */

import {
  checkChunk,
  chunkPlace,
  chunksOfTenant,
  fromHex,
  isChunk,
  limits,
  toHex,
  VarveError,
  type BlobStore,
  type Logger,
  type Store,
} from 'varve/engine'
import type { ServerLimits } from '../limits.ts'
import { readStored } from '../stored.ts'
import { bytesOf, decodeUsage, encodeUsage, noUsage, withBytes, type Usage } from './usage.ts'

const prefix = 'chunks/'
const megabyte = 1024 * 1024

export interface ShelfParts {
  readonly blobs: BlobStore
  /** Where it is counted who has brought how much. */
  readonly store: Store
  readonly limits: Pick<ServerLimits, 'chunkMegabytesPerTenant' | 'chunkMegabytesPerDevice'>
  readonly log: Logger
}

/** Tenants and chunks are named by their ids in hex. */
export class ChunkShelf {
  readonly #parts: ShelfParts
  /** The last write of each tenant that is being written for: one after the other. */
  readonly #writing = new Map<string, Promise<unknown>>()
  /** Places of chunks that turned out damaged, which are lacking until they come again. */
  readonly #wrong = new Set<string>()

  constructor(parts: ShelfParts) {
    this.#parts = parts
  }

  /** Those of the ids under which nothing is held. */
  async missing(tenant: string, ids: readonly string[]): Promise<readonly string[]> {
    const lacking: string[] = []
    for (let at = 0; at < ids.length; at += limits.chunksAtOnce) {
      const asked = ids.slice(at, at + limits.chunksAtOnce)
      const found = await Promise.all(asked.map((id) => this.#isHeld(chunkPlace(tenant, id))))
      lacking.push(...asked.filter((_, i) => found[i] === false))
    }
    return lacking
  }

  /**
   * Takes a chunk in; false when it was there. Throws `TAMPERED` when its bytes are not those of the id, and `TOO_LARGE`
   * beyond what the tenant, or the device that brings it, may have here.
   */
  async put(tenant: string, device: Uint8Array, id: string, bytes: Uint8Array): Promise<boolean> {
    checkChunk(fromHex(tenant), fromHex(id), bytes)
    return this.#inTurn(tenant, async () => {
      const { blobs, store } = this.#parts
      const place = chunkPlace(tenant, id)
      const there = await blobs.head(place)
      // One of another size was cut or changed: it is replaced, and was counted.
      if (there !== null && there.size === bytes.length && !this.#wrong.has(place)) return false
      const before = await this.#usage(tenant)
      const usage = withBytes(before, toHex(device), bytes.length - (there?.size ?? 0))
      this.#assertRoom(usage, toHex(device))
      const count = (counted: Usage): Promise<void> =>
        store.write({ values: new Map([[prefix + tenant, encodeUsage(counted)]]) })
      // Counted first: a crash in between leaves a tenant with less than it may have, never with more.
      await count(usage)
      try {
        await blobs.put(place, bytes)
      } catch (error) {
        // What failed may have taken effect: it counts, unless it certainly has not.
        if (await this.#isAsLong(place, there?.size ?? null)) await count(before)
        throw error
      }
      this.#wrong.delete(place)
      return there === null
    })
  }

  /** A chunk; null when it is not held. Throws `TAMPERED` when what is held has become something else. */
  async get(tenant: string, id: string): Promise<Uint8Array | null> {
    const place = chunkPlace(tenant, id)
    const bytes = await this.#parts.blobs.get(place)
    if (bytes === null || isChunk(fromHex(tenant), id, bytes)) return bytes
    this.#wrong.add(place)
    this.#parts.log('error', 'A stored chunk has other bytes than were brought: check the disk', { tenant, chunk: id })
    throw new VarveError('TAMPERED', 'The chunk was damaged at this node: attach the file again where it came from')
  }

  /** Bytes of a chunk; null when it is not held. */
  async size(tenant: string, id: string): Promise<number | null> {
    return (await this.#parts.blobs.head(chunkPlace(tenant, id)))?.size ?? null
  }

  async #isAsLong(place: string, size: number | null): Promise<boolean> {
    try {
      return ((await this.#parts.blobs.head(place))?.size ?? null) === size
    } catch (error) {
      this.#parts.log('warn', 'It cannot be told whether a chunk was stored', { error })
      return false
    }
  }

  async #isHeld(place: string): Promise<boolean> {
    return !this.#wrong.has(place) && (await this.#parts.blobs.head(place)) !== null
  }

  /** What a tenant holds here; counted anew from the object storage where it was never counted. */
  async #usage(tenant: string): Promise<Usage> {
    const stored = await this.#parts.store.value(prefix + tenant)
    if (stored !== null) return readStored(decodeUsage, stored)
    let bytes = 0
    for (let after: string | null = null; ;) {
      const { items, next } = await this.#parts.blobs.list(chunksOfTenant(tenant), { after })
      for (const { size } of items) bytes += size
      if (next === null) return { ...noUsage, bytes }
      after = next
    }
  }

  #assertRoom(usage: Usage, device: string): void {
    const { chunkMegabytesPerTenant, chunkMegabytesPerDevice } = this.#parts.limits
    assertBelow(usage.bytes, chunkMegabytesPerTenant, 'This tenant')
    assertBelow(bytesOf(usage, device), chunkMegabytesPerDevice, 'This device')
  }

  async #inTurn<R>(tenant: string, work: () => Promise<R>): Promise<R> {
    const before = this.#writing.get(tenant) ?? Promise.resolve()
    const running = before.then(work)
    const settled = running.catch(() => undefined)
    this.#writing.set(tenant, settled)
    try {
      return await running
    } finally {
      if (this.#writing.get(tenant) === settled) this.#writing.delete(tenant)
    }
  }
}

function assertBelow(bytes: number, megabytes: number, who: string): void {
  if (bytes <= megabytes * megabyte) return
  throw new VarveError(
    'TOO_LARGE',
    `${who} has brought as many bytes of attachments as this node takes, ${megabytes} MiB: ask who runs it for more`,
    { details: { megabytes } },
  )
}

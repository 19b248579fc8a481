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
  /** The last work on each place that is written, and on the count of each tenant: one after the other. */
  readonly #working = new Map<string, Promise<unknown>>()
  /** Places of chunks that turned out damaged, which are lacking until they come again. */
  readonly #wrong = new Set<string>()

  constructor(parts: ShelfParts) {
    this.#parts = parts
  }

  /** Ids of what is held, in order, after this one: at most `limits.chunksAsked`, and none only at the end. */
  async list(tenant: string, after: string | null): Promise<readonly string[]> {
    const limit = limits.chunksAsked
    for (let from = after === null ? null : chunkPlace(tenant, after); ;) {
      const { items, next } = await this.#parts.blobs.list(chunksOfTenant(tenant), { after: from, limit })
      if (items.length > 0 || next === null) return items.map(({ key }) => key.slice(key.lastIndexOf('/') + 1))
      from = next
    }
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
   * beyond what the tenant, or the device that brings it, may have here. `device` is null for what another node holds.
   */
  async put(tenant: string, device: Uint8Array | null, id: string, bytes: Uint8Array): Promise<boolean> {
    checkChunk(fromHex(tenant), fromHex(id), bytes)
    const who = device === null ? null : toHex(device)
    const place = chunkPlace(tenant, id)
    return this.#inTurn(place, async () => {
      const there = await this.#parts.blobs.head(place)
      // One of another size was cut or changed: it is replaced, and was counted.
      if (there !== null && there.size === bytes.length && !this.#wrong.has(place)) return false
      const brought = bytes.length - (there?.size ?? 0)
      // Counted first: a crash in between leaves a tenant with less than it may have, never with more.
      await this.#count(tenant, who, brought)
      try {
        await this.#parts.blobs.put(place, bytes)
      } catch (error) {
        // What failed may have taken effect: it counts, unless it certainly has not.
        if (await this.#isAsLong(place, there?.size ?? null)) await this.#count(tenant, who, -brought)
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
    const place = chunkPlace(tenant, id)
    return this.#wrong.has(place) ? null : ((await this.#parts.blobs.head(place))?.size ?? null)
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

  /** Throws `TOO_LARGE`, and counts nothing, where it would be more than it may. */
  #count(tenant: string, device: string | null, brought: number): Promise<void> {
    return this.#inTurn(tenant, async () => {
      const usage = withBytes(await this.#usage(tenant), device, brought)
      if (brought > 0) this.#assertRoom(usage, device)
      await this.#parts.store.write({ values: new Map([[prefix + tenant, encodeUsage(usage)]]) })
    })
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

  #assertRoom(usage: Usage, device: string | null): void {
    const { chunkMegabytesPerTenant, chunkMegabytesPerDevice } = this.#parts.limits
    assertBelow(usage.bytes, chunkMegabytesPerTenant, 'This tenant')
    if (device !== null) assertBelow(bytesOf(usage, device), chunkMegabytesPerDevice, 'This device')
  }

  async #inTurn<R>(name: string, work: () => Promise<R>): Promise<R> {
    const before = this.#working.get(name) ?? Promise.resolve()
    const running = before.then(work)
    const settled = running.catch(() => undefined)
    this.#working.set(name, settled)
    try {
      return await running
    } finally {
      if (this.#working.get(name) === settled) this.#working.delete(name)
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

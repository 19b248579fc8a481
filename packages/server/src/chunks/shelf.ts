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
  type BlobInfo,
  type Env,
  type Logger,
} from 'varve/engine'
import { encodeRecord, readRecord, recordName, upName, type ChunkRecord } from './chunk-records.ts'
import { ChunkCounts, type ChunkCountsParts } from './counts.ts'
import { Turns } from '../turns.ts'
import type { Usage } from './usage.ts'

export interface ShelfParts extends ChunkCountsParts {
  readonly env: Pick<Env, 'now'>
  readonly log: Logger
}

/** When a chunk was last wanted here, and whether by a device. */
export type LastWanted = Pick<ChunkRecord, 'at' | 'wanted'>

/** Of wanting a chunk often only so much is noted: half of the least age of garbage. */
const notedMs = limits.garbageMinimumMs / 2

/** Tenants and chunks are named by their ids in hex. */
export class ChunkShelf {
  readonly #parts: ShelfParts
  readonly #counts: ChunkCounts
  /** What is done with the chunk at each place. */
  readonly #turns = new Turns()
  /** Places of chunks that turned out damaged, which are lacking until they come again. */
  readonly #wrong = new Set<string>()
  /** Tenants of which another node has to hear what devices want here. */
  readonly #following = new Set<string>()

  constructor(parts: ShelfParts) {
    this.#parts = parts
    this.#counts = new ChunkCounts(parts)
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

  /**
   * Those of the ids under which nothing is held. With `wants`, a device is going to rely on the others: they are as good as
   * brought now, and no garbage for as long.
   */
  async missing(tenant: string, ids: readonly string[], wants = false): Promise<readonly string[]> {
    const lacking: string[] = []
    for (let at = 0; at < ids.length; at += limits.chunksAtOnce) {
      const asked = ids.slice(at, at + limits.chunksAtOnce)
      const found = await Promise.all(asked.map((id) => this.#isHeld(tenant, id, wants)))
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
    return this.#turns.take(place, async () => {
      const there = await this.#parts.blobs.head(place)
      const record = await this.#record(tenant, id)
      // One of another size was cut or changed: it is replaced, and was counted.
      if (there !== null && there.size === bytes.length && !this.#wrong.has(place)) {
        if (who !== null) await this.#want(tenant, id, there, record)
        return false
      }
      await this.#take(tenant, id, bytes, { who, there, record })
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

  /** What a tenant holds here. */
  usage(tenant: string): Promise<Usage> {
    return this.#counts.usage(tenant)
  }

  /** From now on it is noted what devices want of a tenant whose chunks come from another node. */
  follow(tenant: string): void {
    this.#following.add(tenant)
  }

  /** Ids of what devices have wanted of such a tenant, and the other node has not heard of. */
  async wanted(tenant: string): Promise<readonly string[]> {
    const prefix = upName(tenant, '')
    return [...(await this.#parts.store.values(prefix)).keys()].map((name) => name.slice(prefix.length))
  }

  /** The other node has a chunk, and knows that it is wanted. */
  broughtUp(tenant: string, id: string): Promise<void> {
    return this.#turns.take(chunkPlace(tenant, id), async () => {
      const record = await this.#record(tenant, id)
      const values = new Map<string, Uint8Array | null>([[upName(tenant, id), null]])
      if (record !== null) values.set(recordName(tenant, id), encodeRecord({ ...record, wanted: false }))
      await this.#parts.store.write({ values })
    })
  }

  /** When a chunk was last wanted; null when it is not held. */
  async lastWanted(tenant: string, id: string): Promise<LastWanted | null> {
    const there = await this.#parts.blobs.head(chunkPlace(tenant, id))
    return there === null ? null : wantedOf(there, await this.#record(tenant, id))
  }

  /**
   * Removes a chunk if it is garbage by when it was last wanted, asked again right before; gives its bytes, 0 when it stays.
   * After a crash in between, `settle` makes the count good.
   */
  remove(tenant: string, id: string, isGarbage: (last: LastWanted) => boolean): Promise<number> {
    const place = chunkPlace(tenant, id)
    return this.#turns.take(place, async () => {
      const there = await this.#parts.blobs.head(place)
      let record = await this.#record(tenant, id)
      if (there === null) {
        if (record !== null) await this.#forget(tenant, id, record)
        return 0
      }
      if (!isGarbage(wantedOf(there, record))) return 0
      if (record === null) {
        record = { at: there.at, size: there.size, device: null, wanted: false }
        await this.#parts.store.write({ values: new Map([[recordName(tenant, id), encodeRecord(record)]]) })
      }
      await this.#parts.blobs.delete(place)
      await this.#forget(tenant, id, record)
      this.#wrong.delete(place)
      return there.size
    })
  }

  /** Uncounts chunks that are counted and not here, as crashes leave them. */
  async settle(tenant: string): Promise<void> {
    for (let digits = 0; digits < 256; digits++) {
      const start = digits.toString(16).padStart(2, '0')
      const prefix = recordName(tenant, start)
      const recorded = [...(await this.#parts.store.values(prefix)).keys()]
      if (recorded.length === 0) continue
      const held = await this.#held(`${chunksOfTenant(tenant)}${start}/`)
      for (const name of recorded) {
        const id = name.slice(name.lastIndexOf('/') + 1)
        if (!held.has(id)) await this.remove(tenant, id, () => false)
      }
    }
  }

  async #held(prefix: string): Promise<ReadonlySet<string>> {
    const held = new Set<string>()
    for (let after: string | null = null; ;) {
      const { items, next } = await this.#parts.blobs.list(prefix, { after })
      for (const { key } of items) held.add(key.slice(key.lastIndexOf('/') + 1))
      if (next === null) return held
      after = next
    }
  }

  async #isHeld(tenant: string, id: string, wants: boolean): Promise<boolean> {
    const place = chunkPlace(tenant, id)
    return this.#turns.take(place, async () => {
      const there = this.#wrong.has(place) ? null : await this.#parts.blobs.head(place)
      if (there !== null && wants) await this.#want(tenant, id, there, await this.#record(tenant, id))
      return there !== null
    })
  }

  /** Notes that a device wants what is held, unless that was noted not long ago. */
  async #want(tenant: string, id: string, there: BlobInfo, record: ChunkRecord | null): Promise<void> {
    const at = this.#parts.env.now()
    const last = wantedOf(there, record)
    if (last.wanted && last.at > at - notedMs) return
    const noted = { at, size: record?.size ?? there.size, device: record?.device ?? null, wanted: true }
    await this.#parts.store.write({
      values: new Map([[recordName(tenant, id), encodeRecord(noted)], ...this.#up(tenant, id)]),
    })
  }

  #up(tenant: string, id: string): readonly (readonly [string, Uint8Array])[] {
    return this.#following.has(tenant) ? [[upName(tenant, id), new Uint8Array(0)]] : []
  }

  async #take(
    tenant: string,
    id: string,
    bytes: Uint8Array,
    { who, there, record }: { who: string | null; there: BlobInfo | null; record: ChunkRecord | null },
  ): Promise<void> {
    const { blobs, env } = this.#parts
    const place = chunkPlace(tenant, id)
    const name = recordName(tenant, id)
    // What replaces another is on the account that the other was on.
    const device = record === null && there === null ? who : (record?.device ?? null)
    const brought = bytes.length - (record?.size ?? there?.size ?? 0)
    const noted = { at: env.now(), size: bytes.length, device, wanted: who !== null || record?.wanted === true }
    // Counted first: a crash in between leaves a tenant with less than it may have, never with more.
    const up = who === null ? [] : this.#up(tenant, id)
    await this.#counts.add(tenant, device, brought, new Map([[name, encodeRecord(noted)], ...up]))
    try {
      await blobs.put(place, bytes)
    } catch (error) {
      // What failed may have taken effect: it counts, unless it certainly has not.
      const before = new Map([[name, record === null ? null : encodeRecord(record)]])
      if (await this.#isAsLong(place, there?.size ?? null)) await this.#counts.add(tenant, device, -brought, before)
      throw error
    }
  }

  #forget(tenant: string, id: string, { device, size }: ChunkRecord): Promise<void> {
    return this.#counts.add(tenant, device, -size, new Map([[recordName(tenant, id), null]]))
  }

  #record(tenant: string, id: string): Promise<ChunkRecord | null> {
    return readRecord(this.#parts.store, tenant, id)
  }

  async #isAsLong(place: string, size: number | null): Promise<boolean> {
    try {
      return ((await this.#parts.blobs.head(place))?.size ?? null) === size
    } catch (error) {
      this.#parts.log('warn', 'It cannot be told whether a chunk was stored', { error })
      return false
    }
  }
}

/** What was brought before that was noted is as old as its object. */
function wantedOf(there: BlobInfo, record: ChunkRecord | null): LastWanted {
  return record === null ? { at: there.at, wanted: false } : record
}

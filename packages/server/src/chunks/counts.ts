/** Counting the bytes of attachments that tenants hold at a node, and devices have brought, within what they may. */

import { chunksOfTenant, VarveError, type BlobStore, type Store } from 'varve/engine'
import type { ServerLimits } from '../limits.ts'
import { readStored } from '../stored.ts'
import { Turns } from '../turns.ts'
import { bytesOf, decodeUsage, encodeUsage, noUsage, withBytes, type Usage } from './usage.ts'

const prefix = 'chunks/'
const megabyte = 1024 * 1024

export interface ChunkCountsParts {
  readonly blobs: BlobStore
  readonly store: Store
  readonly limits: Pick<ServerLimits, 'chunkMegabytesPerTenant' | 'chunkMegabytesPerDevice'>
}

export class ChunkCounts {
  readonly #parts: ChunkCountsParts
  readonly #turns = new Turns()

  constructor(parts: ChunkCountsParts) {
    this.#parts = parts
  }

  /**
   * Counts bytes that were brought, or with a number below zero were removed, and writes these values with it. `device` is
   * null for what another node holds. Throws `TOO_LARGE`, and writes nothing, where it would be more than it may.
   */
  add(
    tenant: string,
    device: string | null,
    bytes: number,
    values: ReadonlyMap<string, Uint8Array | null>,
  ): Promise<void> {
    return this.#turns.take(tenant, async () => {
      const usage = withBytes(await this.usage(tenant), device, bytes)
      if (bytes > 0) this.#assertRoom(usage, device)
      await this.#parts.store.write({ values: new Map([...values, [prefix + tenant, encodeUsage(usage)]]) })
    })
  }

  /** What a tenant holds here; counted anew from the object storage where it was never counted. */
  async usage(tenant: string): Promise<Usage> {
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
}

function assertBelow(bytes: number, megabytes: number, who: string): void {
  if (bytes <= megabytes * megabyte) return
  throw new VarveError(
    'TOO_LARGE',
    `${who} has brought as many bytes of attachments as this node takes, ${megabytes} MiB: ask an admin to collect garbage, or who runs it for more`,
    { details: { megabytes } },
  )
}

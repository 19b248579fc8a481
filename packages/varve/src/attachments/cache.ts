/** Chunks that were fetched from a node: kept up to a number of bytes, the longest unread going first. */

import type { BlobStore } from '../blobs/blob-store.ts'

export class ChunkCache {
  readonly #blobs: BlobStore
  readonly #prefix: string
  readonly #limit: number
  /** Bytes by id in hex, the longest unread first; null until it was listed what earlier processes have left. */
  #kept: Promise<Map<string, number>> | null = null
  #bytes = 0

  /** `tenant` in hex, `limit` in bytes. */
  constructor(blobs: BlobStore, tenant: string, limit: number) {
    this.#blobs = blobs
    this.#prefix = `${tenant}/cache/`
    this.#limit = limit
  }

  async get(id: string): Promise<Uint8Array | null> {
    const kept = await this.#list()
    const size = kept.get(id)
    if (size === undefined) return null
    kept.delete(id)
    kept.set(id, size)
    return this.#blobs.get(this.#place(id))
  }

  async put(id: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#limit) return
    await this.remove(id)
    const kept = await this.#list()
    for (const oldest of kept.keys()) {
      if (this.#bytes + bytes.length <= this.#limit) break
      await this.remove(oldest)
    }
    await this.#blobs.put(this.#place(id), bytes)
    this.#bytes += bytes.length - (kept.get(id) ?? 0)
    kept.set(id, bytes.length)
  }

  async remove(id: string): Promise<void> {
    const kept = await this.#list()
    const size = kept.get(id)
    if (size === undefined) return
    kept.delete(id)
    this.#bytes -= size
    await this.#blobs.delete(this.#place(id))
  }

  #place(id: string): string {
    return `${this.#prefix}${id.slice(0, 2)}/${id}`
  }

  #list(): Promise<Map<string, number>> {
    this.#kept ??= this.#read().catch((error: unknown) => {
      this.#kept = null
      throw error
    })
    return this.#kept
  }

  async #read(): Promise<Map<string, number>> {
    const found: { readonly id: string; readonly size: number; readonly at: number }[] = []
    for (let after: string | null = null; ;) {
      const { items, next } = await this.#blobs.list(this.#prefix, { after })
      for (const { key, size, at } of items) found.push({ id: key.slice(key.lastIndexOf('/') + 1), size, at })
      if (next === null) break
      after = next
    }
    this.#bytes = found.reduce((sum, { size }) => sum + size, 0)
    return new Map(found.toSorted((a, b) => a.at - b.at).map(({ id, size }) => [id, size]))
  }
}

/** Lists of an Azure container, which go on at markers of its own: where earlier pages ended is remembered. */

import type { BlobItem } from '@azure/storage-blob'
import { isBlobKey, limits, type BlobInfo, type BlobPage } from 'varve/engine'
import type { Container } from './container.ts'
import { unreadable } from './errors.ts'

export interface ListAsked {
  readonly prefix: string
  readonly after: string | null
  readonly limit: number
  readonly signal: AbortSignal | null
}

/** Ends of pages remembered at most. */
const ends = 256
/** Pages read at most to find one that goes beyond `after`. */
const mostPages = 100_000

interface Fetched {
  readonly items: readonly BlobInfo[]
  /** Null at the end of the list. */
  readonly marker: string | null
}

export class ContainerLists {
  readonly #container: Container
  /** By prefix and key: the marker of a page that begins there or before. */
  readonly #markers = new Map<string, string>()

  constructor(container: Container) {
    this.#container = container
  }

  /**
   * After a key where no page of this prefix ended, the list is read from the beginning of the prefix on. Objects that
   * others put, under keys that are none, are left out.
   */
  async page({ prefix, after, limit, signal }: ListAsked): Promise<BlobPage> {
    let marker = after === null ? null : (this.#markers.get(placeOf(prefix, after)) ?? null)
    const size = after !== null && marker === null ? limits.blobListItems : limit
    for (let pages = 0; pages < mostPages; pages++) {
      const fetched = await this.#fetch(prefix, marker, size, signal)
      const rest = fetched.items.filter((item) => after === null || item.key > after)
      const last = rest[limit - 1]
      if (last !== undefined && rest.length > limit) {
        if (marker !== null) this.#remember(prefix, last.key, marker)
        return { items: keysIn(rest.slice(0, limit)), next: last.key }
      }
      if (fetched.marker === null) return { items: keysIn(rest), next: null }
      const end = rest.at(-1)
      if (end !== undefined) {
        this.#remember(prefix, end.key, fetched.marker)
        return { items: keysIn(rest), next: end.key }
      }
      if (fetched.marker === marker) break
      marker = fetched.marker
    }
    return unreadable(this.#container.address)
  }

  #fetch(prefix: string, marker: string | null, size: number, signal: AbortSignal | null): Promise<Fetched> {
    const { client, address } = this.#container
    return this.#container.ask(signal, 0, async (abortSignal) => {
      const from = marker === null ? {} : { continuationToken: marker }
      const pages = client.listBlobsFlat({ prefix, abortSignal }).byPage({ maxPageSize: size, ...from })
      for await (const { segment, continuationToken } of pages) {
        const items = segment.blobItems.map((item) => infoOf(item, address))
        return { items, marker: continuationToken === undefined || continuationToken === '' ? null : continuationToken }
      }
      return { items: [], marker: null }
    })
  }

  #remember(prefix: string, key: string, marker: string): void {
    for (const place of this.#markers.keys()) {
      if (this.#markers.size < ends) break
      this.#markers.delete(place)
    }
    this.#markers.set(placeOf(prefix, key), marker)
  }
}

function placeOf(prefix: string, key: string): string {
  return `${prefix}\n${key}`
}

function keysIn(items: readonly BlobInfo[]): readonly BlobInfo[] {
  return items.filter((item) => isBlobKey(item.key))
}

function infoOf({ name, properties }: BlobItem, address: string): BlobInfo {
  const { contentLength: size, lastModified } = properties
  const at = lastModified.getTime()
  if (typeof name !== 'string' || size === undefined || !Number.isSafeInteger(at)) return unreadable(address)
  return { key: name, size, at }
}

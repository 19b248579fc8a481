/** The stores of a placement where it lies, and the part of its bucket that is its own. */

import {
  blobsBelow,
  primitives,
  sinkingStores,
  toHex,
  utf8,
  type BlobStore,
  type Env,
  type SinkOptions,
  type StoreProvider,
} from 'varve/engine'
import type { SpacePlace } from '../config/types.ts'
import type { Connections } from './connections.ts'
import type { Spaces } from './spaces.ts'

export interface StoresPlace {
  readonly dbConnRef: string
  readonly dbName: string
  readonly space: SpacePlace | null
}

export interface PlacedStores {
  /** Old payloads in it may lie in object storage: it reads them from there. */
  readonly provider: StoreProvider
  /** The placement's own part of its bucket; null without one. */
  readonly blobs: BlobStore | null
}

export interface StoresParts {
  readonly connections: Connections
  readonly spaces: Spaces
  /** What leaves the database for object storage; null for nothing. */
  readonly sink: SinkOptions | null
  readonly env: Env
}

export class Stores {
  readonly #parts: StoresParts

  constructor(parts: StoresParts) {
    this.#parts = parts
  }

  /** `name` is that of the placement. Asks nobody. */
  async at(name: string, { dbConnRef, dbName, space }: StoresPlace): Promise<PlacedStores> {
    const { connections, spaces, sink, env } = this.#parts
    const provider = await connections.provider(dbConnRef, dbName)
    if (space === null) return { provider, blobs: null }
    const blobs = blobsBelow(await spaces.bucket(space), folderOf(name))
    const options = { blobs, env, ...(sink === null ? {} : { sink }) }
    return { provider: sinkingStores(provider, options), blobs }
  }

  /** Removes what a placement has in its database, and in its bucket. Calling again goes on. */
  async destroy(name: string, place: StoresPlace): Promise<void> {
    const { provider, blobs } = await this.at(name, place)
    await provider.destroy()
    if (blobs === null) return
    for (;;) {
      const { items } = await blobs.list('', { limit: 1_000 })
      for (const { key } of items) await blobs.delete(key)
      if (items.length === 0) return
    }
  }
}

/** The placement's name where object storage takes it; else a hash of the id in its place, which no such id is. */
function folderOf(name: string): string {
  const [type = '', tier = '', ...rest] = name.split('/')
  const id = rest.join('/')
  if (id === '') return `${type}/${tier}/`
  const plain = /^[a-z0-9-]{1,60}$/.test(id)
  return `${type}/${tier}/${plain ? id : `_${toHex(primitives.sha256(utf8(id))).slice(0, 40)}`}/`
}

/** The stores of a placement where it lies, and the part of its bucket that is its own. */

import { blobsBelow, primitives, toHex, utf8, type BlobStore, type StoreProvider } from 'varve/engine'
import type { SpacePlace } from '../config/types.ts'
import type { SunkStores } from '../../sinking/sunk-stores.ts'
import type { Kept } from '../kept/kept.ts'
import type { KeptPlaces } from '../kept/kept-places.ts'
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
  /** What object storage did not take; null without any, and where nothing is kept for it. */
  readonly kept: Kept | null
}

export interface StoresParts {
  readonly connections: Connections
  readonly spaces: Spaces
  readonly sunk: SunkStores
  readonly kept: KeptPlaces
  /** A folder takes the place of object storage: placements that name no bucket have a part of it too. */
  readonly hasFolder: boolean
}

/** Where those lie in the folder; no connection is called so. */
const withoutBucket: SpacePlace = { spaceConnRef: '_', bucket: 'placements' }

export class Stores {
  readonly #parts: StoresParts

  constructor(parts: StoresParts) {
    this.#parts = parts
  }

  /** `name` is that of the placement. Asks nobody. */
  async at(name: string, { dbConnRef, dbName, space: named }: StoresPlace): Promise<PlacedStores> {
    const { connections, spaces, sunk, kept: keeping, hasFolder } = this.#parts
    const provider = await connections.provider(dbConnRef, dbName)
    const space = named ?? (hasFolder ? withoutBucket : null)
    if (space === null) return { provider, blobs: null, kept: null }
    const blobs = blobsBelow(await spaces.bucket(space), folderOf(name))
    const { provider: stores, blobs: files, kept } = keeping.at(name, provider, blobs)
    return { provider: sunk.at(stores, blobs), blobs: files, kept }
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

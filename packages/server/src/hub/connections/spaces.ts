/** The object storage of a hub: one client for each bucket, opened when first needed; a folder in its place when asked for. */

import { join } from 'node:path'
import { fsBlobs } from '@varve/stores/blobs/fs'
import { probeBlobs, VarveError, type BlobStore, type Env } from 'varve/engine'
import { openBlobs } from '../../config-storage.ts'
import type { SpacePlace, SpacesConnection } from '../config/types.ts'

export interface SpaceHealth {
  readonly name: string
  readonly bucket: string
  /** `fs` where `localStorage` takes its place. */
  readonly kind: 's3' | 'azure' | 'fs'
  readonly ok: boolean
  /** Why not. */
  readonly error: string | null
}

export class Spaces {
  readonly #connections: ReadonlyMap<string, SpacesConnection>
  readonly #folder: string | null
  readonly #around: (blobs: BlobStore, place: SpacePlace) => BlobStore
  readonly #open = new Map<string, Promise<BlobStore>>()

  constructor(
    connections: ReadonlyMap<string, SpacesConnection>,
    folder: string | null,
    around: (blobs: BlobStore, place: SpacePlace) => BlobStore = (blobs) => blobs,
  ) {
    this.#around = around
    this.#connections = connections
    this.#folder = folder
  }

  /** The objects of a bucket; asks nobody. Throws `INVALID` for an unknown connection, `UNSUPPORTED` without its client. */
  bucket(place: SpacePlace): Promise<BlobStore> {
    const key = `${place.spaceConnRef}/${place.bucket}`
    const known = this.#open.get(key)
    if (known !== undefined) return known
    const opening = this.#openBucket(place).then((blobs) => this.#around(blobs, place))
    this.#open.set(key, opening)
    opening.catch(() => this.#open.delete(key))
    return opening
  }

  /** Whether these buckets can be listed; with `probe`, whether they do all that they must, with an object put and removed. */
  health(places: readonly SpacePlace[], probe: Pick<Env, 'random'> | null): Promise<readonly SpaceHealth[]> {
    return Promise.all(
      places.map(async (place) => {
        const { spaceConnRef: name, bucket } = place
        const kind = this.#folder === null ? (this.#connections.get(name)?.kind ?? 's3') : 'fs'
        try {
          const blobs = await this.bucket(place)
          await (probe === null ? blobs.list('', { limit: 1 }) : probeBlobs(blobs, probe))
          return { name, bucket, kind, ok: true, error: null }
        } catch (error) {
          return { name, bucket, kind, ok: false, error: error instanceof Error ? error.message : String(error) }
        }
      }),
    )
  }

  async close(): Promise<void> {
    for (const opening of await Promise.allSettled(this.#open.values()))
      if (opening.status === 'fulfilled') await opening.value.close()
  }

  async #openBucket({ spaceConnRef, bucket }: SpacePlace): Promise<BlobStore> {
    if (this.#folder !== null) return fsBlobs({ dir: join(this.#folder, spaceConnRef, bucket) })
    const connection = this.#connections.get(spaceConnRef)
    if (connection === undefined)
      throw new VarveError('INVALID', `There is no connection "${spaceConnRef}": name it in spacesConnections`)
    const { endpoint, region, forcePathStyle, accessKey = '', secretKey = '' } = connection
    if (connection.kind === 'azure')
      return openBlobs({ kind: 'azure', endpoint, container: bucket, account: accessKey, accountKey: secretKey })
    return openBlobs({ kind: 's3', endpoint, bucket, region, accessKey, secretKey, forcePathStyle })
  }
}

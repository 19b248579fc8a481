/** The old layers of a tenant on this device: how far its databases have sunk into object storage, and making them sink. */

import type { BlobStore } from '../blobs/blob-store.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import type { SegmentsReport } from '../sinking/check.ts'
import type { Descriptor } from '../sinking/descriptor.ts'
import type { SinkState, SinkSums } from '../sinking/sinker.ts'
import { sinkersOf, sinkingStores, unsunkStores } from '../sinking/stores.ts'
import type { SinkOptions } from '../sinking/window.ts'
import type { StoreProvider } from '../store/store.ts'

export interface LayerOptions {
  readonly store: StoreProvider
  readonly blobs?: BlobStore
  readonly sink?: SinkOptions
  readonly env?: Env
}

/** The stores with what has sunk of them, when there is object storage. Throws `INVALID` for `sink` without `blobs`. */
export function storesOf({ store, blobs, sink, env }: LayerOptions): StoreProvider {
  // The application, or the server, may have done so itself.
  if (sinkersOf(store) !== null) return store
  if (blobs === undefined) {
    if (sink === undefined) return unsunkStores(store)
    throw new VarveError('INVALID', 'Old layers need a place to sink to: give `blobs` beside `sink`')
  }
  return sinkingStores(store, {
    blobs,
    ...(sink === undefined ? {} : { sink }),
    ...(env === undefined ? {} : { env }),
  })
}

export class Layers {
  readonly #provider: StoreProvider

  constructor(provider: StoreProvider) {
    this.#provider = provider
  }

  /** Of each database that is open, by its id: what has sunk, what waits, and what keeps it from sinking. */
  async state(): Promise<ReadonlyMap<string, SinkState>> {
    const states = new Map<string, SinkState>()
    for (const [id, sinker] of sinkersOf(this.#provider) ?? []) states.set(id, await sinker.state())
    return states
  }

  /** The segments of each database that is open, by its id, oldest first. */
  async segments(): Promise<ReadonlyMap<string, readonly Descriptor[]>> {
    const found = new Map<string, readonly Descriptor[]>()
    for (const [id, sinker] of sinkersOf(this.#provider) ?? []) found.set(id, await sinker.segments())
    return found
  }

  /** Reads all of them whole and says which are not as they were put, by database. */
  async check(): Promise<ReadonlyMap<string, SegmentsReport>> {
    const found = new Map<string, SegmentsReport>()
    for (const [id, sinker] of sinkersOf(this.#provider) ?? []) found.set(id, await sinker.check())
    return found
  }

  /**
   * Lets what is old sink at once, in every database that is open, dead letters included; with `all` what is young too,
   * and what is too little for a whole segment. Throws `STORE_FAILED` and `TAMPERED` of object storage; nothing is lost
   * then. Without `blobs` it does nothing.
   */
  async sink(options: { readonly all?: boolean } = {}): Promise<SinkSums> {
    let sums: SinkSums = { segments: 0, commits: 0, bytes: 0, stored: 0 }
    for (const [, sinker] of sinkersOf(this.#provider) ?? []) {
      const made = await sinker.run(options)
      sums = {
        segments: sums.segments + made.segments,
        commits: sums.commits + made.commits,
        bytes: sums.bytes + made.bytes,
        stored: sums.stored + made.stored,
      }
    }
    return sums
  }
}

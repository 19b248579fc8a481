/** What sinking stores share so that many of them together stay small: memory for what is read, and turns to pack. */

import { Turns } from '../blobs/turns.ts'
import { limits } from '../limits.ts'
import { SegmentCache } from './read.ts'

export interface SinkingShareOptions {
  /** Bytes of memory for what was read from segments; 32 MB when absent. */
  readonly cacheBytes?: number
  /** Segments packed at once, each of which takes several times its size in memory; 2 when absent. */
  readonly packing?: number
}

export class SinkingShare {
  readonly cache: SegmentCache
  readonly #packing: Turns

  constructor({ cacheBytes = limits.segmentCacheBytes, packing = 2 }: SinkingShareOptions = {}) {
    this.cache = new SegmentCache(cacheBytes)
    this.#packing = new Turns(packing)
  }

  /** Runs `work` as soon as a turn is free; while it waits, aborting fails with the reason of the signal. */
  turn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#packing.take(signal, work)
  }
}

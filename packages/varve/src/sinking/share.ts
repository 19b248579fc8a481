/** What sinking stores share so that many of them together stay small: memory for what is read, and turns to pack. */

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
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor({ cacheBytes = limits.segmentCacheBytes, packing = 2 }: SinkingShareOptions = {}) {
    this.cache = new SegmentCache(cacheBytes)
    this.#free = packing
  }

  /** Runs `work` as soon as a turn is free; while it waits, aborting fails with the reason of the signal. */
  async turn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#wait(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve)
      signal.addEventListener(
        'abort',
        () => {
          const position = this.#waiting.indexOf(resolve)
          if (position < 0) return
          this.#waiting.splice(position, 1)
          reject(signal.reason)
        },
        { once: true },
      )
    })
  }
}

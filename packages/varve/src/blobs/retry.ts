/** The one place that repeats calls to object storage: those whose error says that trying again may help. */

import type { Env } from '../env/env.ts'
import { pauseUnlessAborted } from '../env/pause.ts'
import { isVarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { BlobStore } from './blob-store.ts'
import { decorateBlobs } from './decorate.ts'
import { UnderWay } from './under-way.ts'

export interface RetryBlobsOptions {
  /** Calls made at most, the first one included. */
  readonly attempts: number
  readonly env: Pick<Env, 'timer' | 'random'>
  /** Milliseconds of the first pause, before it is spread; `limits.blobRetryMs` when left out. */
  readonly firstMs?: number
  /** Milliseconds that pauses double up to; `limits.blobRetryMaximumMs` when left out. */
  readonly maximumMs?: number
}

/**
 * The same object storage, whose calls are repeated after errors with `retryable` true. Pauses double up to their
 * maximum and are spread over the upper half, so that many callers do not come at once. A put that failed may have taken
 * effect: repeated with `ifAbsent` it then finds its own object and answers false.
 */
export function retryBlobs(blobs: BlobStore, options: RetryBlobsOptions): BlobStore {
  const { attempts, env, firstMs = limits.blobRetryMs, maximumMs = limits.blobRetryMaximumMs } = options

  const underWay = new UnderWay()

  async function repeated<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (attempt >= attempts || !isVarveError(error) || !error.retryable) throw error
        const step = Math.min(maximumMs, firstMs * 2 ** (attempt - 1))
        await pauseUnlessAborted(env, spread(step, env), signal)
      }
    }
  }

  return {
    ...decorateBlobs(blobs, (_, call, signal) => underWay.run(() => repeated(call, signal))),
    close: () => underWay.close(() => blobs.close()),
  }
}

/** Between half of the step and the whole. */
function spread(step: number, env: Pick<Env, 'random'>): number {
  const [byte = 0, next = 0] = env.random(2)
  return Math.round(step * (0.5 + (byte * 256 + next) / 0x1_ffff))
}

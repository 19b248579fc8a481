/** A decorator that stops asking an object storage which fails again and again, and tries it once in a while. */

import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import type { BlobStore } from './blob-store.ts'
import { decorateBlobs } from './decorate.ts'

export interface CircuitOptions {
  /** Failures one after the other that open the circuit, 1 or more. */
  readonly failures: number
  /** Milliseconds that an open circuit waits until it lets one call through. */
  readonly pauseMs: number
  readonly env: Pick<Env, 'now'>
}

/** What `hub.admin.stats()` and metrics show. */
export interface CircuitState {
  /** `closed`: calls go through; `open`: they fail at once; `half-open`: one call is tried. */
  readonly state: 'closed' | 'open' | 'half-open'
  /** Failures since the last call that went well. */
  readonly failures: number
  /** How often the circuit opened. */
  readonly opened: number
  /** When it opened, in milliseconds since 1970; null while it is closed. */
  readonly since: number | null
  /** Message of the last failure; null while there was none. */
  readonly problem: string | null
}

export interface Circuit {
  readonly blobs: BlobStore
  readonly state: () => CircuitState
}

/**
 * The same object storage behind a circuit breaker. While it is open, calls fail with `STORE_FAILED`, retryable, without
 * asking the storage. Only `STORE_FAILED` counts as a failure: an answer that something is wrong with the call is an
 * answer. `close` always goes through, and so does `presign`, which asks nobody.
 */
export function circuit(blobs: BlobStore, options: CircuitOptions): Circuit {
  const breaker = new Breaker(options)
  return {
    blobs: decorateBlobs(blobs, (method, call) =>
      method === 'close' || method === 'presign' ? call() : breaker.run(call),
    ),
    state: () => breaker.state(),
  }
}

class Breaker {
  readonly #options: CircuitOptions
  #failures = 0
  #opened = 0
  #openedAt: number | null = null
  #isTrying = false
  #problem: string | null = null

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  state(): CircuitState {
    const state = this.#openedAt === null ? 'closed' : this.#isTrying ? 'half-open' : 'open'
    return {
      state,
      failures: this.#failures,
      opened: this.#opened,
      since: this.#openedAt,
      problem: this.#problem,
    }
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    const isTrial = this.#openedAt !== null
    if (isTrial) this.#admitTrial()
    try {
      const answer = await call()
      this.#wentWell()
      return answer
    } catch (error) {
      if (isVarveError(error, 'STORE_FAILED')) this.#failed(error.message, isTrial)
      throw error
    } finally {
      if (isTrial) this.#isTrying = false
    }
  }

  /** Throws unless the pause is over and nobody else is trying. A clock that was set back does not hold it up. */
  #admitTrial(): void {
    const passed = this.#options.env.now() - (this.#openedAt ?? 0)
    const left = this.#options.pauseMs - passed
    if (this.#isTrying || (passed >= 0 && left > 0)) {
      throw new VarveError(
        'STORE_FAILED',
        `The object storage failed ${this.#failures} times in a row and is left alone for a while: ${this.#problem}`,
        { retryable: true, details: { circuit: 'open', leftMs: Math.max(0, left) } },
      )
    }
    this.#isTrying = true
  }

  #wentWell(): void {
    this.#failures = 0
    this.#openedAt = null
  }

  /** Calls that began before the circuit opened and fail later do not keep it open longer. */
  #failed(problem: string, isTrial: boolean): void {
    this.#failures++
    this.#problem = problem
    if (!isTrial && (this.#openedAt !== null || this.#failures < this.#options.failures)) return
    if (this.#openedAt === null) this.#opened++
    this.#openedAt = this.#options.env.now()
  }
}

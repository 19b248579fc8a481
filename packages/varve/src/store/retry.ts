/** The one place that retries: a decorator of providers that repeats calls whose error says so. */

import type { Env } from '../env/env.ts'
import { pause } from '../env/pause.ts'
import { isVarveError } from '../errors.ts'
import { decorate } from './decorate.ts'
import type { StoreProvider } from './store.ts'

export interface RetryOptions {
  /** Calls made at most, the first one included. */
  readonly attempts: number
  readonly env: Pick<Env, 'timer'>
}

const firstPauseMs = 10

/**
 * The same provider and its stores, whose calls are repeated after errors with `retryable` true, with
 * pauses that double from 10 ms. Safe because a `write` that failed left nothing.
 */
export function retry(provider: StoreProvider, { attempts, env }: RetryOptions): StoreProvider {
  async function repeated<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (attempt >= attempts || !isVarveError(error) || !error.retryable) throw error
        await pause(env, firstPauseMs * 2 ** (attempt - 1))
      }
    }
  }

  return {
    supports: provider.supports,
    open: async (name, options) =>
      decorate(await repeated(() => provider.open(name, options)), (_, call) => repeated(call)),
    readFile: (name) => repeated(() => provider.readFile(name)),
    writeFile: (name, bytes) => repeated(() => provider.writeFile(name, bytes)),
    destroy: () => repeated(() => provider.destroy()),
  }
}

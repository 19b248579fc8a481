/** Waiting for time to pass, or only for everybody else's turn. */

import type { Env } from './env.ts'

/** Resolves after `ms` milliseconds; with 0 as soon as everything else that is due has run. */
export function pause(env: Pick<Env, 'timer'>, ms: number): Promise<void> {
  return new Promise((resolve) => void env.timer(resolve, ms))
}

/** The same; throws the reason of `signal` as soon as it aborts. */
export async function pauseUnlessAborted(env: Pick<Env, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve) => {
    const cancel = env.timer(done, ms)
    function done(): void {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done, { once: true })
  })
  signal?.throwIfAborted()
}

/** Milliseconds of work after which others have their turn. */
const turnMs = 12

/** For long work to wait for after each of its steps: everybody else has a turn whenever some time has passed. */
export function takingTurns(env: Pick<Env, 'now' | 'timer'>): () => Promise<void> {
  let since = env.now()
  return async () => {
    if (env.now() - since < turnMs) return
    await pause(env, 0)
    since = env.now()
  }
}

/** Waiting for a store that another has open: woken when its lease is given back, and asking again now and then. */

import type { Collection } from 'mongodb'
import { isVarveError, type Env } from 'varve/engine'
import type { LeaseRow } from './lease.ts'

export interface WaitOptions {
  readonly leases: Collection<LeaseRow>
  readonly store: string
  readonly env: Pick<Env, 'now' | 'timer'>
  /** Milliseconds to wait at most. */
  readonly waitMs: number
}

/** Milliseconds after which the server is asked again, should it not have told. */
const askAgainMs = 1_000

/** Repeats `open` while it fails with `LOCKED`, until the time is over; then it fails with that. */
export async function waiting<T>({ leases, store, env, waitMs }: WaitOptions, open: () => Promise<T>): Promise<T> {
  const until = env.now() + waitMs
  const first = await attempt(open)
  if ('answer' in first) return first.answer
  if (waitMs <= 0) throw first.error
  let wake: () => void = () => undefined
  const stream = leases.watch([{ $match: { 'documentKey._id': store } }])
  stream.on('change', () => {
    wake()
  })
  // Asking again does without it.
  stream.on('error', () => undefined)
  try {
    for (let last = first.error; ;) {
      const left = until - env.now()
      if (left <= 0) throw last
      await new Promise<void>((resolve) => {
        const cancel = env.timer(resolve, Math.min(left, askAgainMs, untilFree(last, env.now())))
        wake = () => {
          cancel()
          resolve()
        }
      })
      const next = await attempt(open)
      if ('answer' in next) return next.answer
      last = next.error
    }
  } finally {
    await stream.close().catch(() => undefined)
  }
}

async function attempt<T>(open: () => Promise<T>): Promise<{ readonly answer: T } | { readonly error: Error }> {
  try {
    return { answer: await open() }
  } catch (error) {
    if (isVarveError(error, 'LOCKED')) return { error }
    throw error
  }
}

/** Milliseconds until a lease that is not renewed runs out, by a clock that may differ from the server's. */
function untilFree(error: Error, now: number): number {
  const until: unknown = isVarveError(error) ? error.details?.['until'] : null
  return typeof until === 'string' ? Math.max(20, Date.parse(until) - now) : askAgainMs
}

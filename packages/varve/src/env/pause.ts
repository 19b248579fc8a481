/** Waiting for time to pass, or only for everybody else's turn. */

import type { Env } from './env.ts'

/** Resolves after `ms` milliseconds; with 0 as soon as everything else that is due has run. */
export function pause(env: Pick<Env, 'timer'>, ms: number): Promise<void> {
  return new Promise((resolve) => void env.timer(resolve, ms))
}

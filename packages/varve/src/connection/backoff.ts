/** How long to wait before the next attempt to connect: doubling, bounded, and spread so that devices do not come at once. */

import type { Env } from '../env/env.ts'
import { limits } from '../limits.ts'

/** Milliseconds before attempt number `attempt` (0 for the first again), between half of the step and the whole. */
export function backoffMs(attempt: number, env: Pick<Env, 'random'>): number {
  const step = Math.min(limits.reconnectMaximumMs, limits.reconnectMs * 2 ** Math.min(attempt, 16))
  const [byte = 0, next = 0] = env.random(2)
  return Math.round(step * (0.5 + (byte * 256 + next) / 0x1_ffff))
}

/** Sinking by itself: now and then, sooner or later after failures, until the store is closed. */

import type { Env } from '../env/env.ts'
import { isVarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Sinker } from './sinker.ts'

type Parts = Pick<Env, 'now' | 'random' | 'timer' | 'log'>

/** Begins; the returned function ends it. */
export function sinkInBackground(sinker: Sinker, name: string, env: Parts): () => void {
  let listedAt = -Infinity
  let isOver = false
  // Stores that were opened together do not begin together.
  const [byte = 0] = env.random(1)
  let cancel = env.timer(tick, limits.sinkEveryMs * (0.5 + byte / 512))

  function tick(): void {
    void round()
  }

  async function round(): Promise<void> {
    await once()
    if (!isOver) cancel = env.timer(tick, pauseMs(sinker, env))
  }

  async function once(): Promise<void> {
    try {
      await sinker.run()
      if (env.now() - listedAt < limits.sinkListMs) return
      await sinker.removeEmpty()
      await sinker.removeOrphans()
      listedAt = env.now()
    } catch (error) {
      // The sinker counts what failed, and tries again; being closed in the middle is no failure.
      if (isOver || isVarveError(error, 'CLOSED')) return
      env.log('info', 'Sinking waits', { store: name, error: error instanceof Error ? error.message : String(error) })
    }
  }

  return () => {
    isOver = true
    cancel()
  }
}

/** A clock that was set back does not hold it up longer than a dead letter waits. */
function pauseMs({ nextTryAt }: Sinker, env: Parts): number {
  if (nextTryAt === null) return limits.sinkEveryMs
  return Math.min(Math.max(0, nextTryAt - env.now()), 2 * limits.sinkDeadMs)
}

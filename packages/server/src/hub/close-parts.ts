/** Closing the parts of a hub one after the other, without waiting for long for databases that do not answer. */

import { pause, type Env } from 'varve/engine'
import type { Connections } from './connections/connections.ts'

interface Part {
  close(): Promise<void>
}

/** Milliseconds after which closing looks which databases it waits for in vain. */
const patientMs = 5_000
/** Milliseconds that each part still has once their connections were ended. */
const lastMs = 1_000

/**
 * Closes all of them in this order, whatever happens to one, and throws what failed first. When databases are away, the
 * log says so, and what is open there is closed without them.
 */
export async function closeParts(
  parts: readonly (Part | null)[],
  connections: Connections,
  env: Pick<Env, 'timer' | 'log'>,
): Promise<void> {
  const now = { isAway: false }
  let cancel: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    const endAway = async (): Promise<void> => {
      const names = await connections.endAway()
      if (names.length === 0) return
      now.isAway = true
      const said = 'databases do not answer: what is open there is closed without them, and its leases run out'
      env.log('warn', said, { connections: names })
      resolve()
    }
    cancel = env.timer(() => void endAway(), patientMs)
  })
  const results: PromiseSettledResult<void>[] = []
  for (const part of parts) {
    const last = ended.then(() => pause(env, lastMs))
    results.push(...(await Promise.allSettled([Promise.race([part?.close(), last])])))
  }
  cancel()
  // All that was acknowledged is in the database.
  for (const result of results) if (result.status === 'rejected' && !now.isAway) throw result.reason
}

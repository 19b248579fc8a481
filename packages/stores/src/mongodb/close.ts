/** Closing a store: what is written is brought into the rows and the lease given back, unless MongoDB is away. */

import type { ClientSession } from 'mongodb'
import type { Env } from 'varve/engine'
import type { Closing } from '../closing.ts'
import type { Layers } from './layers.ts'
import type { Lease } from './lease.ts'
import type { Log } from './log.ts'
import type { Projector } from './projector.ts'
import type { Writer } from './writer.ts'

export interface ClosedParts {
  readonly closing: Closing
  readonly writer: Writer
  readonly projector: Projector
  readonly log: Log
  readonly layers: Layers
  readonly lease: Lease
  readonly session: ClientSession
  readonly store: string
  readonly env: Pick<Env, 'log'>
}

/** Never fails. A write that is still under way then is told that nobody knows what became of it. */
export async function closeStore(parts: ClosedParts): Promise<void> {
  const { closing, projector, log, layers, lease, session, store, env } = parts
  // All of it is in the log, and applied when the store is opened again; the projector has told why it could not be.
  const isApplied = await closing.within(() => applied(parts).catch(() => undefined))
  log.end()
  const isGiven = await closing.within(async () => {
    await projector.stop()
    await session.endSession().catch(() => undefined)
    await lease.release()
  })
  if (isApplied && isGiven) return
  const done = { store, written: layers.last, applied: layers.applied }
  env.log('warn', 'MongoDB is away: a store was closed without it, and its lease runs out by itself', done)
}

async function applied({ writer, projector, log, layers, lease }: ClosedParts): Promise<void> {
  await writer.idle()
  if (!lease.isLost) await projector.finish(layers.last)
  if (!lease.isLost) await log.trim(layers.applied)
}

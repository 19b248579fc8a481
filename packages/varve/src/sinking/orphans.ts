/** Objects that no segment needs: what crashes and failures left behind. */

import type { Env } from '../env/env.ts'
import { limits } from '../limits.ts'
import { storeFolder } from './keys.ts'
import type { KnownSegments } from './segments.ts'
import type { SegmentStorage } from './storage.ts'

export interface OrphanParts {
  readonly name: string
  readonly known: KnownSegments
  readonly storage: SegmentStorage
  readonly env: Pick<Env, 'now'>
}

/** Removes objects of this store that were put more than a day ago and that no descriptor names; returns how many. */
export async function removeOrphans({ name, known, storage, env }: OrphanParts, signal: AbortSignal): Promise<number> {
  const { state } = await known.get()
  if (state === null) return 0
  const before = env.now() - limits.sinkOrphanMs
  const old: string[] = []
  for await (const { key, at } of storage.list(storeFolder(name, state.owner), signal)) if (at < before) old.push(key)
  // Read after listing: what was sunk meanwhile is among them.
  known.forget()
  const needed = new Set((await known.get()).list.map(({ key }) => key))
  const orphans = old.filter((key) => !needed.has(key))
  for (const key of orphans) await storage.delete(key, signal)
  return orphans.length
}

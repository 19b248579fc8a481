/** Segments of which everything was pruned: the descriptor goes first, then the object. */

import type { Env } from '../env/env.ts'
import type { Store } from '../store/store.ts'
import { descriptorName, encodeSunkState, stateValue, type Descriptor, type SunkState } from './descriptor.ts'
import type { KnownSegments, Segments } from './segments.ts'
import type { SegmentStorage } from './storage.ts'

export interface EmptyParts {
  readonly name: string
  readonly store: Pick<Store, 'write' | 'commitsAfter'>
  readonly known: KnownSegments
  readonly storage: SegmentStorage
  readonly env: Pick<Env, 'log'>
}

const pageCommits = 512

/** Removes the segments that hold nothing any more; returns how many. An object that stays is removed as an orphan. */
export async function removeEmpty(parts: EmptyParts, signal: AbortSignal): Promise<number> {
  const { known, storage, env, name } = parts
  known.forget()
  let removed = 0
  for (const segment of (await known.get()).list) {
    signal.throwIfAborted()
    const segments = await known.get()
    if (!(await isEmpty(parts.store, segments, segment))) continue
    await forgetSegment(parts, segments, segment)
    removed++
    try {
      await storage.delete(segment.key, signal)
    } catch (error) {
      env.log('warn', 'A pruned segment could not be removed', { store: name, key: segment.key, error: String(error) })
    }
  }
  return removed
}

async function isEmpty(store: EmptyParts['store'], segments: Segments, { first, last }: Descriptor): Promise<boolean> {
  for (let after = first - 1; after < last;) {
    const heads = await store.commitsAfter(after, pageCommits)
    const kept = heads.some(({ no, size }) => no <= last && size > 0 && !segments.isDropped(no))
    if (kept) return false
    after = heads.at(-1)?.no ?? last
  }
  return true
}

async function forgetSegment({ store, known }: EmptyParts, segments: Segments, segment: Descriptor): Promise<void> {
  const { state, stored } = segments
  if (state === null) return
  const left: SunkState = {
    ...state,
    segments: state.segments - 1,
    commits: state.commits - segment.commits,
    bytes: state.bytes - segment.bytes,
    stored: state.stored - segment.size,
  }
  const values = new Map([
    [stateValue, encodeSunkState(left)],
    [descriptorName(segment), null],
  ])
  try {
    await store.write({ expect: new Map([[stateValue, stored]]), values })
  } finally {
    known.forget()
  }
}

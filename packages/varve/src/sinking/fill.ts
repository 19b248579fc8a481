/** What the hot store does not give any more, from segments; never less than what was written. */

import { emptyBytes } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import type { Descriptor } from './descriptor.ts'
import type { Part, SegmentReader } from './read.ts'
import type { KnownSegments, Segments } from './segments.ts'

export interface Filling {
  readonly store: Pick<Store, 'commitHeads'>
  readonly known: KnownSegments
  readonly reader: SegmentReader
}

/** Parts that the hot store gave empty, in the order asked; empty where nothing was written. */
export async function fill(filling: Filling, parts: readonly Part[]): Promise<readonly Uint8Array[]> {
  const filled: (Uint8Array | null)[] = parts.map(() => emptyBytes.slice())
  // The rows say what was written: who wrote nothing costs no request.
  const heads = await filling.store.commitHeads(parts.map(({ commit }) => commit))
  const missing = parts.flatMap((part, at) => ((heads[at]?.size ?? 0) > part.offset ? [{ at, part }] : []))
  const found = await everywhere(
    filling,
    missing.map(({ part }) => part),
  )
  for (const [i, { at }] of missing.entries()) filled[at] = found[i] ?? null
  return filled.map((bytes, at) => bytes ?? gone(parts[at]?.commit))
}

/** Null for what is nowhere. */
async function everywhere(filling: Filling, parts: readonly Part[]): Promise<readonly (Uint8Array | null)[]> {
  if (parts.length === 0) return []
  const found = await fromSegments(filling, await filling.known.get(), parts)
  if (!found.includes(null)) return found
  // Another opener of the same store may have sunk them.
  filling.known.forget()
  return fromSegments(filling, await filling.known.get(), parts)
}

function gone(commit: number | undefined): never {
  throw new VarveError(
    'TAMPERED',
    `The bodies of commit ${commit ?? '?'} are neither in the store nor in a segment: restore the store from a copy`,
    { details: { commit } },
  )
}

/** Null for commits that no segment holds. */
async function fromSegments(
  { reader }: Filling,
  segments: Segments,
  parts: readonly Part[],
): Promise<readonly (Uint8Array | null)[]> {
  const found: (Uint8Array | null)[] = parts.map(({ commit }) =>
    segments.isDropped(commit) ? emptyBytes.slice() : null,
  )
  const wanted = new Map<Descriptor, number[]>()
  for (const [at, { commit }] of parts.entries()) {
    const segment = found[at] === null ? segments.find(commit) : null
    if (segment === null) continue
    const positions = wanted.get(segment)
    if (positions === undefined) wanted.set(segment, [at])
    else positions.push(at)
  }
  await inTurns([...wanted], async ([segment, positions]) => {
    const read = await reader.read(
      segment,
      positions.flatMap((at) => parts[at] ?? []),
    )
    for (const [i, at] of positions.entries()) found[at] = read[i] ?? null
  })
  return found
}

/** Segments that are read at once. */
const lanes = 8

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const lane = async (): Promise<void> => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
}

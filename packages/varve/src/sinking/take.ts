/** What goes into one segment: the commits, their hot bodies, and what is dropped when it is there. */

import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { CommitHead } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { Range } from './descriptor.ts'
import type { PackedCommit } from './pack.ts'
import type { Segments } from './segments.ts'

export interface Taken {
  /** Commits with bodies, at least one. */
  readonly heads: readonly CommitHead[]
  readonly first: number
  readonly last: number
  /** Everything that is passed over with them, commits without bodies included. */
  readonly commits: number
  readonly bytes: number
}

/** Commits from the first hot one on, up to number `end`, until their bodies are `aim` bytes; null when there are none. */
export async function takeHeads(
  store: Pick<Store, 'commitsAfter'>,
  segments: Segments,
  end: number,
  aim: number,
): Promise<Taken | null> {
  const heads: CommitHead[] = []
  const passed = { last: segments.next - 1, commits: 0, bytes: 0 }
  for (let taken = 0; ;) {
    const page = await store.commitsAfter(passed.last, 512)
    for (const head of page) {
      if (head.no > end || taken >= aim || heads.length >= limits.segmentCommits) return takenOf(heads, passed)
      passed.last = head.no
      passed.commits++
      passed.bytes += head.size
      if (head.size === 0 || segments.isDropped(head.no)) continue
      heads.push(head)
      taken += head.size
    }
    if (page.length === 0) return takenOf(heads, passed)
  }
}

function takenOf(heads: readonly CommitHead[], passed: Omit<Taken, 'heads' | 'first'>): Taken | null {
  const [first] = heads
  return first === undefined ? null : { heads, first: first.no, ...passed }
}

/** Throws `TAMPERED` when the store does not hold what its rows say. */
export async function hotBodies(
  store: Pick<Store, 'bodies'>,
  heads: readonly CommitHead[],
): Promise<readonly PackedCommit[]> {
  const bodies = await store.bodies(heads.map(({ no, size }) => ({ commit: no, offset: 0, size })))
  return heads.map(({ no, size }, at) => {
    const found = bodies[at]
    if (found?.length === size) return { no, bodies: found }
    throw new VarveError('TAMPERED', `The bodies of commit ${no} are not in the store: restore it from a copy`, {
      details: { commit: no, expected: size, found: found?.length ?? 0 },
    })
  })
}

/** Exactly these commits, those that follow each other in one range: what is not in the segment is never dropped. */
export function rangesOf(heads: readonly Pick<CommitHead, 'no'>[]): readonly Range[] {
  const ranges: Range[] = []
  for (const { no } of heads) {
    const last = ranges.at(-1)
    if (last !== undefined && last.to === no - 1) ranges[ranges.length - 1] = { from: last.from, to: no }
    else ranges.push({ from: no, to: no })
  }
  return ranges
}

/** Random histories that are pruned at random moments, against a copy that keeps everything. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory } from '../src/index.ts'
import { storeOf } from './engine-world.ts'
import { points, runPruned, steps, tooLate } from './prune-history.ts'
import { sinkingAll } from './sink-world.ts'

const runs = Number(process.env['VARVE_PRUNE_RUNS'] ?? 24)

describe('whatever was pruned, what is kept answers as it did, and the rest says that it is gone', () => {
  test.each([
    ['memory', 'open', runs, () => Promise.resolve(memory())],
    ['memory', 'sealed', Math.ceil(runs / 4), () => Promise.resolve(memory())],
    ['SQLite', 'open', Math.ceil(runs / 8), () => storeOf('sqlite')],
    ['memory, everything sunk', 'open', Math.ceil(runs / 4), () => Promise.resolve(sinkingAll(memory()))],
  ] as const)('%s, %s', async (_, mode, numRuns, store) => {
    const sums = { versions: 0, behind: 0, late: 0 }
    await fc.assert(
      fc.asyncProperty(steps, points, async (list, at) => {
        const seen = await runPruned(await store(), mode, list, at)
        sums.versions += seen.versions
        sums.behind += seen.behind
        sums.late += seen.late
      }),
      { numRuns, examples: [tooLate] },
    )
    expect(sums.versions).toBeGreaterThan(0)
    // Members that fall behind, and changes that come too late, are among them.
    expect(Math.min(sums.behind, sums.late)).toBeGreaterThan(0)
  })
})

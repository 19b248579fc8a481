/** A few seeds of the simulator in every test run; `npm run sim` runs many. */

import { runWorld } from '@varve/testkit'
import { describe, expect, test } from 'vitest'

const seeds = Array.from({ length: 15 }, (_, i) => i + 1)

describe('simulated worlds', () => {
  test.each(seeds)('seed %i', async (seed) => {
    const { problems, tally } = await runWorld(seed)
    expect(problems).toEqual([])
    expect(tally.get('accepted') ?? 0).toBeGreaterThan(0)
  })

  test('one seed replays identically, another does not', async () => {
    const [first, again, other] = [await runWorld(3), await runWorld(3), await runWorld(4)]
    expect(again.trace).toEqual(first.trace)
    expect(again.hash).toBe(first.hash)
    expect(other.hash).not.toBe(first.hash)
  })
})

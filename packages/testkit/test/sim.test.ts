/** A few seeds of the simulator in every test run; `npm run sim` runs many. */

import { runServers, runWorld } from '@varve/testkit'
import { describe, expect, test } from 'vitest'

const seeds = Array.from({ length: 15 }, (_, i) => i + 1)

describe.each([
  ['devices', runWorld, seeds],
  ['servers', runServers, seeds.slice(0, 10)],
] as const)('simulated worlds of %s', (_kind, run, some) => {
  test.each(some)('seed %i', async (seed) => {
    const { problems, tally } = await run(seed)
    expect(problems).toEqual([])
    expect(tally.get('acknowledged') ?? 0).toBeGreaterThan(0)
  })

  test('one seed replays identically, another does not', async () => {
    const [first, again, other] = [await run(3), await run(3), await run(4)]
    expect(again.trace).toEqual(first.trace)
    expect(again.hash).toBe(first.hash)
    expect(other.hash).not.toBe(first.hash)
  })
})

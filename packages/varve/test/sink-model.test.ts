/** Random histories over stores whose layers sink at random moments: the engine answers as the model does, as if nothing had sunk. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, type Command } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import fc from 'fast-check'
import {
  memory,
  memoryBlobs,
  sinking,
  SinkingShare,
  systemEnv,
  windowOf,
  type Sinker,
  type StoreProvider,
} from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { ModelWorld } from '../../testkit/test/model-world.ts'

/** The provider with a sinker for each store that is open. */
function withSinkers(provider: StoreProvider, sinkers: Map<string, Sinker>): StoreProvider {
  const env = systemEnv()
  const blobs = memoryBlobs({ env })
  const share = new SinkingShare({ cacheBytes: 20_000 })
  return {
    ...provider,
    open: async (name, options) => {
      const window = windowOf({ keepCommits: 3, segmentBytes: 2000 })
      const { store, sinker } = sinking(await provider.open(name, options), { name, blobs, window, share, env })
      sinkers.set(name, sinker)
      return {
        ...store,
        close: async () => {
          if (sinkers.get(name) === sinker) sinkers.delete(name)
          await store.close()
        },
      }
    },
  }
}

const chance = fc.constantFrom('no', 'no', 'no', 'old', 'all')
const steps = fc.array(fc.tuple(command, chance), { minLength: 1, maxLength: 60, size: 'max' })

async function run(provider: StoreProvider, mode: 'sealed' | 'open', list: readonly (readonly [Command, string])[]) {
  const sinkers = new Map<string, Sinker>()
  const world = await ModelWorld.open(withSinkers(provider, sinkers), mode)
  let sunk = 0
  try {
    for (const [each, sink] of list) {
      await world.run(each)
      if (sink === 'no') continue
      for (const sinker of sinkers.values()) sunk += (await sinker.run({ all: sink === 'all' })).commits
    }
    for (const sinker of sinkers.values()) sunk += (await sinker.run({ all: true })).commits
    await world.compareAll()
  } finally {
    await world.close()
  }
  return sunk
}

describe('whatever has sunk, the engine answers as the model does', () => {
  test.each([
    ['sealed', 40],
    ['open', 25],
  ] as const)('memory, %s', async (mode, numRuns) => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        expect(await run(memory(), mode, list)).toBeGreaterThan(0)
      }),
      { numRuns },
    )
  })

  test('SQLite, sealed', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const dir = await mkdtemp(join(tmpdir(), 'varve-sink-'))
        try {
          expect(await run(sqlite({ dir }), 'sealed', list)).toBeGreaterThan(0)
        } finally {
          await rm(dir, { recursive: true })
        }
      }),
      { numRuns: 8 },
    )
  })
})

/** Random commands on the engine and on the model, compared after each one; memory and SQLite. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import fc from 'fast-check'
import { memory, type Mode, type StoreProvider } from 'varve'
import { describe, test } from 'vitest'
import { ModelWorld } from './model-world.ts'

interface Setting {
  readonly name: string
  readonly mode: Mode
  readonly runs: number
  readonly provider: () => Promise<{ readonly provider: StoreProvider; readonly cleanup: () => Promise<void> }>
}

const inMemory = async (): ReturnType<Setting['provider']> => ({ provider: memory(), cleanup: async () => undefined })

const onDisk = async (): ReturnType<Setting['provider']> => {
  const dir = await mkdtemp(join(tmpdir(), 'varve-model-'))
  return { provider: sqlite({ dir }), cleanup: () => rm(dir, { recursive: true }) }
}

const settings: readonly Setting[] = [
  { name: 'memory, sealed', mode: 'sealed', runs: 200, provider: inMemory },
  { name: 'memory, open', mode: 'open', runs: 100, provider: inMemory },
  { name: 'SQLite, sealed', mode: 'sealed', runs: 40, provider: onDisk },
  { name: 'SQLite, open', mode: 'open', runs: 20, provider: onDisk },
]

describe('the engine answers as the model does', () => {
  test.each(settings)('$name', async ({ mode, runs, provider: make }) => {
    // A failing run prints its seed and path; give both here to see it again.
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }), async (commands) => {
        const { provider, cleanup } = await make()
        const world = await ModelWorld.open(provider, mode)
        try {
          for (const each of commands) await world.run(each)
          await world.compareAll()
        } finally {
          await world.close()
          await cleanup()
        }
      }),
      { numRuns: runs },
    )
  })
})

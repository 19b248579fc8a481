/** The storage contract over stores whose bodies have all sunk. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeSuite } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import { memory } from 'varve/engine'
import { describe, it } from 'vitest'
import { sinkingAll } from './sink-world.ts'

storeSuite({
  name: 'memory with everything sunk',
  provider: async () => ({ provider: sinkingAll(memory()), cleanup: async () => undefined }),
  test: { describe, it },
})

storeSuite({
  name: 'sqlite with everything sunk',
  provider: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'varve-sink-'))
    return { provider: sinkingAll(sqlite({ dir })), cleanup: () => rm(dir, { recursive: true, force: true }) }
  },
  test: { describe, it },
})

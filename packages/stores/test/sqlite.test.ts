/** The SQLite adapter against the storage contract, with its default and its strictest durability. */

import { storeSuite } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import { describe, it } from 'vitest'
import { temporaryFolder } from './folder.ts'

for (const synchronous of ['NORMAL', 'FULL'] as const) {
  const provider = async () => {
    const { dir, remove } = await temporaryFolder()
    return { provider: sqlite({ dir, synchronous }), cleanup: remove }
  }
  storeSuite({ name: `sqlite, synchronous ${synchronous}`, provider, test: { describe, it } })
}

/** Memory and SQLite give equal answers to the same random history of batches, restarts and reads. */

import fc from 'fast-check'
import { FaultyDisk, historyOf } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import { memory } from 'varve/engine'
import { expect, test } from 'vitest'
import { agreesWithMemory, turns } from './agreement.ts'
import { temporaryFolder } from './folder.ts'

test('memory and SQLite agree', async () => {
  const { dir, remove } = await temporaryFolder()
  try {
    await agreesWithMemory(sqlite({ dir }), 200)
  } finally {
    await remove()
  }
})

test('memory over a disk agrees with memory alone', async () => {
  await fc.assert(
    fc.asyncProperty(turns, async (history) => {
      const journaled = memory({ disk: new FaultyDisk().attach() })
      expect(await historyOf(journaled, 'main', history)).toEqual(await historyOf(memory(), 'main', history))
    }),
    { numRuns: 300 },
  )
})

/** Memory and SQLite give equal answers to the same random history of batches, restarts and reads. */

import fc from 'fast-check'
import { arbitraryBatch, FaultyDisk, historyOf } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import { memory } from 'varve/engine'
import { expect, test } from 'vitest'
import { temporaryFolder } from './folder.ts'

const turns = fc.array(fc.array(arbitraryBatch, { maxLength: 4 }), { minLength: 1, maxLength: 3 })

test('memory and SQLite agree', async () => {
  const { dir, remove } = await temporaryFolder()
  const disk = sqlite({ dir })
  let run = 0
  try {
    await fc.assert(
      fc.asyncProperty(turns, async (history) => {
        run++
        const expected = await historyOf(memory(), 'main', history)
        expect(await historyOf(disk, `run-${run}`, history)).toEqual(expected)
      }),
      { numRuns: 200 },
    )
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

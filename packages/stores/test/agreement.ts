/** Stores whose answers must be those of memory. */

import { arbitraryBatch, historyOf } from '@varve/testkit'
import fc from 'fast-check'
import { memory, type StoreProvider } from 'varve/engine'
import { expect } from 'vitest'

/** Batches in turns; between two of them the store is opened again. */
export const turns = fc.array(fc.array(arbitraryBatch, { maxLength: 4 }), { minLength: 1, maxLength: 3 })

/** Random histories, each in a store of its own, are answered as memory answers them. */
export async function agreesWithMemory(stores: StoreProvider, numRuns: number): Promise<void> {
  let run = 0
  await fc.assert(
    fc.asyncProperty(turns, async (history) => {
      run++
      const expected = await historyOf(memory(), 'main', history)
      expect(await historyOf(stores, `run-${run}`, history)).toEqual(expected)
    }),
    { numRuns },
  )
}

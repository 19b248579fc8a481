/** A process killed while it writes: everything it was answered is there, and every batch is whole. */

import { sqlite } from '@varve/stores/sqlite'
import { expect, test } from 'vitest'
import { temporaryFolder } from './folder.ts'
import { lastToldBeforeKill } from './killed-child.ts'

test('kill -9, again and again on one store', async () => {
  const { dir, remove } = await temporaryFolder()
  for (const ms of [0, 7, 40, 150]) {
    const last = await lastToldBeforeKill('crash-child.ts', [dir], ms)
    const store = await sqlite({ dir }).open('main', { pageKey: null })
    const { documents } = await store.stats()
    expect(documents).toBeGreaterThan(last)
    expect(await store.value('count')).toEqual(Uint8Array.of((documents - 1) >> 8, (documents - 1) & 255))
    await store.close()
  }
  await remove()
})

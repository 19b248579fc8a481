/** What a power cut may leave of entering WAL, which waits for no disk: any mix of old and new bytes of the header. */

import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { sqlite } from '@varve/stores/sqlite'
import { expect, test } from 'vitest'
import { temporaryFolder } from './folder.ts'

const value = (n: number): ReadonlyMap<string, Uint8Array> => new Map([[`v${n}`, Uint8Array.of(n)]])

test('every mix is a store, with what its log holds', async () => {
  const { dir, remove } = await temporaryFolder()
  const file = join(dir, 'main.sqlite')
  const stores = sqlite({ dir, synchronous: 'FULL' })
  let store = await stores.open('main', { pageKey: null })
  await store.write({ values: value(1) })
  await store.close()
  const old = await readFile(file)
  store = await stores.open('main', { pageKey: null })
  await store.write({ values: value(2) })
  // In this process it would drop SQLite's locks.
  const copy = (name: string): Buffer => execFileSync('cat', [`${file}${name}`], { maxBuffer: 1e8 })
  const now = copy('')
  const log = copy('-wal')
  await store.close()

  const changed = [...old.keys()].filter((at) => old[at] !== now[at])
  expect(changed.length).toBeGreaterThan(2)
  // All of them stand in one sector, of which a disk writes all or nothing: what is asked here is more than that.
  expect(changed.every((at) => at < 100)).toBe(true)
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.subarray(changed), fc.boolean(), async (taken, hasLog) => {
      const mixed = Buffer.from(old)
      for (const at of taken) mixed.writeUInt8(now.readUInt8(at), at)
      const folder = join(dir, `mix-${++run}`)
      await mkdir(folder)
      await writeFile(join(folder, 'main.sqlite'), mixed)
      if (hasLog) await writeFile(join(folder, 'main.sqlite-wal'), log)
      for (let turn = 0; turn < 2; turn++) {
        const again = await sqlite({ dir: folder }).open('main', { pageKey: null })
        expect([...(await again.values('')).keys()]).toEqual(hasLog ? ['v1', 'v2'] : ['v1'])
        await again.close()
      }
    }),
    { numRuns: 60 },
  )
  await remove()
})

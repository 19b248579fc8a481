/** The floor stays what it claims to be: as many rows and bytes in every table as the engine makes for the same work. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packageRecords } from '../src/data.ts'
import { largestFile, slices } from '../src/files.ts'
import { FloorStore, layoutOf } from '../src/floor/rows.ts'
import { Floor, syncFloor } from '../src/floor/work.ts'
import { found, joined } from '../src/world.ts'
import { expectAlike } from './contents.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-floor-'))
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

test('creating, patching and syncing leave the rows and bytes that the engine leaves', async () => {
  const records = packageRecords().slice(0, 1000)
  const dirs = [join(root, 'ada'), join(root, 'bob')] as const
  const tenant = await found(dirs[0])
  const database = await tenant.database('bench')
  const packages = database.collection<Readonly<Record<string, unknown>>>('packages')
  const ids: string[] = []
  for (const part of slices(records, 250)) for (const { id } of await packages.createMany(part)) ids.push(id)
  const other = await joined(tenant, dirs[1])
  await (await other.database('bench')).sync(database)
  await other.close()
  for (const part of slices(ids, 250)) {
    await Promise.all(part.map((id) => packages.patch(id, { priority: 'patched' })))
  }
  await tenant.close()

  const layout = layoutOf(largestFile(dirs[0]))
  const files = [join(root, 'floor.sqlite'), join(root, 'floor-synced.sqlite')] as const
  const store = new FloorStore(files[0], layout)
  const floor = new Floor(store)
  for (const part of slices(records, 250)) floor.create(part)
  const synced = new FloorStore(files[1], layout)
  expect(syncFloor(store, synced)).toBe(1000)
  synced.close()
  for (const part of slices([...floor.ids], 250)) floor.patch(part, 'priority', 'patched')
  store.close()

  expectAlike(files[0], largestFile(dirs[0]))
  expectAlike(files[1], largestFile(dirs[1]))
})

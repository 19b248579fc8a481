/** The floors of syncing stay what they claim to be: the rows and bytes that author, recorder and new device end with. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode } from '@varve/server'
import { afterAll, expect, test } from 'vitest'
import { tasks, type Task } from '../src/data.ts'
import { largestFile } from '../src/files.ts'
import { downloadFloor } from '../src/floor/download.ts'
import { FloorStore, layoutOf } from '../src/floor/rows.ts'
import { makePending, UploadFloor } from '../src/floor/upload.ts'
import { Floor } from '../src/floor/work.ts'
import { found, joined } from '../src/world.ts'
import { expectAlike } from './contents.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-sync-floor-'))
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

const all = tasks(500)
const folder = (name: string): string => join(root, name)

/** The same work by the engine: written offline, uploaded to a server, downloaded by a new device. */
async function byTheEngine(): Promise<string> {
  const node = await createNode({ dir: folder('node'), port: 0, publish: 'open', log: { level: 'silent' } })
  const { url } = await node.listen()
  const tenant = await found(folder('ada'))
  const collection = (await tenant.database('bench')).collection<Task>('tasks')
  await tenant.publish(url)
  for (const task of all) await collection.create(task)
  const connection = tenant.connect(url)
  await connection.settled()
  const other = await joined(tenant, folder('bob'))
  await connection.settled()
  await other.database('bench')
  await other.connect(url).settled()
  await other.close()
  await tenant.close()
  await node.close()
  return join(folder('node'), 'tenants', tenant.id)
}

test('uploading and downloading leave the rows and bytes that the engine leaves', async () => {
  const recorder = await byTheEngine()
  const layout = layoutOf(largestFile(folder('ada')))
  const store = (name: string): FloorStore => new FloorStore(folder(`${name}.sqlite`), layout)
  const [author, server, device] = [store('author'), store('server'), store('device')]
  const floor = new Floor(author)
  for (const task of all) floor.create([{ ...task }])
  makePending(author)
  expect(new UploadFloor(author, server).run()).toBe(all.length)
  expect(downloadFloor(server, device).documents).toBe(all.length)
  for (const each of [author, server, device]) each.close()

  expectAlike(folder('author.sqlite'), largestFile(folder('ada')))
  expectAlike(folder('server.sqlite'), largestFile(recorder))
  expectAlike(folder('device.sqlite'), largestFile(folder('bob')))
})

/** Object storage of placements: files and old payloads lie in a part of the bucket that is the placement's own. */

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemEnv } from 'varve'
import { afterEach, expect, test } from 'vitest'
import { cleanUp, connections, runtimeOf, sqliteEngine, startHub, temporaryFolder } from './hub-world.ts'

afterEach(cleanUp)

/** Objects; what is being written lies beside them under `~tmp`. */
function filesIn(dir: string): readonly string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true, withFileTypes: true }).flatMap((each) =>
    each.isFile() && !each.parentPath.includes('~tmp') ? [join(each.parentPath, each.name).slice(dir.length + 1)] : [],
  )
}

test('files and old payloads go there, are read back, move along, and are removed with the tenant', async () => {
  const basePath = temporaryFolder()
  const bucket = join(basePath, 's3', 'shared')
  const space = { spaceConnRef: 's3', bucket: 'shared' }
  let ahead = 0
  const hub = await startHub(
    {
      dbConnections: connections(sqliteEngine(), 'old', 'new'),
      spacesConnections: { s3: { endpoint: 'https://s3.amazonaws.com' } },
      localStorage: { enabled: true, basePath },
      databases: {
        metadata: { genericDatabase: { dbConnRef: 'old', dbName: 'generic' } },
        runtime: { tenantDefaults: { dbConnRef: 'old', dbNamePrefix: 'rt_', ...space } },
      },
      sink: { keepCommits: 0, segmentBytes: 1 },
    },
    { env: systemEnv({ now: () => Date.now() + ahead }) },
  )
  for (const id of ['acme', 'Other']) await hub.tenants.add(id)
  const notes = hub.with(runtimeOf('acme', 'notes'))
  const others = hub.with(runtimeOf('Other', 'notes'))
  const bytes = new TextEncoder().encode('what stands in the file')
  for (const handle of [notes, others]) {
    await handle.create({ id: 'a', text: 'first' })
    await handle.patch('a', { text: 'second' })
    await handle.attach('a', 'scan', bytes, { name: 'scan.txt', type: 'text/plain' })
  }
  const place = { databaseType: 'runtime', tier: 'tenant', tenantId: 'acme' } as const
  while (!filesIn(bucket).some((file) => file.includes('segments')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  expect(new Set(filesIn(bucket).map((file) => file.split('/').slice(0, 2).join('/')))).toEqual(
    new Set(['runtime/tenant']),
  )
  expect(await (await notes.attachment('a', 'scan')).bytes()).toEqual(bytes)
  expect((await hub.admin.health()).spaces).toEqual([
    { name: 's3', bucket: 'shared', kind: 'fs', ok: true, error: null },
  ])

  await hub.admin.move('acme', { databaseType: 'runtime', dbConnRef: 'new', dbName: 'acme' })
  ahead += 2 * 86_400_000
  expect(await hub.admin.prune()).toMatchObject({ moved: ['runtime/tenant/acme'] })
  expect(await (await notes.attachment('a', 'scan')).bytes()).toEqual(bytes)
  expect(await notes.getVersion('a', 0)).toMatchObject({ text: 'first' })
  expect(await hub.using(place, (database) => database.verify())).toMatchObject({ ok: true })

  await hub.tenants.drop('acme', { graceDays: 0 })
  await hub.admin.prune()
  expect(filesIn(bucket).filter((file) => file.includes('acme'))).toEqual([])
  expect(await (await others.attachment('a', 'scan')).bytes()).toEqual(bytes)
})

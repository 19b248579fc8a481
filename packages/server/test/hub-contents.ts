/** Properties given as base64 on an engine, also while object storage is down and their tenant moves. */

import { faultyBlobs } from '@varve/testkit'
import { limits, systemEnv, toBase64 } from 'varve/engine'
import { expect, test } from 'vitest'
import { connections, runtimeOf, startHub, temporaryFolder, type HubEngine } from './hub-world.ts'

export function contents(makeEngine: () => HubEngine): void {
  test('are kept by the database while object storage fails, move along, and are brought there', async () => {
    let down = false
    const hub = await startHub(
      {
        dbConnections: connections(makeEngine(), 'old', 'new'),
        databases: {
          metadata: { genericDatabase: { dbConnRef: 'old', dbName: 'generic' } },
          runtime: { tenantDatabases: [{ tenantId: 'acme', dbConnRef: 'old', dbName: 'acme' }] },
        },
        localStorage: { enabled: true, basePath: temporaryFolder() },
        collectionMaps: { reports: { indexedProps: [], base64Props: { scan: { contentType: 'image/png' } } } },
        fallback: { enabled: true, maxRetries: 1_000, retryDelayMs: 5, maxDelayMs: 50 },
      },
      {
        bucket: (blobs) =>
          faultyBlobs(blobs, {
            env: systemEnv(),
            fault: (method) => (down && method !== 'close' ? { kind: 'fails', when: 'before' } : null),
          }),
      },
    )
    const reports = hub.with<{ id: string; scan: string }>(runtimeOf('acme', 'reports'))
    const scans = Array.from({ length: 3 }, (_, seed) =>
      toBase64(new Uint8Array(limits.chunkBytes * 1.5).map((__, i) => (i >> 8) ^ (i * seed))),
    )
    await reports.create({ id: '0', scan: scans[0] ?? '' })
    down = true
    await reports.createMany([
      { id: '1', scan: scans[1] ?? '' },
      { id: '2', scan: scans[2] ?? '' },
    ])
    const { kept } = await hub.admin.stats()
    expect(kept.bytes).toBe(3 * limits.chunkBytes)
    await hub.admin.move('acme', { databaseType: 'runtime', dbConnRef: 'new', dbName: 'moved' })
    await expect(reports.content('1', 'scan')).resolves.toMatchObject({ base64: scans[1] })
    down = false
    while ((await hub.admin.stats()).kept.objects > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    for (const [i, scan] of scans.entries()) expect((await reports.content(`${i}`, 'scan')).base64 === scan).toBe(true)
  })
}

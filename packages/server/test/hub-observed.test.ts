/** What a hub says of itself: pools and leases, sinking, dead letters, and the same as metrics. */

import { rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemEnv } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import type { Hub } from '../src/hub/index.ts'
import { cleanUp, connections, runtimeOf, sqliteEngine, startHub, temporaryFolder } from './hub-world.ts'

afterEach(cleanUp)

interface World {
  readonly hub: Hub
  readonly bucket: string
  readonly advance: (ms: number) => void
}

async function sinkingHub(): Promise<World> {
  let ahead = 0
  const basePath = temporaryFolder()
  const space = { spaceConnRef: 's3', bucket: 'shared' }
  const config = {
    dbConnections: connections(sqliteEngine(), 'one', 'two'),
    spacesConnections: { s3: { endpoint: 'https://s3.amazonaws.com' } },
    localStorage: { enabled: true, basePath },
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'one', dbName: 'generic' } },
      runtime: { tenantDefaults: { dbConnRef: 'two', dbNamePrefix: 'rt_', ...space } },
      messaging: { dbConnRef: 'one', dbName: 'messages' },
    },
    sink: { keepCommits: 0, segmentBytes: 1 },
  }
  const hub = await startHub(config, { env: systemEnv({ now: () => Date.now() + ahead }) })
  const advance = (ms: number): void => {
    ahead += ms
  }
  return { hub, bucket: join(basePath, 's3', 'shared'), advance }
}

async function write(hub: Hub, tenantId: string): Promise<void> {
  await hub.tenants.add(tenantId)
  const notes = hub.with(runtimeOf(tenantId, 'notes'))
  await notes.create({ id: 'a', text: 'first' })
  await notes.patch('a', { text: 'second' })
}

/** A file where the folder of the bucket should be. */
function breakBucket(bucket: string): void {
  rmSync(bucket, { recursive: true, force: true })
  mkdirSync(join(bucket, '..'), { recursive: true })
  writeFileSync(bucket, '')
}

describe('stats', () => {
  test('leases are counted by connection, and given back when placements close', async () => {
    const { hub } = await sinkingHub()
    await write(hub, 'acme')
    const { pools } = await hub.admin.stats()
    expect(pools).toMatchObject([
      { name: 'one', kind: 'sqlite', pool: null },
      { name: 'two', kind: 'sqlite', pool: null },
    ])
    expect(pools[1]?.leases).toBeGreaterThan(0)
    await hub.tenants.drop('acme')
    expect((await hub.admin.stats()).pools[1]?.leases).toBe(0)
  })

  test('sinking is summed over what is open, with its problem', async () => {
    const { hub, bucket } = await sinkingHub()
    for (const id of ['acme', 'beta']) await write(hub, id)
    const made = await hub.admin.layers.sink()
    expect(made.segments).toBeGreaterThan(1)
    expect((await hub.admin.stats()).sinking).toMatchObject({
      segments: made.segments,
      storedBytes: made.stored,
      pendingBytes: 0,
      oldestPendingAt: null,
      deadLetters: 0,
      failing: 0,
      circuitsOpen: 0,
      problem: null,
    })
    breakBucket(bucket)
    await hub.with(runtimeOf('acme', 'notes')).patch('a', { text: 'third' })
    await expect(hub.admin.layers.sink({ tenantId: 'acme' })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    const { sinking } = await hub.admin.stats()
    expect(sinking.failing).toBe(1)
    expect(sinking.pendingBytes).toBeGreaterThan(0)
    expect(sinking.oldestPendingAt).not.toBeNull()
    expect(sinking.problem).toMatch(/\S/)
    expect(await hub.with(runtimeOf('acme', 'notes')).get('a')).toMatchObject({ text: 'third' })
  })

  test('the same as metrics, without names of tenants', async () => {
    const { hub } = await sinkingHub()
    await write(hub, 'acme')
    const { text, type } = await hub.admin.metrics()
    expect(type).toContain('text/plain')
    expect(text).toMatch(/^varve_hub_tenants 1$/m)
    expect(text).toMatch(/^varve_hub_leases\{connection="two"\} [1-9]/m)
    expect(text).toMatch(/^varve_sink_pending_bytes \d+$/m)
    expect(text).not.toContain('acme')
  })
})

describe('dead letters', () => {
  test('of messages and of sinking, of one tenant or of all, and tried again by their id', async () => {
    const { hub, bucket, advance } = await sinkingHub()
    for (const id of ['acme', 'beta']) {
      await write(hub, id)
      const messaging = hub.messaging(id)
      await messaging.createTopic('t', { maxDeliveries: 1 })
      await messaging.publish('t', { id: 'm', body: 1 })
      for (const { fail } of await messaging.receive('t', 's')) await fail('no luck')
    }
    breakBucket(bucket)
    const sink = (): Promise<unknown> => hub.admin.layers.sink({ tenantId: 'acme' }).catch((error: unknown) => error)
    for (let attempt = 0; attempt < 8; attempt++) await sink()
    const letters = await hub.admin.deadLetters()
    expect(letters.filter(({ kind }) => kind === 'message').map(({ id }) => id)).toEqual(['acme/t/s/m', 'beta/t/s/m'])
    const [sinking, ...more] = letters.filter(({ kind }) => kind === 'sinking')
    expect(more).toEqual([])
    expect(sinking).toMatchObject({ kind: 'sinking', placement: 'runtime/tenant/acme', reason: expect.any(String) })
    expect(await hub.admin.deadLetters({ tenantId: 'beta' })).toMatchObject([{ kind: 'message', id: 'beta/t/s/m' }])
    expect(await hub.admin.deadLetters({ topic: 'other' })).toEqual([])

    rmSync(bucket)
    // The pause of the circuit.
    advance(20_000)
    for (const { id } of letters) await hub.admin.retry(id)
    expect(await hub.admin.deadLetters()).toEqual([])
    for (const { id } of letters)
      if (id.startsWith('acme')) await expect(hub.admin.retry(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(hub.admin.retry('@runtime/tenant/nobody/00')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('asking makes no database', async () => {
    const { hub } = await sinkingHub()
    await hub.tenants.add('acme')
    expect(await hub.admin.deadLetters()).toEqual([])
    expect(await hub.admin.layers.state()).toEqual([])
    expect((await hub.admin.stats()).placements.known).toBe(0)
  })
})

test('migrate opens what was used, and only that', async () => {
  const { hub } = await sinkingHub()
  await write(hub, 'acme')
  await hub.tenants.add('beta')
  expect(await hub.admin.migrate()).toEqual({
    ok: true,
    moves: [],
    moveProblem: null,
    placements: [{ placement: 'runtime/tenant/acme', ok: true, error: null }],
  })
})

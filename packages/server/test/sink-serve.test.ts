/** A node whose configuration names object storage: payloads of its tenants sink there, are read back, and metrics tell. */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTenant, memory, memoryBlobs, systemEnv, type BlobStore, type Tenant } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import { createNode, parseConfig, type Node, type NodeOptions } from '../src/index.ts'

const closing: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'varve-sink-'))
  closing.push(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

/** Timers of a minute and more, which begin rounds of sinking, run at once. */
const env = systemEnv({ passphraseWork: 1, timer: (fn, ms) => systemEnv().timer(fn, ms >= 30_000 ? 20 : ms) })
const everything = { keepCommits: 0, segmentBytes: 1 }

async function startNode(options: Partial<NodeOptions> & { readonly dir: string }): Promise<Node> {
  const node = await createNode({ port: 0, log: { level: 'silent' }, env, ...options })
  closing.push(() => node.close())
  return node
}

async function published(node: Node): Promise<Tenant> {
  const { url } = await node.listen()
  const tenant = await createTenant({
    name: 'acme',
    user: 'ada',
    store: memory(),
    env: systemEnv({ passphraseWork: 1 }),
  })
  closing.push(() => tenant.close())
  const crm = await tenant.database('crm')
  for (let n = 0; n < 3; n++) await crm.collection('people').create({ n, text: `text ${n}` })
  await tenant.publish(url)
  return tenant
}

async function metric(node: Node, name: string): Promise<number> {
  const text = await (await node.fetch(new Request('http://node/metrics'))).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let left = 400; !(await what()); left--) {
    if (left === 0) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('a node with object storage in its configuration', () => {
  test('lets payloads sink to a folder, says so in its metrics, and serves them after a restart', async () => {
    const [dir, objects] = [folder(), folder()]
    const options = { dir, blobs: { kind: 'fs', dir: objects }, sink: everything } as const
    const node = await startNode(options)
    const tenant = await published(node)
    await until(async () => (await metric(node, 'varve_sink_segments')) > 0)
    expect(readdirSync(objects)).toContain('segments')
    expect(await metric(node, 'varve_sink_stored_bytes')).toBeGreaterThan(0)
    expect(await metric(node, 'varve_sink_dead_letters')).toBe(0)
    await node.close()
    const again = await startNode(options)
    const { url } = await again.listen()
    const report = await tenant.audit({ url })
    expect(report.ok).toBe(true)
  })

  test('without any, sinks to the folder blobs of its data', async () => {
    const dir = folder()
    const node = await startNode({ dir, sink: everything })
    await published(node)
    await until(() => existsSync(join(dir, 'blobs', 'segments')))
  })

  test('without sink keeps everything, and has the same stores', async () => {
    const dir = folder()
    const node = await startNode({ dir })
    const tenant = await published(node)
    expect(await metric(node, 'varve_sink_stores')).toBeGreaterThan(0)
    expect(await metric(node, 'varve_sink_segments')).toBe(0)
    expect(existsSync(join(dir, 'blobs', 'segments'))).toBe(false)
    expect((await tenant.status()).databases.every(({ pending }) => pending === 0)).toBe(true)
  })

  test('records on while it fails, and tells', async () => {
    const objects = join(folder(), 'objects')
    writeFileSync(objects, 'a file where the folder should be')
    const node = await startNode({ dir: folder(), blobs: { kind: 'fs', dir: objects }, sink: everything })
    const tenant = await published(node)
    await until(async () => (await metric(node, 'varve_sink_failing')) > 0)
    expect(await metric(node, 'varve_sink_pending_bytes')).toBeGreaterThan(0)
    expect(await metric(node, 'varve_sink_oldest_pending_seconds')).toBeGreaterThan(0)
    expect((await tenant.status()).databases.every(({ pending }) => pending === 0)).toBe(true)
  })

  test('storage that a program opened stays open when the node is closed', async () => {
    const kept = memoryBlobs({ env })
    let closed = 0
    const blobs: BlobStore = { ...kept, close: async () => void closed++ }
    const node = await startNode({ dir: folder(), blobs, sink: everything })
    await node.close()
    expect(closed).toBe(0)
  })

  test('takes what a file says, for each kind', async () => {
    const s3 = { kind: 's3', endpoint: 'https://s3.example.org', bucket: 'objects', accessKey: 'k', secretKey: 's' }
    const azure = {
      kind: 'azure',
      endpoint: 'https://a.example.org',
      container: 'objects',
      account: 'acme',
      accountKey: 'c2VjcmV0IG9mIHRoZSBhY2NvdW50',
    }
    for (const blobs of [s3, azure])
      await startNode({ ...parseConfig(JSON.stringify({ blobs, sink: {} })), log: { level: 'silent' }, dir: folder() })
  })

  test('wrong options are refused with their path', async () => {
    await expect(createNode({ dir: folder(), sink: { afterDays: -1 } })).rejects.toMatchObject({
      code: 'INVALID',
      details: { path: 'sink.afterDays' },
    })
    await expect(createNode({ dir: folder(), blobs: { kind: 'fs', dir: '' } })).rejects.toMatchObject({
      details: { path: 'blobs.dir' },
    })
  })
})

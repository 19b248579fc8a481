/** `varve hub`: checking a configuration, and tenants that are added, dropped, restored and moved. */

import { openHub } from '@varve/server/hub'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inside, json, temporaryFolder } from './world.ts'

function configFile(more: Record<string, unknown> = {}): string {
  const dir = temporaryFolder()
  const config = {
    dbConnections: { one: { url: `sqlite:${join(dir, 'one')}` }, premium: { url: `sqlite:${join(dir, 'premium')}` } },
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'one', dbName: 'generic' } },
      runtime: { tenantDefaults: { dbConnRef: 'one', dbNamePrefix: 'rt_' } },
    },
    ...more,
  }
  const file = join(dir, 'config.json')
  writeFileSync(file, JSON.stringify(config))
  return file
}

describe('varve hub check', () => {
  test('connects to everything', async () => {
    const answer = await json(inside(['hub', 'check', configFile(), '--json']))
    expect(answer).toMatchObject({
      ok: true,
      problems: [],
      connections: [{ name: 'one', ok: true }, { name: 'premium' }],
    })
    const { out } = await inside(['hub', 'check', configFile()])
    expect(out).toContain('premium')
  })

  test('lists every problem, shows no password, and ends with 1', async () => {
    const file = configFile({
      dbConnections: { one: { url: 'oracle://ada:hunter2@db' } },
      databases: { logs: { dbConnRef: 'two', dbName: 'x' } },
    })
    const { code, out } = await inside(['hub', 'check', file])
    expect(code).toBe(1)
    expect(out).toMatch(/^dbConnections\.one\.url: should be .*\ndatabases\.logs\.dbConnRef: is "two", which .*\n$/)
    expect(out).not.toContain('hunter2')
    const listed = await inside(['hub', 'check', file, '--json'])
    expect(JSON.parse(listed.out)).toMatchObject({ ok: false, problems: [{ path: 'dbConnections.one.url' }, {}] })
  })

  test('a file that is missing or no JSON', async () => {
    expect(await inside(['hub', 'check', './missing.json'])).toMatchObject({ code: 2 })
    const file = join(temporaryFolder(), 'config.json')
    writeFileSync(file, '{"password": "hunter2"')
    const { code, err } = await inside(['hub', 'check', file])
    expect([code, err.includes('hunter2')]).toEqual([1, false])
    writeFileSync(file, '{\n  "password": "hunter2",\n}')
    expect((await inside(['hub', 'check', file])).err).toContain('is not JSON (line 3, column 1)')
  })

  test('opens placements when it is asked to, and says which rule cannot be counted any more', async () => {
    const rules = { rules: [{ name: 'big', on: ['CREATE'], when: { n: 1 } }] }
    const file = configFile({ retention: { ver: { maxPerItem: 1 } } })
    const config: object = JSON.parse(readFileSync(file, 'utf8'))
    const hub = await openHub(config)
    await hub.tenants.add('acme')
    const things = hub.with({ databaseType: 'runtime', tier: 'tenant', tenantId: 'acme', collection: 'things' })
    await things.create({ n: 0 }, { id: 'a' })
    await things.patch('a', { n: 1 })
    await hub.admin.prune()
    await hub.admin.shutdown()
    const check = ['hub', 'check', file, '--placements']
    expect((await inside(check)).out).toMatch(/runtime\/tenant\/acme +ok/)
    writeFileSync(file, JSON.stringify({ ...config, counterRules: rules }))
    expect(await inside(['hub', 'check', file])).toMatchObject({ code: 0 })
    const { code, out } = await inside(check)
    expect([code, out]).toEqual([
      1,
      expect.stringContaining('"counterRules.rules[0]" cannot be counted in "runtime/tenant/acme"'),
    ])
    expect(out).toContain('give it "from": "now"')
    const later = { rules: rules.rules.map((rule) => ({ ...rule, from: 'now' })) }
    writeFileSync(file, JSON.stringify({ ...config, counterRules: later }))
    expect(await inside(check)).toMatchObject({ code: 0 })
  })
})

describe('varve hub tenants', () => {
  test('add, list, drop, restore and move', async () => {
    const file = configFile()
    const run = (...args: string[]) => json(inside(['hub', 'tenants', ...args, '--config', file, '--json']))
    expect(await run('list')).toEqual([])
    expect(await run('add', 'acme')).toMatchObject({ tenantId: 'acme', status: 'active', databases: ['runtime'] })
    expect(await run('drop', 'acme', '--grace-days', '7')).toMatchObject({ status: 'dropped' })
    const { out } = await inside(['hub', 'tenants', 'list', '--config', file])
    expect(out).toMatch(/acme +dropped +added +runtime +until \d{4}-/)
    expect(await run('restore', 'acme')).toMatchObject({ status: 'active', removeAfter: null })
    expect(await run('move', 'acme', '--to', 'premium', '--db-name', 'acme')).toMatchObject({
      placement: 'runtime/tenant/acme',
      epoch: 1,
    })
  })

  test('errors are one line', async () => {
    const file = configFile()
    const outcome = await inside(['hub', 'tenants', 'drop', 'nobody', '--config', file])
    expect(outcome).toMatchObject({ code: 1, err: expect.stringContaining('(NOT_FOUND)') })
    expect((await inside(['hub', 'tenants', 'list'])).code).toBe(2)
    const wrong = await inside([
      'hub',
      'tenants',
      'move',
      'a',
      '--type',
      'x',
      '--to',
      'y',
      '--db-name',
      'z',
      '--config',
      file,
    ])
    expect(wrong.code).toBe(2)
  })
})

/** A tenant with messages and old payloads in a folder that takes the place of a bucket. */
async function used(file: string, more: (id: string) => Promise<void> = async () => undefined): Promise<void> {
  const hub = await openHub(JSON.parse(readFileSync(file, 'utf8')))
  try {
    await hub.tenants.add('acme')
    const notes = hub.with({ databaseType: 'runtime', tier: 'tenant', tenantId: 'acme', collection: 'notes' })
    await notes.create({ id: 'a', text: 'first' })
    await notes.patch('a', { text: 'second' })
    const messaging = hub.messaging('acme')
    await messaging.createTopic('payments', { maxDeliveries: 1 })
    await messaging.publish('payments', { id: 'evt-1', body: 1 })
    for (const { fail } of await messaging.receive('payments', 'billing')) await fail('no account')
    await more('acme')
  } finally {
    await hub.admin.shutdown()
  }
}

function sunkConfig(): { readonly file: string; readonly bucket: string } {
  const basePath = temporaryFolder()
  const space = { spaceConnRef: 's3', bucket: 'shared' }
  const file = configFile({
    spacesConnections: { s3: { endpoint: 'https://s3.amazonaws.com' } },
    localStorage: { enabled: true, basePath },
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'one', dbName: 'generic' } },
      runtime: { tenantDefaults: { dbConnRef: 'one', dbNamePrefix: 'rt_', ...space } },
      messaging: { dbConnRef: 'one', dbName: 'messaging' },
    },
    sink: { keepCommits: 0, segmentBytes: 1 },
  })
  return { file, bucket: join(basePath, 's3') }
}

describe('varve hub dead-letters', () => {
  test('messages are listed with their reason, and tried again', async () => {
    const { file } = sunkConfig()
    await used(file)
    const { out } = await inside(['hub', 'dead-letters', 'list', '--config', file])
    expect(out).toBe('acme/payments/billing/evt-1\n  message, 1 attempts: no account\n')
    const retried = await json(
      inside(['hub', 'dead-letters', 'retry', 'acme/payments/billing/evt-1', '--config', file, '--json']),
    )
    expect(retried).toEqual({ id: 'acme/payments/billing/evt-1', retried: true })
    expect((await inside(['hub', 'dead-letters', 'list', '--config', file])).out).toBe('There are no dead letters.\n')
    for (const id of ['acme/payments/billing/evt-1', '@runtime/tenant/nobody/0', 'x'])
      expect(await inside(['hub', 'dead-letters', 'retry', id, '--config', file])).toMatchObject({
        code: 1,
        err: expect.stringContaining('(NOT_FOUND)'),
      })
  })

  test('payloads that do not sink are listed, and sink when the storage is repaired', async () => {
    const { file, bucket } = sunkConfig()
    // A file where the folder of the bucket should be: nothing can be put.
    mkdirSync(bucket, { recursive: true })
    writeFileSync(join(bucket, 'shared'), '')
    await used(file)
    for (let attempt = 0; attempt < 8; attempt++) await inside(['hub', 'segments', '--sink', '--config', file])
    const { out } = await inside(['hub', 'dead-letters', 'list', '--tenant', 'acme', '--config', file])
    const id = /^@runtime\/tenant\/acme\/[0-9a-f]+$/m.exec(out)?.[0] ?? ''
    expect(out).toMatch(/^ {2}sinking, \d+ attempts: \S/m)
    expect((await inside(['hub', 'dead-letters', 'retry', id, '--config', file])).code).toBe(1)
    rmSync(join(bucket, 'shared'))
    await json(inside(['hub', 'dead-letters', 'retry', id, '--config', file, '--json']))
    expect((await inside(['hub', 'segments', '--config', file])).out).toMatch(/^runtime\/tenant\/acme +\w+ +[1-9]/m)
    expect(await json(inside(['hub', 'dead-letters', 'list', '--config', file, '--json']))).toMatchObject([
      { kind: 'message' },
    ])
  })
})

describe('varve hub segments', () => {
  test('sinks, lists, and finds what is gone', async () => {
    const { file, bucket } = sunkConfig()
    await used(file)
    const run = (...args: string[]) => inside(['hub', 'segments', '--config', file, ...args])
    const there = { placement: 'runtime/tenant/acme', key: expect.stringContaining('segments/') }
    expect(await json(run('--tenant', 'acme', '--sink', '--list', '--json'))).toMatchObject({
      sunk: { segments: expect.any(Number) },
      segments: expect.arrayContaining([expect.objectContaining(there)]),
    })
    const { out } = await run('--check', '--list')
    expect(out).toContain('All segments are as they were put.')
    rmSync(join(bucket, 'shared'), { recursive: true })
    const wrong = await run('--check')
    expect(wrong.code).toBe(1)
    expect(wrong.out).toContain('(STORE_FAILED)')
  })

  test('of a hub that nobody used, or another tenant, there are none', async () => {
    const { file } = sunkConfig()
    expect(await json(inside(['hub', 'segments', '--config', file, '--json']))).toEqual({ layers: [] })
    await used(file)
    expect(await json(inside(['hub', 'segments', '--tenant', 'other', '--config', file, '--json']))).toEqual({
      layers: [],
    })
  })
})

describe('varve hub migrate and prune', () => {
  test('every placement that was used is opened once, and what fails does not keep the rest', async () => {
    const { file } = sunkConfig()
    await used(file)
    expect(await json(inside(['hub', 'migrate', '--config', file, '--json']))).toEqual({
      ok: true,
      moves: [],
      moveProblem: null,
      placements: [
        { placement: 'messaging/generic', ok: true, error: null },
        { placement: 'runtime/tenant/acme', ok: true, error: null },
      ],
    })
    const database = join(dirname(file), 'one', 'messaging')
    rmSync(database, { recursive: true })
    writeFileSync(database, '')
    const broken = await inside(['hub', 'migrate', '--config', file])
    expect(broken.code).toBe(1)
    expect(broken.out).toMatch(/runtime\/tenant\/acme +ok/)
    expect(broken.out).toMatch(/messaging\/generic +\S+ /)
  })

  test('prune removes what is past its time', async () => {
    const { file } = sunkConfig()
    await used(file)
    expect(await json(inside(['hub', 'prune', '--config', file, '--json']))).toMatchObject({ tenants: [], moved: [] })
    expect((await inside(['hub', 'prune', '--config', file])).out).toBe('Nothing is past its time.\n')
    await inside(['hub', 'tenants', 'drop', 'acme', '--grace-days', '0', '--config', file])
    expect((await inside(['hub', 'prune', '--config', file])).out).toBe('Removed the tenant acme.\n')
  })
})

describe('varve hub check, further', () => {
  test('tries buckets with an object, and says in full what is wrong', async () => {
    const { file, bucket } = sunkConfig()
    expect(await json(inside(['hub', 'check', file, '--json']))).toMatchObject({
      ok: true,
      spaces: [{ name: 's3', bucket: 'shared', kind: 'fs', ok: true }],
    })
    rmSync(bucket, { recursive: true })
    writeFileSync(bucket, '')
    const { code, out } = await inside(['hub', 'check', file])
    expect(code).toBe(1)
    expect(out).toMatch(/^s3: \S/m)
  })

  test('beside a process of the cluster that has the port', async () => {
    const cluster = { port: 0, secret: 'a-secret-of-the-cluster', address: 'http://10.0.0.7:7410' }
    const file = configFile({ cluster })
    expect(await json(inside(['hub', 'check', file, '--json']))).toMatchObject({ ok: true })
    writeFileSync(
      file,
      JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), cluster: { ...cluster, secret: 'short' } }),
    )
    expect((await inside(['hub', 'check', file])).out).toContain('cluster.secret')
  })
})

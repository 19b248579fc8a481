/** The configuration of a hub: what the Chronos document shows is accepted, and every problem is told with its path. */

import { isVarveError, VarveError } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import { parseHubConfig, readHubConfig } from '../src/hub/index.ts'
import { cleanUp, memoryEngine, quickStart } from './hub-world.ts'

afterEach(cleanUp)

const mongo = (host: string) => ({
  mongoUri: `mongodb+srv://user:pass@${host}.mongodb.net/?retryWrites=true&w=majority`,
})
const s3 = { endpoint: 'https://s3.amazonaws.com', region: 'us-east-1', accessKey: 'a', secretKey: 's' }
const place = (name: string, dbConnRef = 'mongo-primary') => ({ dbConnRef, dbName: name })

function problems(config: unknown): readonly string[] {
  try {
    readHubConfig(config)
    return []
  } catch (error) {
    if (!isVarveError(error, 'INVALID')) throw error
    const list: unknown = error.details?.['problems']
    if (!Array.isArray(list)) throw error
    return list.map((each: unknown) =>
      typeof each === 'object' && each !== null && 'path' in each ? String(each.path) : '',
    )
  }
}

const base = {
  dbConnections: { 'mongo-primary': { url: 'memory:' }, other: { url: 'memory:' } },
  databases: { metadata: { genericDatabase: place('generic') } },
}

describe('what the Chronos document shows', () => {
  test('connections of MongoDB, S3 and Azure', () => {
    const config = readHubConfig({
      dbConnections: {
        'mongo-primary': mongo('primary-cluster'),
        'mongo-tenant-a': mongo('tenant-a-cluster'),
        'mongo-cluster-1': { mongoUri: 'mongodb://cluster-1:27017' },
      },
      spacesConnections: {
        's3-primary': s3,
        's3-us-east': { endpoint: 'https://s3.us-east-1.amazonaws.com', region: 'us-east-1', forcePathStyle: true },
        'azure-primary': { ...s3, endpoint: 'https://myaccount.blob.core.windows.net' },
        elsewhere: { ...s3, endpoint: 'https://blobs.example.org', kind: 'azure' },
      },
      databases: {
        runtime: { tenantDatabases: [{ tenantId: 'tenant-a', ...place('chronos_tenant_a', 'mongo-tenant-a') }] },
      },
    })
    expect([...config.dbConnections.values()].map(({ kind }) => kind)).toEqual(['mongodb', 'mongodb', 'mongodb'])
    expect([...config.spacesConnections.values()].map(({ kind }) => kind)).toEqual(['s3', 's3', 'azure', 'azure'])
  })

  test('standbys of PostgreSQL, and how many connections there may be', () => {
    const { dbConnections } = readHubConfig({
      ...base,
      dbConnections: {
        'mongo-primary': { url: 'mongodb://a/?replicaSet=rs', maxConnections: 8 },
        pg: { url: 'postgres://a/b', standbys: ['postgres://c/b'], maxConnections: 20 },
      },
    })
    expect(dbConnections.get('mongo-primary')).toMatchObject({ kind: 'mongodb', maxConnections: 8 })
    expect(dbConnections.get('pg')).toMatchObject({ standbys: ['postgres://c/b'], maxConnections: 20 })
  })

  test('metadata, knowledge, runtime and logs, with domains and tenants', () => {
    const full = { spaceConnRef: 's3-primary', bucket: 'chronos-data' }
    const tiers = (type: string) => ({
      genericDatabase: { ...place(`chronos_${type}_generic`), ...full },
      domainsDatabases: [{ domain: 'healthcare', ...place(`chronos_${type}_healthcare`), ...full }],
      tenantDatabases: [{ tenantId: 'tenant-a', ...place(`chronos_${type}_tenant_a`), ...full }],
    })
    const config = readHubConfig({
      dbConnections: { 'mongo-primary': mongo('primary') },
      spacesConnections: { 's3-primary': s3 },
      databases: {
        metadata: tiers('metadata'),
        knowledge: tiers('knowledge'),
        runtime: {
          tenantDatabases: [
            {
              tenantId: 'tenant-a',
              ...place('chronos_runtime_a'),
              ...full,
              analyticsDbName: 'chronos_analytics_tenant_a',
            },
          ],
        },
        logs: { ...place('chronos_logs'), ...full },
        messaging: { ...place('chronos_messaging'), ...full },
        identities: tiers('identities'),
      },
    })
    expect([...config.databases].map(([type, { flat }]) => [type, flat])).toEqual([
      ['metadata', false],
      ['knowledge', false],
      ['runtime', false],
      ['logs', true],
      ['messaging', true],
      ['identities', false],
    ])
    expect(config.databases.get('runtime')?.tenants.get('tenant-a')).toEqual({
      dbConnRefs: ['mongo-primary'],
      dbName: 'chronos_runtime_a',
      space: full,
    })
    expect(config.own).toEqual({ dbConnRef: 'mongo-primary', dbName: 'varve_hub' })
  })

  test('the quick start, and every option of the reference', () => {
    const config = readHubConfig({
      ...quickStart(memoryEngine()),
      localStorage: { enabled: false, basePath: './data' },
      routing: { hashAlgo: 'jump', chooseKey: 'tenantId' },
      retention: { ver: { days: 90, maxPerItem: 50 }, counters: { days: 30, weeks: 8, months: 12 } },
      collectionMaps: {
        financial_records: {
          indexedProps: ['accountId', 'transactionId', 'amount', 'date'],
          base64Props: { scan: { contentType: 'application/pdf', preferredText: true, textCharset: 'utf-8' } },
          validation: { requiredIndexed: ['accountId', 'transactionId', 'amount'] },
        },
        everything: { indexedProps: [] },
      },
      counterRules: {
        rules: [
          { name: 'user_logins', on: ['CREATE'], scope: 'meta', when: { action: 'login' }, countUnique: ['sessionId'] },
          {
            name: 'premium_purchases',
            on: ['CREATE'],
            scope: 'meta',
            when: { userTier: 'premium', action: 'purchase', amount: { $gte: 100 } },
            countUnique: ['productId', 'category'],
          },
        ],
      },
      devShadow: { enabled: true, ttlHours: 24, maxBytesPerDoc: 1024 * 1024 },
      writeOptimization: { batchSize: 1000, debounceMs: 100, compressionEnabled: true },
      fallback: { enabled: true, maxRetries: 3, retryDelayMs: 1000, maxDelayMs: 60_000, deadLetterCollection: 'dead' },
      transactions: { enabled: true, autoDetect: true },
    })
    expect(config.routing).toEqual({ hashAlgo: 'jump', chooseKey: ['tenantId'] })
    expect(config.counterRules.map(({ name }) => name)).toEqual(['user_logins', 'premium_purchases'])
    expect(config.localStorage).toBe(null)
  })
})

describe('problems', () => {
  test('are told all at once, each with its path', () => {
    expect(
      problems({
        dbConnections: { a: { url: 'memory:' }, b: { url: 'oracle:x' }, c: {} },
        spacesConnections: { s: { endpoint: 'nowhere' } },
        databases: {
          runtime: {
            tenantDatabases: [
              { tenantId: 'one', ...place('x', 'a') },
              { tenantId: 'two', ...place('y', 'missing') },
              { tenantId: '../three', ...place('z/..', 'a') },
            ],
          },
          cache: {},
        },
        routing: { hashAlgo: 'modulo' },
        retention: { ver: { days: -1 } },
        logicalDelete: { enabled: false },
        nonsense: 1,
      }).toSorted(),
    ).toEqual(
      [
        'dbConnections.b.url',
        'dbConnections.c.url',
        'spacesConnections.s.endpoint',
        'databases.cache',
        'databases.runtime.tenantDatabases[1].dbConnRef',
        'databases.runtime.tenantDatabases[2].tenantId',
        'databases.runtime.tenantDatabases[2].dbName',
        'routing.hashAlgo',
        'retention.ver.days',
        'logicalDelete.enabled',
        'nonsense',
      ].toSorted(),
    )
  })

  test.each<[string, unknown, string]>([
    [
      'a missing name',
      { ...base, databases: { metadata: { genericDatabase: { dbConnRef: 'other' } } } },
      'databases.metadata.genericDatabase.dbName',
    ],
    [
      'two tenants of one id',
      {
        ...base,
        databases: {
          runtime: {
            tenantDatabases: [
              { tenantId: 'a', ...place('x') },
              { tenantId: 'a', ...place('y') },
            ],
          },
        },
      },
      'databases.runtime.tenantDatabases[1].tenantId',
    ],
    [
      'two tenants that differ in case only',
      {
        ...base,
        databases: {
          runtime: {
            tenantDatabases: [
              { tenantId: 'a', ...place('x') },
              { tenantId: 'A', ...place('y') },
            ],
          },
        },
      },
      'databases.runtime.tenantDatabases[1].tenantId',
    ],
    [
      'two placements in one database',
      {
        ...base,
        databases: {
          metadata: { genericDatabase: place('x') },
          runtime: { tenantDatabases: [{ tenantId: 'a', ...place('X') }] },
        },
      },
      'databases.runtime.tenantDatabases[0].dbName',
    ],
    [
      'a placement in the database of the hub',
      { ...base, databases: { logs: place('varve_hub') }, hub: { dbConnRef: 'mongo-primary' } },
      'hub.dbName',
    ],
    [
      'a bucket without its connection',
      { ...base, databases: { logs: { ...place('x'), bucket: 'bucket' } } },
      'databases.logs.spaceConnRef',
    ],
    [
      'a flat database with tiers',
      { ...base, databases: { logs: { ...place('x'), tenantDatabases: [] } } },
      'databases.logs',
    ],
    [
      'a filter that is none',
      { ...base, counterRules: { rules: [{ name: 'r', when: { a: { $above: 1 } } }] } },
      'counterRules.rules[0].when.a.$above',
    ],
    [
      'a required path without index',
      { ...base, collectionMaps: { users: { indexedProps: ['a'], validation: { requiredIndexed: ['b'] } } } },
      'collectionMaps.users.validation.requiredIndexed[0]',
    ],
    ['a function where names belong', { ...base, routing: { chooseKey: 'objectId' } }, 'routing.chooseKey'],
    [
      'backends that nobody could remember',
      {
        ...base,
        databases: {
          runtime: { tenantDatabases: [{ tenantId: 'a', dbConnRef: ['mongo-primary', 'other'], dbName: 'x' }] },
        },
      },
      'hub.dbConnRef',
    ],
    [
      'a connection twice in a list',
      { ...base, databases: { logs: { dbConnRef: ['other', 'other'], dbName: 'x' } } },
      'databases.logs.dbConnRef',
    ],
    ['local storage without a folder', { ...base, localStorage: { enabled: true } }, 'localStorage.basePath'],
    [
      'one place under two names',
      { ...base, dbConnections: { a: { url: 'sqlite:./x' }, 'mongo-primary': { url: 'sqlite:x/y' } } },
      'dbConnections.mongo-primary',
    ],
    [
      'a mongoUri of another engine',
      { ...base, dbConnections: { 'mongo-primary': { mongoUri: 'postgres://a/b' } } },
      'dbConnections.mongo-primary.mongoUri',
    ],
    [
      'standbys of another engine',
      { ...base, dbConnections: { 'mongo-primary': { url: 'mongodb://a', standbys: ['mongodb://b'] } } },
      'dbConnections.mongo-primary.standbys',
    ],
    [
      'a standby that is no server',
      {
        ...base,
        dbConnections: { 'mongo-primary': { url: 'postgres://a/b', standbys: ['postgres://c/b', 'sqlite:x'] } },
      },
      'dbConnections.mongo-primary.standbys[1]',
    ],
    [
      'a standby that is a connection too',
      {
        ...base,
        dbConnections: {
          a: { url: 'postgres://c/b' },
          'mongo-primary': { url: 'postgres://a/b', standbys: ['postgres://c/b'] },
        },
      },
      'dbConnections.mongo-primary',
    ],
    [
      'heads where there are no collections',
      { ...base, dbConnections: { 'mongo-primary': { url: 'sqlite:x', heads: true } } },
      'dbConnections.mongo-primary.heads',
    ],
    [
      'a pool where there is none',
      { ...base, dbConnections: { 'mongo-primary': { url: 'sqlite:x', maxConnections: 5 } } },
      'dbConnections.mongo-primary.maxConnections',
    ],
  ])('%s', (_, config, path) => {
    expect(problems(config)).toEqual([path])
  })

  test('never show a password or key, and neither does a file that is no JSON', () => {
    const secrets = {
      dbConnections: {
        a: { url: 'postgres://ada:hunter2@db/x' },
        b: { url: 'postgres://ada:hunter2@db/x' },
        c: { url: 'mongo://ada:hunter2@db' },
        d: { mongoUri: 'postgres://ada:hunter2@db/x' },
      },
      spacesConnections: {
        s: { endpoint: 'https://ada:hunter2@s3', accessKey: 'hunter2', secretKey: 'hunter2', more: 'x' },
      },
      databases: { logs: { dbConnRef: 'zz', dbName: 'x' } },
    }
    const errors: VarveError[] = []
    for (const attempt of [() => readHubConfig(secrets), () => parseHubConfig(`{"url": "hunter2" oops`)])
      try {
        attempt()
      } catch (error) {
        if (error instanceof VarveError) errors.push(error)
      }
    expect(errors).toHaveLength(2)
    for (const error of errors) expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain('hunter2')
  })

  test('names of prototypes are names like any other, and refused', () => {
    const config: unknown = JSON.parse(
      '{"dbConnections":{"__proto__":{"url":"memory:"}},"databases":{"constructor":{},"logs":{"dbConnRef":"toString","dbName":"x"}}}',
    )
    expect(problems(config).toSorted()).toEqual([
      'databases.constructor',
      'databases.logs.dbConnRef',
      'dbConnections.__proto__',
    ])
  })
})

/** Knowledge, metadata and counters as the Chronos document shows them, for an engine. */

import type { JsonObject } from 'varve'
import { beforeEach, expect, test } from 'vitest'
import type { Hub } from '../src/hub/index.ts'
import { connections, runtimeOf, startHub, type HubEngine } from './hub-world.ts'

function tiered(engine: HubEngine): Record<string, unknown> {
  const tiers = (type: string) => ({
    genericDatabase: { dbConnRef: 'one', dbName: `${type}_generic` },
    domainsDatabases: [
      { domain: 'production', dbConnRef: 'two', dbName: `${type}_production` },
      { domain: 'saas', dbConnRef: 'one', dbName: `${type}_saas` },
    ],
    tenantDatabases: [{ tenantId: 'tenant-a', dbConnRef: 'one', dbName: `${type}_tenant_a` }],
  })
  return {
    dbConnections: connections(engine, 'one', 'two'),
    databases: {
      knowledge: tiers('knowledge'),
      metadata: tiers('metadata'),
      runtime: {
        tenantDatabases: ['tenant-a', 'tenant-b'].map((tenantId) => ({
          tenantId,
          dbConnRef: 'one',
          dbName: `rt_${tenantId}`,
        })),
      },
    },
    counterRules: {
      rules: [
        { name: 'user_logins', on: ['CREATE'], scope: 'meta', when: { action: 'login' }, countUnique: ['sessionId'] },
        {
          name: 'product_views',
          on: ['CREATE'],
          scope: 'meta',
          when: { action: 'view' },
          countUnique: ['productId', 'category', 'brand'],
        },
        {
          name: 'premium_purchases',
          on: ['CREATE'],
          scope: 'meta',
          when: { userTier: 'premium', action: 'purchase', amount: { $gte: 100 } },
          countUnique: ['productId', 'category'],
        },
      ],
    },
    retention: { counters: { days: 30 } },
  }
}

const whose = { tenantId: 'tenant-a', domain: 'production' }
const flags = { key: 'feature-flags' }

export function knowledgeExamples(makeEngine: () => HubEngine): void {
  let hub: Hub
  beforeEach(async () => {
    hub = await startHub(tiered(makeEngine()))
  })

  async function put(
    type: 'knowledge' | 'metadata',
    collection: string,
    records: { readonly generic?: JsonObject; readonly domain?: JsonObject; readonly tenant?: JsonObject },
  ): Promise<void> {
    const { generic, domain, tenant } = records
    if (generic !== undefined) await hub.with({ databaseType: type, tier: 'generic', collection }).create(generic)
    if (domain !== undefined)
      await hub.with({ databaseType: type, tier: 'domain', domain: 'production', collection }).create(domain)
    if (tenant !== undefined)
      await hub.with({ databaseType: type, tier: 'tenant', tenantId: 'tenant-a', collection }).create(tenant)
  }

  test('without merge, the first of tenant, domain, generic', async () => {
    const ask = () => hub.getKnowledge('app-config', flags, { ...whose, merge: false })
    expect(await ask()).toBe(null)
    await put('knowledge', 'app-config', { generic: { ...flags, of: 'generic' } })
    expect(await ask()).toEqual({
      data: { ...flags, of: 'generic' },
      tiersFound: ['generic'],
      tierRecords: { generic: { ...flags, of: 'generic' } },
    })
    await put('knowledge', 'app-config', { domain: { ...flags, of: 'domain' } })
    expect(await ask()).toMatchObject({ data: { of: 'domain' }, tiersFound: ['domain'] })
    await put('knowledge', 'app-config', { tenant: { ...flags, of: 'tenant' } })
    expect(await ask()).toMatchObject({ data: { of: 'tenant' }, tiersFound: ['tenant'] })
    expect(await hub.getKnowledge('app-config', flags)).toMatchObject({ tiersFound: ['generic'] })
  })

  test('with merge, all tiers: the example of the document', async () => {
    await put('knowledge', 'app-config', {
      generic: { ...flags, maxUploadSize: 10_485_760 },
      domain: { ...flags, enableNewFeature: true },
      tenant: { ...flags, maxUploadSize: 52_428_800, customField: 'tenant-specific' },
    })
    expect(
      await hub.getKnowledge('app-config', flags, { ...whose, merge: true, mergeOptions: { dedupeArrays: true } }),
    ).toEqual({
      data: { ...flags, maxUploadSize: 52_428_800, enableNewFeature: true, customField: 'tenant-specific' },
      tiersFound: ['generic', 'domain', 'tenant'],
      tierRecords: {
        generic: { ...flags, maxUploadSize: 10_485_760 },
        domain: { ...flags, enableNewFeature: true },
        tenant: { ...flags, maxUploadSize: 52_428_800, customField: 'tenant-specific' },
      },
    })
  })

  test('metadata in the same way: how tiered merging works', async () => {
    await put('metadata', 'schemas', {
      generic: { theme: 'light', features: ['basic', 'standard'], settings: { timeout: 30 } },
      domain: { features: ['advanced'], settings: { maxRetries: 3 } },
      tenant: { theme: 'dark', features: ['premium'], settings: { timeout: 60 } },
    })
    const found = await hub.getMetadata('schemas', {}, { ...whose, merge: true })
    expect(found?.data).toEqual({
      theme: 'dark',
      features: ['basic', 'standard', 'advanced', 'premium'],
      settings: { timeout: 60, maxRetries: 3 },
    })
    expect(await hub.getKnowledge('schemas', {}, { ...whose, merge: true })).toBe(null)
  })

  test('a tier without a database has nothing, a tenant nobody knows is an error', async () => {
    await put('knowledge', 'app-config', { generic: flags })
    const elsewhere = { tenantId: 'tenant-b', domain: 'nowhere', merge: true }
    expect(await hub.getKnowledge('app-config', flags, elsewhere)).toMatchObject({ tiersFound: ['generic'] })
    const unknown = hub.getKnowledge('app-config', flags, { tenantId: 'tenant-z' })
    await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND', details: { tenantId: 'tenant-z' } })
    await expect(hub.getKnowledge('app-config', flags, { tenantId: '..' })).rejects.toMatchObject({ code: 'INVALID' })
    const concatenated = hub.getKnowledge('app-config', flags, { mergeOptions: { dedupeArrays: false } })
    await expect(concatenated).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('counters in the shape of the document', async () => {
    const events = hub.with(runtimeOf('tenant-a', 'events'))
    const { id } = await events.create({ action: 'login', sessionId: 's1' })
    await events.createMany([
      { action: 'login', sessionId: 's1' },
      { action: 'view', productId: 1, category: 'a', brand: 'x' },
      { action: 'view', productId: 2, category: 'a' },
      { action: 'purchase', userTier: 'premium', amount: 100, productId: 1, category: 'a' },
      { action: 'purchase', userTier: 'premium', amount: 99, productId: 9, category: 'z' },
    ])
    await events.patch(id, { sessionId: 's9' })
    await events.delete(id)
    const totals = await hub.counters.getTotals({ dbName: 'rt_tenant-a', tenantId: 'tenant-a', collection: 'events' })
    expect(totals).toEqual({
      _id: 'tenant:tenant-a|db:rt_tenant-a|coll:events',
      created: 6,
      updated: 1,
      deleted: 1,
      rules: {
        user_logins: { created: 2, unique: { sessionId: 1 } },
        product_views: { created: 2, unique: { productId: 2, category: 1, brand: 1 } },
        premium_purchases: { created: 1, unique: { productId: 1, category: 1 } },
      },
      lastAt: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    const days = await hub.counters.getTotals({
      databaseType: 'runtime',
      tenantId: 'tenant-a',
      collection: 'events',
      buckets: true,
    })
    expect(days.rules['user_logins']?.buckets?.day).toMatchObject([{ created: 2 }])
    expect(
      await hub.counters.getTotals({ databaseType: 'runtime', tenantId: 'tenant-b', collection: 'events' }),
    ).toMatchObject({ created: 0 })
  })
}

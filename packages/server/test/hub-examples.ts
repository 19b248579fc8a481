/** The examples of the Chronos document, with the names of Varve, for an engine. */

import type { JsonObject, RestoreAllProgress } from 'varve'
import { beforeEach, expect, test } from 'vitest'
import type { Hub, HubCollection } from '../src/hub/index.ts'
import { quickStart, runtimeOf, startHub, type HubEngine } from './hub-world.ts'

/** For engines that keep what they hold when a hub is closed. */
export function lastingExamples(makeEngine: () => HubEngine): void {
  test('what was written is there after the hub was opened again', async () => {
    const engine = makeEngine()
    const hub = await startHub(quickStart(engine))
    const users = hub.with(runtimeOf('tenant-a', 'users'))
    const { id } = await users.create({ email: 'a@x' })
    await hub.admin.shutdown()
    await expect(users.get(id)).rejects.toMatchObject({ code: 'CLOSED' })
    const again = await startHub(quickStart(engine))
    const handle = again.with(runtimeOf('tenant-a', 'users'))
    expect(await handle.update(id, { email: 'b@x' }, { expectedOv: 0 })).toMatchObject({ ov: 1 })
    expect(
      await again.using({ databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a' }, (database) =>
        database.verify(),
      ),
    ).toMatchObject({ ok: true })
  })
}

export function chronosExamples(makeEngine: () => HubEngine): void {
  let hub: Hub
  let users: HubCollection<JsonObject>

  beforeEach(async () => {
    hub = await startHub(quickStart(makeEngine()))
    users = hub.with(runtimeOf('tenant-a', 'users'))
  })

  test('quick start: users in different tenants', async () => {
    await hub.tenants.add('tenant-b')
    const others = hub.with(runtimeOf('tenant-b', 'users'))
    await users.create({ email: 'user@tenant-a.com', name: 'User A' })
    await others.create({ email: 'user@tenant-b.com', name: 'User B' })
    expect(await users.find().toArray()).toMatchObject([{ email: 'user@tenant-a.com' }])
    expect(await others.find().toArray()).toMatchObject([{ email: 'user@tenant-b.com' }])
    expect(await users.find({ email: 'user@tenant-a.com' }).explain()).toMatchObject({ path: 'email' })
  })

  test('CRUD with versions, and a stale version is a conflict', async () => {
    const created = await users.create({ email: 'a@x' }, { actor: 'actor', reason: 'reason' })
    expect(created).toMatchObject({ ov: 0, cv: 0 })
    const updated = await users.update(created.id, { email: 'b@x' }, { expectedOv: 0, actor: 'actor' })
    expect(updated).toMatchObject({ id: created.id, ov: 1, cv: 1 })
    const stale = users.update(created.id, { email: 'c@x' }, { expectedOv: 0 })
    await expect(stale).rejects.toMatchObject({ code: 'CONFLICT', details: { expected: 0, actual: 1 } })
    expect(await users.delete(created.id, { expectedOv: 1, actor: 'gdpr-request' })).toMatchObject({ ov: 2, cv: 2 })
    expect(await users.get(created.id)).toBe(null)
  })

  test('enrichment: deep merge, arrays united, several parts one version', async () => {
    const { id } = await users.create({ email: 'a@x', tags: ['new'], metadata: { old: 1 } })
    await users.enrich(id, { tags: ['premium'], metadata: { newField: 'value' } }, { functionId: 'enricher@v1' })
    const { ov } = await users.enrich(id, [{ tags: ['vip'] }, { metadata: { score: 100 } }, { tags: ['verified'] }])
    expect(ov).toBe(2)
    expect(await users.get(id)).toMatchObject({
      tags: ['new', 'premium', 'vip', 'verified'],
      metadata: { old: 1, newField: 'value', score: 100 },
      _system: { ov: 2, functionIds: ['enricher@v1'] },
    })
  })

  test('reads: latest, version, as of a time, by filter with pages', async () => {
    const { id } = await users.create({ email: 'a@x', status: 'active', secret: 1 })
    await users.patch(id, { status: 'blocked' })
    expect(await users.get(id, { select: ['email', 'status'] })).toMatchObject({ email: 'a@x', status: 'blocked' })
    expect(await users.get(id, { select: ['email'] })).not.toHaveProperty('secret')
    expect(await users.getVersion(id, 0)).toMatchObject({ status: 'active' })
    expect(await users.getAsOf(id, '2000-01-01T00:00:00Z')).toBe(null)
    await users.createMany(Array.from({ length: 5 }, (__, i) => ({ id: `u${i}`, status: 'active', n: i })))
    const first = await users.find({ status: 'active' }).sort({ n: -1 }).limit(3).page()
    expect(first.items.map(({ id: each }) => each)).toEqual(['u4', 'u3', 'u2'])
    const next = await users
      .find({ status: 'active' })
      .sort({ n: -1 })
      .limit(3)
      .after(first.next ?? '')
      .page()
    expect(next).toMatchObject({ items: [{ id: 'u1' }, { id: 'u0' }], next: null })
    const seen: string[] = []
    for await (const doc of users.find({ status: 'active' }).sort({ n: 1 })) seen.push(doc.id)
    expect(seen).toEqual(['u0', 'u1', 'u2', 'u3', 'u4'])
  })

  test('restore: a document and a collection, append-only', async () => {
    const { id } = await users.create({ n: 1 })
    await users.update(id, { n: 2 })
    expect(await users.restore(id, { ov: 0 })).toMatchObject({ ov: 2 })
    expect(await users.get(id)).toMatchObject({ n: 1 })
    await users.delete(id)
    const told: number[] = []
    const onProgress = ({ restored }: RestoreAllProgress): void => void told.push(restored)
    expect(await users.restoreAll({ cv: 1 }, { onProgress })).toMatchObject({ restored: 1 })
    expect(told).toEqual([1])
    expect(await users.get(id)).toMatchObject({ n: 2, _system: { ov: 4 } })
    const versions = []
    for await (const { kind } of users.history(id)) versions.push(kind)
    expect(versions).toHaveLength(5)
  })

  test('lineage: parent, and origin with its system', async () => {
    const parent = { id: 'parent-record-id', collection: 'parent_items' }
    const child = await users.create({ name: 'Child' }, { actor: 'system', parentRecord: parent })
    expect(await users.get(child.id)).toMatchObject({
      _system: {
        parentId: parent.id,
        parentCollection: parent.collection,
        originId: parent.id,
        originCollection: parent.collection,
      },
    })
    const origin = { id: 'stripe_cus_123', collection: 'customers', system: 'stripe' }
    const imported = await users.create({ customerId: 'ext-123' }, { origin })
    expect(await users.get(imported.id)).toMatchObject({
      _system: { originId: 'stripe_cus_123', originCollection: 'stripe:customers' },
    })
  })

  test('generic, domain and flat placements', async () => {
    const config = hub.with({ databaseType: 'metadata', tier: 'generic', collection: 'config' })
    const articles = hub.with({
      databaseType: 'metadata',
      tier: 'domain',
      domain: 'healthcare',
      collection: 'articles',
    })
    await config.create({ id: 'a', of: 'all' })
    await articles.create({ id: 'a', of: 'healthcare' })
    expect([await config.get('a'), await articles.get('a')]).toMatchObject([{ of: 'all' }, { of: 'healthcare' }])
    const logs = hub.logs()
    await logs.write({ level: 'warn', message: 'slow', fields: { ms: 900 } })
    await logs.writeMany([{ message: 'one' }, { message: 'two' }])
    expect(await logs.find({ level: 'info' }).count()).toBe(2)
    expect(await hub.with({ databaseType: 'logs', collection: 'logs' }).find().count()).toBe(3)
  })

  test('entities across databases and tiers', async () => {
    const orders = hub.with(runtimeOf('tenant-a', 'orders'))
    const mappings = [
      {
        property: 'customer',
        collection: 'customers',
        keyProperty: 'customerId',
        databaseType: 'metadata',
        tier: 'tenant',
      },
      {
        property: 'product',
        collection: 'products',
        keyProperty: 'productId',
        databaseType: 'metadata',
        tier: 'domain',
        domain: 'healthcare',
      },
      { property: 'shop', collection: 'shops', keyProperty: 'shopId' },
    ] as const
    const product = { productId: 'PROD-789', name: 'Widget', price: 99.99 }
    await hub
      .with({ databaseType: 'metadata', tier: 'domain', domain: 'healthcare', collection: 'products' })
      .upsert(['productId'], product)
    const order = {
      orderId: 'ORD-123',
      customer: { customerId: 'CUST-456', name: 'John Doe', email: 'john@example.com' },
      product,
      shop: { shopId: 7 },
      quantity: 2,
    }
    const { id, entities } = await orders.createWithEntities(order, mappings, { actor: 'order-system' })
    expect(Object.fromEntries([...entities].map(([name, { operation }]) => [name, operation]))).toEqual({
      customer: 'created',
      product: 'unchanged',
      shop: 'created',
    })
    const customers = hub.with({
      databaseType: 'metadata',
      tier: 'tenant',
      tenantId: 'tenant-a',
      collection: 'customers',
    })
    expect(await customers.find({ customerId: 'CUST-456' }).first()).toMatchObject({ name: 'John Doe' })
    const read = await orders.getWithEntities(id, mappings)
    expect(read.record).toMatchObject({ orderId: 'ORD-123', quantity: 2 })
    expect([...read.entities.keys()].toSorted()).toEqual(['customer', 'product', 'shop'])
    const failing = orders.createWithEntities({ ...order, id }, mappings)
    await expect(failing).rejects.toMatchObject({
      code: 'EXISTS',
      details: { saved: { customer: { operation: 'unchanged' } } },
    })
  })

  test('batches of sensor readings', async () => {
    const readings = hub.with(runtimeOf('tenant-a', 'sensor-data'))
    const data = Array.from({ length: 300 }, (__, i) => ({
      deviceId: `sensor-${i % 10}`,
      temperature: i,
      location: { lat: 1, lng: 2 },
    }))
    for (let i = 0; i < data.length; i += 100)
      await Promise.all(data.slice(i, i + 100).map((each) => readings.create(each, { actor: 'iot-ingestion' })))
    const groups = await readings.find().group(['deviceId'], { count: { count: true } })
    expect(groups).toHaveLength(10)
    expect(await readings.find().count()).toBe(300)
  })

  test('health names every connection, and shows no password', async () => {
    const health = await hub.admin.health()
    expect(health.connections.map(({ name, ok }) => [name, ok])).toEqual([
      ['mongo-primary', true],
      ['mongo-analytics', true],
    ])
    await users.create({})
    expect(await hub.admin.stats()).toMatchObject({
      placements: { open: 1 },
      tenants: { active: 1, dropped: 0 },
      moving: [],
    })
  })
}

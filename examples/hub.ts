/** Many tenants in one process: settings in tiers, tenants added at run time, moved while they are used. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHub } from '@varve/server/hub'
import { isVarveError } from 'varve'

interface Order {
  customer: string
  total: number
}

const dir = mkdtempSync(join(tmpdir(), 'varve-hub-'))
const hub = await openHub({
  dbConnections: {
    shared: { url: `sqlite:${join(dir, 'shared')}` },
    premium: { url: `sqlite:${join(dir, 'premium')}` },
  },
  databases: {
    metadata: { genericDatabase: { dbConnRef: 'shared', dbName: 'settings' } },
    runtime: { tenantDefaults: { dbConnRef: 'shared', dbNamePrefix: 'runtime_' } },
  },
  collectionMaps: { orders: { indexedProps: ['customer'] } },
})

const settings = hub.with({ databaseType: 'metadata', tier: 'generic', collection: 'settings' })
await settings.create({ key: 'limits', ordersPerDay: 100 })
await hub.tenants.add('acme')
console.log('limits', (await hub.getMetadata('settings', { key: 'limits' }, { tenantId: 'acme', merge: true }))?.data)

const orders = hub.with<Order>({ databaseType: 'runtime', tier: 'tenant', tenantId: 'acme', collection: 'orders' })
const { id } = await orders.create({ customer: 'Ada', total: 10 }, { actor: 'shop' })
await orders.patch(id, { $inc: { total: 5 } })

const { to, commits } = await hub.admin.move('acme', { databaseType: 'runtime', dbConnRef: 'premium', dbName: 'acme' })
console.log('moved', commits, 'commits to', to.dbConnRef)
console.log(
  'now',
  (await orders.find({ customer: 'Ada' }).first())?.total,
  'and first',
  (await orders.getVersion(id, 0))?.total,
)

const stranger = hub.with<Order>({ databaseType: 'runtime', tier: 'tenant', tenantId: 'beta', collection: 'orders' })
await stranger.get(id).catch((error: unknown) => {
  console.log('beta:', isVarveError(error) ? error.code : error)
})
await hub.admin.shutdown()
rmSync(dir, { recursive: true })

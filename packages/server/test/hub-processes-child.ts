/** A process of a hub that takes the placements it is told, says so, and serves them until it is killed. */

import { openHub } from '../src/hub/index.ts'

const [, , config = '{}', ...collections] = process.argv
const given: unknown = JSON.parse(config)
const hub = await openHub(given)
for (const collection of collections)
  await hub.with({ databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a', collection }).find().count()
await hub.messaging('tenant-a').topics()
process.stdout.write('ready\n')

/** A process of a hub that takes a placement, says that it has it, and holds it until it is killed. */

import { openHub } from '../src/hub/index.ts'

const [, , config = '{}'] = process.argv
const given: unknown = JSON.parse(config)
const hub = await openHub(given)
const notes = hub.with({ databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a', collection: 'notes' })

for (let n = 0; ; n++) {
  await notes.create({ by: 'child', n }, { id: `child-${n}` })
  process.stdout.write(`${n}\n`)
  await new Promise((resolve) => setTimeout(resolve, 5))
}

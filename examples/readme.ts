/** The example of README.md, as a program. */

import { createTenant, memory } from 'varve'

interface Person {
  name: string
  status: string
  visits: number
  address?: { city: string }
}

const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory() })
const crm = await tenant.database('crm')
const people = crm.collection<Person>('people', { indexes: ['status'] })

const { id } = await people.create({ name: 'Grace', status: 'new', visits: 0 }, { reason: 'signed up' })
await people.patch(id, { status: 'active', 'address.city': 'Paris' }, { actor: 'eve', reason: 'first order' })
await people.patch(id, { $inc: { visits: 1 } })

const active = people.find({ status: 'active', visits: { $gte: 1 } }).sort({ name: 1 })
for await (const { name, address } of active) console.log('found', name, 'in', address?.city)

for await (const { ov, actor, reason, paths } of people.history(id)) {
  console.log('version', ov, 'by', actor, '-', reason, '-', paths.join(' '))
}

console.log('first it was', (await people.getVersion(id, 0))?.status)
await people.delete(id)
await people.restore(id, { ov: 1 }, { reason: 'deleted by mistake' })
console.log('now it is', (await people.get(id))?.status)

console.log('verified:', (await crm.verify()).ok)
await tenant.close()

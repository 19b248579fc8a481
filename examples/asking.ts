/** The third example of README.md: groups, search, a view, counters, and all of it as of a past time. */

import { createTenant, memory, type ViewDefinition } from 'varve'

interface Bill {
  customer: string
  country: string
  amount: number
  text: string
}

const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory() })
const crm = await tenant.database('crm')
await crm.counters.define([
  { name: 'large', on: ['CREATE'], when: { amount: { $gte: 1000 } }, countUnique: ['country'] },
])
const bills = crm.collection<Bill>('bills', {
  indexes: [['country', 'amount']],
  search: { fields: { customer: { weight: 3 }, text: {} } },
})
await bills.createMany([
  { customer: 'Anna', country: 'de', amount: 300, text: 'A desk lamp' },
  { customer: 'Bert', country: 'de', amount: 1500, text: 'A desk of oak, and its lamp' },
  { customer: 'Cleo', country: 'at', amount: 2000, text: 'Ten chairs' },
])

const german = bills.find({ country: 'de' }).sort({ amount: -1 })
console.log((await german.first())?.customer, '-', (await german.explain()).reason)
console.log(await bills.find().group(['country'], { bills: { count: true }, total: { sum: 'amount' } }))

for (const { doc, highlights } of (await bills.find().search('"desk lamp"').hits()).items)
  console.log('found', doc.customer, highlights[0]?.ranges)

const definition: ViewDefinition = {
  name: 'bills by country',
  sources: [{ database: 'crm', collection: 'bills' }],
  categories: [{ name: 'country', value: 'country' }],
  columns: [{ name: 'amount', value: 'amount', totals: ['sum'] }],
}
const view = await tenant.view(definition)
await bills.create({ customer: 'Dora', country: 'at', amount: 10, text: 'A cup' })
await view.refresh()
console.log('in Austria', view.category(['at'])?.totals.columns['amount']?.sum)

const before = await crm.asOf({ record: 0 })
console.log(
  'before',
  await before.collection<Bill>('bills').find({ country: 'at' }).count(),
  'and now',
  await bills.find({ country: 'at' }).count(),
)
console.log('large', (await crm.counters.totals({ collection: 'bills' })).rules['large'])
await tenant.close()

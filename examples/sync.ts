/** The second example of README.md, as a program: a node and two devices of one tenant. */

import { createNode } from '@varve/server'
import { createTenant, isVarveError, joinByInvitation, memory } from 'varve'

interface Item {
  name: string
  left: number
}

const node = await createNode({ dir: './varve-node', port: 0, log: { level: 'warn' } })
const { url } = await node.listen()

const ada = await createTenant({ name: 'acme', user: 'ada', store: memory() })
const shop = await ada.database('shop')
const stock = shop.collection<Item>('stock')
await stock.create({ name: 'lamp', left: 3 }, { id: 'lamp' })
await ada.publish(url) // the node records from now on, and can read nothing

const { link } = await ada.invite()
const asking = joinByInvitation({ link, user: 'grace', store: memory() })
await ada.answerInvitations({ waitMs: 60_000 })
const grace = await asking

const [hers, his] = [grace.connect(), ada.connect()] // kept up until they are closed
const graceShop = await grace.database('shop')
const graceStock = graceShop.collection<Item>('stock')
await Promise.all([hers.settled(), his.settled()])
console.log('grace sees', (await graceStock.get('lamp'))?.left)

const heard = new Promise((resolve) => his.on('presence', ({ state }) => { resolve(state) }))
grace.presence(graceShop, { looksAt: 'lamp' })
console.log('ada hears', await heard)

await hers.disconnect()
const late = await graceStock.patch('lamp', { left: 0 }, { expectedOv: 0 })
const sold = await stock.patch('lamp', { $inc: { left: -1 } })
console.log('record', (await sold.receipt()).record)

await hers.reconnect()
await late.receipt().catch((error: unknown) => {
  console.log('refused:', isVarveError(error) && error.code)
})
for (const { record, code, documents } of await graceShop.refused()) {
  console.log(code, documents[0]?.id, 'in record', record)
  await graceShop.dismissRefused(record)
}
await hers.settled()
console.log('grace sees', (await graceStock.get('lamp'))?.left)
console.log('audit:', (await grace.audit()).ok)

await grace.close()
await ada.close()
await node.close()

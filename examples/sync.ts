/** The second example of README.md, as a program: a node, and two devices of one tenant. */

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
await ada.publish(url) // from now on the node records, and can read nothing

const { link } = await ada.invite()
const asking = joinByInvitation({ link, user: 'grace', store: memory() })
await ada.answerInvitations({ waitMs: 60_000 })
const grace = await asking
const graceShop = await grace.database('shop')
const graceStock = graceShop.collection<Item>('stock')

const [line, graceLine] = [ada.connect(), grace.connect()] // kept up until they are closed
await Promise.all([line.settled(), graceLine.settled()])
console.log('grace has', (await graceStock.get('lamp'))?.left)

const presence = new Promise((resolve) => line.on('presence', ({ state }) => resolve(state)))
grace.presence(graceShop, { looksAt: 'lamp' })
console.log('ada hears', await presence)

await graceLine.disconnect()
const late = await graceStock.patch('lamp', { left: 0 }, { expectedOv: 0 })
const sold = await stock.patch('lamp', { $inc: { left: -1 } })
console.log('recorded as', (await sold.receipt()).record)

await graceLine.reconnect()
await late.receipt().catch((error) => console.log('refused:', isVarveError(error, 'CONFLICT')))
for (const { record, code, documents } of await graceShop.refused()) {
  console.log('record', record, code, documents)
  await graceShop.dismissRefused(record)
}
console.log('grace has', (await graceStock.get('lamp'))?.left)
console.log('audit:', (await grace.audit()).ok)

for (const each of [grace, ada, node]) await each.close()

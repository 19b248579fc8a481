/** A process that writes to a tenant in every way until it is killed, and says each answered write on its output. */

import { createTenant, openTenant, systemEnv, type Tenant } from 'varve'
import { sqlite } from '@varve/stores/sqlite'

const [, , dir = '', mode = '', cycle = '0', passphrase = ''] = process.argv
const options = {
  store: sqlite({ dir }),
  env: systemEnv({ passphraseWork: 1 }),
  ...(passphrase === '' ? {} : { passphrase }),
}

async function tenant(): Promise<Tenant> {
  return mode === 'create' ? createTenant({ ...options, name: 'acme', user: 'ada' }) : openTenant(options)
}

/** Output leaves the process between turns of the event loop only. */
async function say(what: readonly unknown[]): Promise<void> {
  process.stdout.write(`${JSON.stringify(what)}\n`)
  await new Promise((resolve) => setImmediate(resolve))
}

const database = await (await tenant()).database('crm')
const items = database.collection<Record<string, unknown>>('items', { indexes: ['kind'] })
const sums = database.collection<{ n: number; last: string }>('sums')
if ((await sums.get('counter')) === null) await sums.create({ n: 0, last: '' }, { id: 'counter' })
await say(['ready'])
// Bounded, because whoever kills it may be busy: what it wrote is checked whole after every cycle.
for (let n = 0; n < 25; n++) {
  const id = `c${cycle}-${n}`
  await items.create({ id, kind: 'single', n })
  await say(['create', id, n])
  await items.createMany([0, 1, 2].map((i) => ({ id: `${id}-many${i}`, kind: 'many', n: i })))
  await say(['many', id])
  await items.patch(id, { n: -n, patched: true })
  await say(['patch', id, -n])
  const sum = await database.transact(async (tx) => {
    const counter = (await tx.collection<{ n: number }>('sums').get('counter'))?.n ?? 0
    await tx.collection('items').create({ id: `${id}-tx`, kind: 'tx', n: counter + 1 })
    await tx.collection('sums').update('counter', { n: counter + 1, last: `${id}-tx` })
    return counter + 1
  })
  await say(['tx', `${id}-tx`, sum])
  const together = await Promise.all([1, 2, 3].map((i) => items.create({ id: `${id}-free${i}`, kind: 'free', n: i })))
  await say(['free', ...together.map((written) => written.id)])
}
setInterval(() => undefined, 1000)

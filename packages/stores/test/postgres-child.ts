/** A process that opens a store as soon as it is free, counts in it until it is killed, and says every answer. */

import { postgres, postgresPool } from '@varve/stores/postgres'
import { isVarveError, type Store } from 'varve/engine'
import { countIn, counting } from './postgres-world.ts'

const [, , url = '', schema = '', name = '', leaseMs = ''] = process.argv
const stores = postgres({
  pool: postgresPool({ url }),
  schema,
  leaseMs: Number(leaseMs),
  address: `process:${process.pid}`,
})

/** Output leaves the process between turns of the event loop only. */
async function say(text: string): Promise<void> {
  process.stdout.write(`${text}\n`)
  await new Promise((resolve) => setImmediate(resolve))
}

async function count(store: Store): Promise<void> {
  for (let next = await countIn(store); ; next++) {
    await store.write(counting(next))
    await say(`wrote ${next + 1}`)
  }
}

for (;;) {
  try {
    const store = await stores.open(name, { pageKey: null })
    await say('open')
    await count(store)
  } catch (error) {
    await say(isVarveError(error) ? error.code : String(error))
    if (!isVarveError(error, 'LOCKED')) process.exit(1)
    await stores.waitForRelease(name, 60_000)
  }
}

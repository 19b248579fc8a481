/** A process that holds a store: writes until it is told to stop, or ends itself at a step, and says what was answered. */

import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { isVarveError } from 'varve/engine'
import { batchAt } from './mongodb-batches.ts'

const [url = '', database = '', name = '', count = '0', crashAt = '', crashRound = '1', leaseMs = '15000'] =
  process.argv.slice(2)

let rounds = 0
/** Ends the process as a crash does, the `crashRound`th time that a round of applying comes to this step. */
async function step(reached: string): Promise<void> {
  if (reached === crashAt && ++rounds === Number(crashRound)) process.kill(process.pid, 'SIGKILL')
}

const client = mongodbClient({ url })
const stores = mongodb({ client, database, address: 'child', leaseMs: Number(leaseMs), waitMs: 30_000, step })
try {
  const store = await stores.open(name, { pageKey: null })
  process.stdout.write('open\n')
  for (let n = 0; n < Number(count); n++) {
    await store.write(batchAt(n))
    process.stdout.write(`written ${n}\n`)
  }
  await store.stats()
  await store.close()
  process.stdout.write('closed\n')
} catch (error) {
  process.stdout.write(`failed ${isVarveError(error) ? error.code : String(error)}\n`)
}
await client.close()

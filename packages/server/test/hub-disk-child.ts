/** A process of a hub on SQLite that writes until its disk is full, reads what is there, and writes on when it is told to. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { isVarveError } from 'varve/engine'
import { openHub } from '../src/hub/index.ts'

const [, , dir = ''] = process.argv
const hub = await openHub({
  dbConnections: { one: { url: `sqlite:${dir}` } },
  databases: { runtime: { tenantDatabases: [{ tenantId: 'tenant-a', dbConnRef: 'one', dbName: 'a' }] } },
})
const notes = hub.with({ databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a', collection: 'notes' })
const told = (...what: readonly (string | number | boolean)[]): void => {
  process.stdout.write(`${what.join(' ')}\n`)
}

let written = 0
async function write(): Promise<void> {
  await notes.create({ n: written, text: randomBytes(30_000).toString('base64') }, { id: `note-${written}` })
  written++
}

/** Numbers of the documents that are there. */
async function found(): Promise<string> {
  const all = await notes.find().sort({ n: 1 }).toArray()
  return all.map(({ n }) => Number(n)).join()
}

for (let n = 0; n < 5; n++) await write()
told('written', written)
await once(process.stdin, 'data')
for (;;) {
  try {
    await write()
  } catch (error) {
    if (!isVarveError(error)) throw error
    told('full', written, error.code, error.retryable, error.message)
    break
  }
}
told('read', await found())
await once(process.stdin, 'data')
for (let n = 0; n < 5; n++) await write()
told('wrote on', written, await found())
await hub.admin.shutdown()
process.exit(0)

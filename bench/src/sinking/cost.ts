/** What sinking costs: objects and requests for a load of versions, against one object per version; prints a table. */

import {
  createTenant,
  memory,
  memoryBlobs,
  SinkingShare,
  sinkingStores,
  systemEnv,
  type Database,
  type Mode,
} from 'varve'
import { decorateBlobs, type BlobMethod, type BlobStore } from 'varve/engine'

const versions = Number(process.argv[2] ?? 100_000)
const documents = versions / 10
const env = systemEnv()

interface Counted {
  readonly blobs: BlobStore
  readonly calls: Map<BlobMethod, number>
}

function counted(): Counted {
  const calls = new Map<BlobMethod, number>()
  const blobs = decorateBlobs(memoryBlobs({ env }), (method, call) => {
    calls.set(method, (calls.get(method) ?? 0) + 1)
    return call()
  })
  return { blobs, calls }
}

/** Contacts that are made, and changed nine times each: a status, a counter and a note. */
async function write(database: Database): Promise<void> {
  const contacts = database.collection('contacts')
  for (let round = 0; round < 10; round++) {
    for (let from = 0; from < documents; from += 500) {
      const words = (seed: number): string =>
        Array.from({ length: 40 }, (_, at) =>
          ((seed * 2654435761 + at * 40503 * (seed % 97)) % 65521).toString(36),
        ).join(' ')
      const writes = Array.from({ length: Math.min(500, documents - from) }, (_, i) => {
        const id = `contact-${from + i}`
        const note = `Called on day ${round}: ${words(from * 10 + i * 7 + round)}`
        return round === 0
          ? contacts.create({ id, name: `Contact ${id}`, city: 'Lyon', status: 'new', note })
          : contacts.patch(id, { status: round % 2 === 0 ? 'active' : 'waiting', round, note })
      })
      await Promise.all(writes)
    }
  }
}

async function measure(mode: Mode): Promise<Readonly<Record<string, string | number>>> {
  const { blobs, calls } = counted()
  // A small cache, so that what is read is asked for.
  const share = new SinkingShare({ cacheBytes: 4_000_000 })
  const store = sinkingStores(memory(), { blobs, env, sink: { keepCommits: 0 }, share })
  const tenant = await createTenant({ name: 'acme', user: 'ada', store, env })
  const database = await tenant.database('crm', { mode })
  await write(database)
  const started = env.now()
  const { segments, bytes, stored } = await tenant.layers.sink({ all: true })
  const seconds = (env.now() - started) / 1000
  const [puts, checks] = [calls.get('put') ?? 0, calls.get('get') ?? 0]
  const contacts = database.collection('contacts')
  for (let i = 0; i < 1000; i++) await contacts.getVersion(`contact-${(i * 7919) % documents}`, 3)
  const reads = (calls.get('get') ?? 0) - checks
  await database.verify()
  const whole = (calls.get('get') ?? 0) - checks - reads
  await tenant.close()
  const perMillion = (count: number): number => Math.round((count * 1e6) / versions)
  return {
    mode,
    'objects per million': perMillion(segments),
    'puts per million': perMillion(puts),
    'gets to check, per million': perMillion(checks),
    'bytes per version': Math.round(bytes / versions),
    'stored per version': Math.round(stored / versions),
    'MB/s packed': Math.round(bytes / 1e5 / seconds) / 10,
    'gets for 1,000 old versions': reads,
    'gets to read all, per million': perMillion(whole),
  }
}

for (const mode of ['sealed', 'open'] as const) console.table(await measure(mode))

/** MongoDB by hand: the ordinary driver and its pool; writes are acknowledged as the server does by default, by the majority. */

import { MongoClient } from 'mongodb'
import type { PackageRecord } from '../data.ts'
import { slices } from '../files.ts'
import { asNumber, asText, fieldOf, isRecord } from '../json.ts'
import type { ByHand, Said } from './by-hand.ts'

interface VersionDocument {
  readonly _id: { readonly id: string; readonly ov: number }
  readonly at: Date
  readonly data: PackageRecord
}

interface HeadDocument {
  readonly _id: string
  readonly data: PackageRecord
}

/** Commands that a client says for itself, and not for an operation. */
const ownCommands = ['hello', 'isMaster', 'serverStatus', 'endSessions', 'ping', 'saslStart', 'saslContinue']

export async function handMongodb(url: string, connections: number): Promise<ByHand> {
  const client = await MongoClient.connect(url, { maxPoolSize: connections })
  const db = client.db('by_hand')
  const versions = db.collection<VersionDocument>('versions')
  const heads = db.collection<HeadDocument>('heads')
  await versions.createIndex({ 'data.section': 1 })
  await heads.createIndex({ 'data.installedSize': 1 })
  return {
    async insert({ id, ov, data }) {
      await versions.insertOne({ _id: { id, ov }, at: new Date(), data })
    },
    async fill(documents) {
      for (const slice of slices(documents, 5000))
        await heads.insertMany(slice.map((data) => ({ _id: asText(data['id']), data })))
    },
    async find(above, limit) {
      const found = heads
        .find({ 'data.installedSize': { $gt: above } })
        .sort({ 'data.installedSize': 1 })
        .limit(limit)
      return (await found.toArray()).map(({ data }) => data)
    },
    async open() {
      return asNumber(fieldOf(fieldOf(await client.db('admin').command({ serverStatus: 1 }), 'connections'), 'current'))
    },
    async said() {
      return saidIn(await client.db('admin').command({ serverStatus: 1 }))
    },
    stop: () => client.close(),
  }
}

function saidIn(status: unknown): Said {
  const commands = fieldOf(fieldOf(status, 'metrics'), 'commands')
  if (!isRecord(commands)) throw new Error('The server does not say which commands it was sent')
  let statements = 0
  for (const [name, counts] of Object.entries(commands)) {
    const total = fieldOf(counts, 'total')
    if (total !== undefined && !ownCommands.includes(name)) statements += Number(total)
  }
  return {
    statements,
    roundTrips: statements,
    connections: asNumber(fieldOf(fieldOf(status, 'connections'), 'totalCreated')),
  }
}

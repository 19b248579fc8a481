/** Opening a store: its lease, the fence that keeps earlier holders out, and what they left to be applied. */

import { UUID, type ClientSession, type Db, type MongoClient } from 'mongodb'
import { toHex, VarveError, type Env } from 'varve/engine'
import type { Closing } from '../closing.ts'
import type { Knowledge } from './check.ts'
import { closeStore } from './close.ts'
import type { Collections } from './collections.ts'
import { guarded, repeated, type Place } from './errors.ts'
import { Heads, type HeadsName } from './heads.ts'
import { Highest, openTags } from './known.ts'
import { Layers, View } from './layers.ts'
import { Lease } from './lease.ts'
import { Log } from './log.ts'
import type { Opened } from './mongodb-store.ts'
import { Pieces } from './pieces.ts'
import { Projector, type StoreRow } from './projector.ts'
import { Rows } from './rows.ts'
import { Writer } from './writer.ts'

const layoutVersion = 1

const settled = { readConcern: { level: 'majority' as const } }

export interface OpenOptions {
  readonly client: MongoClient
  readonly collections: Collections
  readonly place: Place
  readonly store: string
  readonly env: Env
  readonly address: string | null
  readonly leaseMs: number
  readonly db: Db
  readonly heads: HeadsName | null
  readonly closing: Closing
  readonly step?: (name: string) => Promise<void>
}

/** Throws `LOCKED` while another holder has the store. */
export async function openStore(options: OpenOptions): Promise<Opened> {
  const { client, place } = options
  const session = client.startSession({ causalConsistency: false })
  let lease: Lease | null = null
  try {
    const taken = await takeLease(options, session)
    lease = taken
    return await guarded(place, () => openHeld(options, session, taken))
  } catch (error) {
    // The reason why opening failed is the error to report.
    await lease?.release().catch(() => undefined)
    await session.endSession().catch(() => undefined)
    throw error
  }
}

export async function takeLease(options: OpenOptions, session: ClientSession | null): Promise<Lease> {
  const { client, collections, place, env, store, address, leaseMs } = options
  const { lease, before } = await Lease.take({
    collection: collections.leases,
    place,
    env,
    store,
    holder: toHex(env.random(8)),
    address,
    session: session?.id === undefined ? null : session.id.id.toString('hex'),
    termMs: leaseMs,
  })
  // A transaction that an earlier holder left open would keep its rows locked for a minute.
  if (before !== null)
    await client
      .db('admin')
      .command({ killSessions: [{ id: new UUID(before) }] })
      .catch(() => undefined)
  return lease
}

async function openHeld(options: OpenOptions, session: ClientSession, lease: Lease): Promise<Opened> {
  const { collections, place, env, leaseMs, store } = options
  const { prefix, epoch, applied, heads: filled = {} } = await claim(options)
  const rows = new Rows(collections.rows, prefix)
  const log = new Log({ collection: collections.batches, place, env, prefix, lease, termMs: leaseMs })
  await log.fence(applied)
  const now = await repeated(() => collections.stores.findOne({ _id: store }, settled))
  if (now?.epoch !== epoch) throw await lease.lose()
  const layers = new Layers(applied)
  for await (const layer of log.after(applied)) layers.add(layer)
  const trim = async (number: number): Promise<void> => {
    if (log.wantsTrimming(number)) await log.trim(number)
  }
  const step = options.step === undefined ? {} : { step: options.step }
  const projector = new Projector({
    stores: collections.stores,
    rows,
    session,
    layers,
    lease,
    place,
    env,
    epoch,
    heads: options.heads === null ? null : new Heads(options.db, rows, store, options.heads, filled),
    applied: trim,
    ...step,
  })
  const pieces = new Pieces()
  const tags = await ready(async () => {
    await projector.upTo(log.last)
    const view = new View([])
    const [found] = await Promise.all([openTags(rows, view, env.now()), pieces.load(rows, view)])
    return found
  }, projector)
  const known: Knowledge = { rows, highest: new Highest(rows), tags }
  const writer = new Writer({ log, layers, projector, lease, known, pieces })
  const { closing } = options
  const release = (): Promise<void> =>
    closeStore({ closing, writer, projector, log, layers, lease, session, store, env })
  return { place, rows, layers, lease, projector, writer, tags, release }
}

/** What the last holder left is applied and read; when that fails, applying does not go on behind our back. */
async function ready<T>(work: () => Promise<T>, projector: Projector): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await projector.stop()
    throw error
  }
}

/** The store with an epoch of its own: transactions of earlier holders cannot commit any more. */
async function claim({ collections, env, store, place, heads }: OpenOptions): Promise<StoreRow> {
  // Refused as it is: what a newer release wrote must not be changed.
  const found = await repeated(() => collections.stores.findOne({ _id: store }, settled))
  if (found !== null && found.layout !== layoutVersion) refuse(found.layout, store, place)
  const prefix = toHex(env.random(4))
  const made = { layout: layoutVersion, prefix, applied: 0, rounds: 0 }
  // What is not kept in step from now on is not complete any more.
  const mine = { $inc: { epoch: 1 }, $setOnInsert: made, ...(heads === null ? { $unset: { heads: '' as const } } : {}) }
  const durable = { upsert: true, returnDocument: 'after', writeConcern: { w: 'majority', journal: true } } as const
  // An attempt of which nobody knows whether it counted leaves a gap, which does no harm.
  const row = await repeated(() => collections.stores.findOneAndUpdate({ _id: store }, mine, durable))
  return row ?? refuse(null, store, place)
}

function refuse(version: number | null, store: string, place: Place): never {
  throw new VarveError(
    'UNSUPPORTED_VERSION',
    `The store "${store}" has layout ${String(version)}, this release reads ${layoutVersion}: use a newer release`,
    { details: { store, database: place.database, version, supported: layoutVersion } },
  )
}

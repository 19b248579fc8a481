/** The MongoDB adapter: stores of one tenant in one database of a replica set. */

import type { Db } from 'mongodb'
import { cached, checkPageKey, checkStoreName, systemEnv, VarveError, type Env, type StoreProvider } from 'varve/engine'
import type { MongodbClient } from './client.ts'
import { collectionsOf, makeCollections, type Collections } from './collections.ts'
import { destroyAll } from './destroy.ts'
import { guarded, type Place } from './errors.ts'
import type { HeadsName } from './heads.ts'
import { MongodbStore, mongodbSupports } from './mongodb-store.ts'
import { openStore, type OpenOptions } from './open.ts'
import { readFile, writeFile } from './small-files.ts'
import { waiting } from './wait.ts'

export type { HeadsName } from './heads.ts'
export { mongodbClient, type MongodbClient, type MongodbClientOptions, type MongodbHealth } from './client.ts'

export interface MongodbOptions {
  readonly client: MongodbClient
  /** The database that holds the stores; made when it is not there. */
  readonly database: string
  /** Where this process can be reached: told to those who find a store open. */
  readonly address?: string
  /** Milliseconds a lease runs; 15,000 by default. After a crash the next opener waits for its end. */
  readonly leaseMs?: number
  /** Milliseconds that opening waits for a store which another has open; 0, the default, refuses at once. */
  readonly waitMs?: number
  /** Bytes of heads kept in memory for each open store, about; 16 MB by default. */
  readonly cacheBytes?: number
  /**
   * Name of a collection in which the documents of an open database's collection are readable for other programs, for
   * example `(_, collection) => \`${collection}_head\``; null for none. Written a moment after the write was answered.
   */
  readonly heads?: HeadsName
  /** Clock, timers and log; those of the system by default. */
  readonly env?: Env
  /** Called at each step of applying batches to the rows; for tests that stop there. */
  readonly step?: (name: string) => Promise<void>
}

const shortestLeaseMs = 300

/** Throws `INVALID` unless MongoDB can have a database of this name that is not its own. */
function checkDatabase(name: string): string {
  const size = Buffer.byteLength(name, 'utf8')
  const isTaken = ['admin', 'config', 'local'].includes(name.toLowerCase())
  if (size === 0 || size > 63 || isTaken || !name.isWellFormed() || /[\0/\\. "$*<>:|?]/.test(name)) {
    throw new VarveError(
      'INVALID',
      `"${name}" cannot name a database: use 1 to 63 bytes without the signs / \\ . " $ * < > : | ? and spaces`,
      { details: { database: name } },
    )
  }
  return name
}

/** Stores in one database of a MongoDB replica set, each open in one process at a time. */
export function mongodb(options: MongodbOptions): StoreProvider {
  const { client, leaseMs = 15_000 } = options
  const database = checkDatabase(options.database)
  if (!(leaseMs >= shortestLeaseMs)) {
    throw new VarveError('INVALID', `A lease of ${leaseMs} ms is too short: use ${shortestLeaseMs} or more`)
  }
  const env = options.env ?? systemEnv()
  const placeOf = (store: string | null): Place => ({ url: client.url, database, store })
  let made: Promise<Collections> | null = null

  async function prepare(): Promise<Collections> {
    const db: Db = (await client.connect()).db(database)
    made ??= guarded(placeOf(null), async () => {
      await makeCollections(db)
      return collectionsOf(db)
    })
    try {
      return await made
    } catch (error) {
      made = null
      throw error
    }
  }

  async function partsOf(store: string): Promise<OpenOptions> {
    const collections = await prepare()
    const { address = null, step } = options
    const driver = await client.connect()
    const where = { client: driver, db: driver.db(database), collections, place: placeOf(store), store }
    const base = { ...where, env, address, leaseMs, heads: options.heads ?? null, closing: client.closing }
    return step === undefined ? base : { ...base, step }
  }

  return {
    supports: mongodbSupports,
    async open(name, { pageKey }) {
      checkStoreName(name)
      if (checkPageKey(pageKey) !== null) {
        throw new VarveError(
          'UNSUPPORTED',
          'The MongoDB store does not encrypt what it keeps: open it without a page key',
          {
            details: { store: name },
          },
        )
      }
      const parts = await partsOf(name)
      const { leases } = parts.collections
      const opened = await waiting({ leases, store: name, env, waitMs: options.waitMs ?? 0 }, () => openStore(parts))
      const store = new MongodbStore(opened)
      return cached(store, { bytes: options.cacheBytes ?? 16 * 1024 * 1024, held: () => opened.lease.held })
    },
    readFile: async (name) => readFile((await prepare()).files, placeOf(null), name),
    writeFile: async (name, bytes) => writeFile((await prepare()).files, placeOf(null), name, bytes),
    async destroy() {
      const collections = await prepare()
      const db = (await client.connect()).db(database)
      await guarded(placeOf(null), () => destroyAll(collections, db, partsOf))
    },
  }
}

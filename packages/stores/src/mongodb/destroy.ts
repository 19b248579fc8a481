/** Removing every store of a provider, then its small files in order of name. */

import type { Db } from 'mongodb'
import type { Collections } from './collections.ts'
import { nameIn } from './heads.ts'
import type { Lease } from './lease.ts'
import { takeLease, type OpenOptions } from './open.ts'

const majority = { writeConcern: { w: 'majority' as const, journal: true } }

/** Throws `LOCKED`, and changes nothing, while one of the stores is open. */
export async function destroyAll(
  collections: Collections,
  db: Db,
  partsOf: (store: string) => Promise<OpenOptions>,
): Promise<void> {
  const leases: Lease[] = []
  try {
    for (const store of await storesOf(collections)) leases.push(await takeLease(await partsOf(store), null))
    for (const store of await storesOf(collections)) await removeStore(collections, db, store)
  } finally {
    for (const lease of leases) await lease.release()
  }
  await collections.leases.deleteMany({ holder: null }, majority)
  for (const { _id } of await collections.files.find({}, { sort: { _id: 1 }, projection: { _id: 1 } }).toArray())
    await collections.files.deleteOne({ _id }, majority)
}

async function storesOf({ stores }: Collections): Promise<readonly string[]> {
  const rows = await stores.find({}, { sort: { _id: 1 }, projection: { _id: 1 } }).toArray()
  return rows.map(({ _id }) => _id)
}

/** Its entry goes last: until then destroying again finds it. */
async function removeStore({ stores, rows, batches }: Collections, db: Db, store: string): Promise<void> {
  const row = await stores.findOneAndUpdate(
    { _id: store },
    { $inc: { epoch: 1 } },
    { returnDocument: 'after', ...majority },
  )
  if (row === null) return
  const all = { _id: { $gte: row.prefix, $lt: `${row.prefix}~` } }
  await rows.deleteMany(all, majority)
  await batches.deleteMany(all, majority)
  for (const shape of Object.values(row.heads ?? {})) await db.collection(nameIn(shape)).drop()
  await stores.deleteOne({ _id: store }, majority)
}

/** The collections of a provider in its database. */

import type { Binary, Collection, Db } from 'mongodb'
import type { StoredRow } from './cells.ts'
import { codeOf, errorCode, repeated } from './errors.ts'
import type { LeaseRow } from './lease.ts'
import type { BatchRow } from './log.ts'
import type { StoreRow } from './projector.ts'

export interface FileRow {
  readonly _id: string
  readonly bytes: Uint8Array | Binary
}

export interface Collections {
  readonly stores: Collection<StoreRow>
  readonly leases: Collection<LeaseRow>
  readonly batches: Collection<BatchRow>
  readonly rows: Collection<StoredRow>
  readonly files: Collection<FileRow>
}

/** In the order in which they are removed. */
const collectionNames = ['varve_rows', 'varve_batches', 'varve_stores', 'varve_leases', 'varve_files'] as const

export function collectionsOf(db: Db): Collections {
  return {
    rows: db.collection<StoredRow>('varve_rows'),
    batches: db.collection<BatchRow>('varve_batches'),
    stores: db.collection<StoreRow>('varve_stores'),
    leases: db.collection<LeaseRow>('varve_leases'),
    files: db.collection<FileRow>('varve_files'),
  }
}

/**
 * Makes those that are not there, one after the other: several new ones at once can hang a server. They are plain ones
 * with an index on `_id`: clustered collections read everything between the least and the greatest of several keys that
 * are asked for, and going backward leave out a row at an inclusive lower end (both seen in MongoDB 7.0.15).
 */
export async function makeCollections(db: Db): Promise<void> {
  const names = { name: { $in: [...collectionNames] } }
  const known = await repeated(() => db.listCollections(names, { nameOnly: true }).toArray())
  for (const name of collectionNames) {
    if (known.some((each) => each.name === name)) continue
    try {
      await repeated(() => db.createCollection(name))
    } catch (error) {
      if (codeOf(error) !== errorCode.namespaceExists) throw error
    }
  }
}

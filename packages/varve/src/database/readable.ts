/** A database for whoever only reads it, such as a server that holds an open one: no writes, no sync. */

import { VarveError } from '../errors.ts'
import type { Replica } from '../replica/replica.ts'
import type { Collection } from './collection.ts'
import { Database } from './database.ts'
import type { CollectionOptions } from './types.ts'

/** What a collection answers. */
export type ReadableCollection<T> = Pick<
  Collection<T>,
  'name' | 'get' | 'find' | 'getVersion' | 'getAsOf' | 'history' | 'diff' | 'conflicts' | 'duplicates' | 'declared'
>

/** What a database answers. Indexes, searches and counter rules declared here belong to this replica alone. */
export interface ReadableDatabase extends Pick<
  Database,
  'name' | 'mode' | 'counters' | 'collections' | 'changes' | 'cursor' | 'commits' | 'asOf' | 'verify' | 'stats'
> {
  collection<T>(name: string, options?: CollectionOptions<T>): ReadableCollection<T>
}

const made = new WeakMap<Replica, ReadableDatabase>()

/** The same object for the same replica. `tenant` is the id of its tenant. */
export function readableDatabase(replica: Replica, tenant: string): ReadableDatabase {
  const known = made.get(replica)
  if (known !== undefined) return known
  const refuse = (): Promise<never> =>
    Promise.reject(new VarveError('UNSUPPORTED', 'This database is only read here: write and sync on a device'))
  const database = new Database(replica, { id: tenant, beforeSync: refuse, syncOver: refuse })
  made.set(replica, database)
  return database
}

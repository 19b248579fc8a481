/** MongoDB as an engine: a database of the hub is a database of the replica set, all of them over one client. */

import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { VarveError, type Env } from 'varve/engine'
import type { DbConnection } from '../config/types.ts'
import type { StoreEngine } from './engine.ts'
import type { LeaseTerms } from './engines.ts'

type Connection = Extract<DbConnection, { readonly kind: 'mongodb' }>

export function mongodbEngine({ url, maxConnections, heads }: Connection, env: Env, terms: LeaseTerms): StoreEngine {
  const client = mongodbClient({ url, ...(maxConnections === null ? {} : { connections: maxConnections }) })
  return {
    provider: (dbName) => mongodb({ client, database: dbName, env, ...terms, ...(heads ? { heads: headName } : {}) }),
    figures: () => client.figures(),
    async check() {
      const { problem } = await client.health()
      if (problem !== null) throw new VarveError('OFFLINE', problem)
    },
    close: (away) => client.close(away),
  }
}

/** As Chronos calls them. */
function headName(_: string, collection: string): string {
  return `${collection}_head`
}

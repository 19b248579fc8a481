/** PostgreSQL as an engine: a database of the hub is a schema, all of them over one pool. */

import { postgres, postgresPool } from '@varve/stores/postgres'
import { VarveError } from 'varve/engine'
import type { DbConnection } from '../config/types.ts'
import type { StoreEngine } from './engine.ts'
import type { LeaseTerms } from './engines.ts'

type Connection = Extract<DbConnection, { readonly kind: 'postgres' }>

export function postgresEngine({ url, standbys, maxConnections }: Connection, terms: LeaseTerms): StoreEngine {
  const pool = postgresPool({ url: [url, ...standbys], ...(maxConnections === null ? {} : { max: maxConnections }) })
  return {
    provider: (dbName) => postgres({ pool, schema: dbName, ...terms }),
    figures: () => pool.figures,
    async check() {
      const { problem } = await pool.health()
      if (problem !== null) throw new VarveError('OFFLINE', problem)
    },
    close: (away) => pool.close(away),
  }
}

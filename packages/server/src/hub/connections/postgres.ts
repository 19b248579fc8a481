/** PostgreSQL as an engine: a database of the hub is a schema, all of them over one pool. */

import { postgres, postgresPool } from '@varve/stores/postgres'
import { VarveError } from 'varve/engine'
import type { StoreEngine } from './engine.ts'
import type { LeaseTerms } from './engines.ts'

export function postgresEngine(url: string, terms: LeaseTerms): StoreEngine {
  const pool = postgresPool({ url })
  return {
    provider: (dbName) => postgres({ pool, schema: dbName, ...terms }),
    async check() {
      const { problem } = await pool.health()
      if (problem !== null) throw new VarveError('OFFLINE', problem)
    },
    close: () => pool.close(),
  }
}

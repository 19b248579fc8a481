/** Opening the engine of a connection; drivers are loaded when the first connection needs them. */

import type { Env } from 'varve/engine'
import { driver } from '../../config-storage.ts'
import type { DbConnection } from '../config/types.ts'
import type { StoreEngine } from './engine.ts'
import { memoryEngine } from './memory.ts'
import { sqliteEngine } from './sqlite.ts'

/** How stores are held among several processes: where others reach this one, and for how long a lease is given. */
export interface LeaseTerms {
  readonly address?: string
  readonly leaseMs?: number
}

export type OpenEngine = (connection: DbConnection, env: Env, terms: LeaseTerms) => Promise<StoreEngine>

export const openEngine: OpenEngine = async (connection, env, terms) => {
  switch (connection.kind) {
    case 'memory':
      return memoryEngine()
    case 'sqlite':
      return sqliteEngine(connection.dir)
    case 'postgres':
      return (await driver('pg', () => import('./postgres.ts'))).postgresEngine(connection, terms)
    case 'mongodb':
      return (await driver('mongodb', () => import('./mongodb.ts'))).mongodbEngine(connection, env, terms)
  }
}

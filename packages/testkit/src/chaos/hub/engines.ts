/** The engines of a hub under faults: as they come, with short leases, and with little patience. */

import { openEngine, type OpenEngine, type StoreEngine } from '@varve/server/hub'
import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { postgres, postgresPool } from '@varve/stores/postgres'
import { limits, systemEnv, type Env } from 'varve/engine'

/** Milliseconds after which what a killed process held is free. */
export const leaseMs = 2_000
/** Milliseconds that a call waits for a server that is away. */
const patienceMs = 4_000
const statementMs = 10_000

/** The environment of a process, in which old layers are looked for every second instead of every minute. */
export function hastyEnv(log: Env['log']): Env {
  const env = systemEnv({ log })
  const isSinking = (ms: number): boolean => ms >= limits.sinkEveryMs / 2 && ms <= limits.sinkEveryMs
  return { ...env, timer: (fn, ms) => env.timer(fn, isSinking(ms) ? ms / 60 : ms) }
}

export const hastyEngines: OpenEngine = async (connection, env, terms) => {
  const given = { leaseMs, ...terms }
  if (connection.kind === 'postgres') return overPostgres(connection.url, given)
  if (connection.kind === 'mongodb') return overMongodb(connection.url, given, env)
  return openEngine(connection, env, given)
}

type Terms = Parameters<OpenEngine>[2]

function overPostgres(url: string, terms: Terms): StoreEngine {
  const pool = postgresPool({ url, connectMs: patienceMs, reconnectMs: patienceMs, statementMs })
  return {
    provider: (dbName) => postgres({ pool, schema: dbName, ...terms }),
    check: async () => {
      throwing((await pool.health()).problem)
    },
    close: () => pool.close(),
  }
}

function overMongodb(url: string, terms: Terms, env: Env): StoreEngine {
  const client = mongodbClient({ url, waitMs: patienceMs })
  return {
    provider: (dbName) => mongodb({ client, database: dbName, env, ...terms }),
    check: async () => {
      throwing((await client.health()).problem)
    },
    close: () => client.close(),
  }
}

function throwing(problem: string | null): void {
  if (problem !== null) throw new Error(problem)
}

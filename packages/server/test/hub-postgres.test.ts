/** The hub over PostgreSQL: each connection a database of the server, emptied after each test. */

import { isTested, postgresProgram, startPostgres, type RunningPostgres } from '@varve/testkit'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { hubSuite } from './hub-suite.ts'
import { cleanUp, type HubEngine } from './hub-world.ts'

const databases = ['mongo-primary', 'mongo-analytics', 'one', 'two', 'old', 'new']

describe.runIf(isTested(postgresProgram()))('on PostgreSQL', () => {
  let server: RunningPostgres

  beforeAll(async () => {
    server = await startPostgres({ settings: { synchronous_commit: 'off' } })
    await query(
      server.url,
      databases.map((name) => `CREATE DATABASE "${name}"`),
    )
  })
  afterEach(async () => {
    await cleanUp()
    for (const name of databases) await dropSchemas(urlOf(name))
  })
  afterAll(() => server?.stop())

  const urlOf = (name: string): string => {
    const url = new URL(server.url)
    url.pathname = `/${name}`
    return url.href
  }
  const engine: HubEngine = { name: 'postgres', url: urlOf }
  hubSuite(() => engine)
})

async function query(url: string, statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

async function dropSchemas(url: string): Promise<void> {
  const own = "nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')"
  const found = await query(url, [`SELECT nspname AS name FROM pg_namespace WHERE ${own}`])
  if (found.length > 0)
    await query(
      url,
      found.map(({ name }) => `DROP SCHEMA "${String(name)}" CASCADE`),
    )
}

/** PostgreSQL by hand: the ordinary driver and its pool, prepared statements, JSONB. */

import { Connection, Pool } from 'pg'
import { slices } from '../files.ts'
import { asNumber, asText } from '../json.ts'
import type { ByHand, Said } from './by-hand.ts'

const schema = `
  CREATE TABLE IF NOT EXISTS versions (id text NOT NULL, ov integer NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    data jsonb NOT NULL, PRIMARY KEY (id, ov));
  CREATE INDEX IF NOT EXISTS versions_section ON versions ((data ->> 'section'));
  CREATE TABLE IF NOT EXISTS heads (id text PRIMARY KEY, size integer NOT NULL, data jsonb NOT NULL);
  CREATE INDEX IF NOT EXISTS heads_size ON heads (size)`

const insert = { name: 'insert', text: 'INSERT INTO versions (id, ov, data) VALUES ($1, $2, $3)' }
const find = { name: 'find', text: 'SELECT id, data FROM heads WHERE size > $1 ORDER BY size LIMIT $2' }
const fill = `INSERT INTO heads (id, size, data)
  SELECT * FROM unnest($1::text[], $2::integer[], $3::jsonb[])`

export async function handPostgres(url: string, connections: number): Promise<ByHand> {
  const said = counted()
  const pool = new Pool({ connectionString: url, max: connections, idleTimeoutMillis: 0 })
  await pool.query(schema)
  return {
    async insert({ id, ov, data }) {
      await pool.query({ ...insert, values: [id, ov, JSON.stringify(data)] })
    },
    async fill(heads) {
      for (const slice of slices(heads, 5000))
        await pool.query(fill, [
          slice.map((head) => asText(head['id'])),
          slice.map((head) => head['installedSize']),
          slice.map((head) => JSON.stringify(head)),
        ])
      await pool.query('ANALYZE heads')
    },
    async find(above, limit) {
      const { rows } = await pool.query<Readonly<Record<string, unknown>>>({ ...find, values: [above, limit] })
      return rows.map((row) => row['data'])
    },
    async open() {
      const { rows } = await pool.query<Readonly<Record<string, unknown>>>(
        `SELECT count(*)::integer AS open FROM pg_stat_activity WHERE backend_type = 'client backend'`,
      )
      return asNumber(rows[0]?.['open'])
    },
    said: () => Promise.resolve({ ...said }),
    stop: () => pool.end(),
  }
}

let counts: { statements: number; roundTrips: number; connections: number } | null = null

/** Counts what every connection of this process sends from now on, whoever has it. */
function counted(): Said {
  if (counts !== null) return counts
  const made = { statements: 0, roundTrips: 0, connections: 0 }
  counts = made
  const count = (method: string, add: () => void): void => {
    const before: unknown = Reflect.get(Connection.prototype, method)
    if (typeof before !== 'function') throw new Error(`The driver has no "${method}" any more: count otherwise`)
    Reflect.set(Connection.prototype, method, function counting(this: unknown, ...args: unknown[]): unknown {
      add()
      const answer: unknown = Reflect.apply(before, this, args)
      return answer
    })
  }
  count('execute', () => made.statements++)
  count('sync', () => made.roundTrips++)
  count('query', () => {
    made.statements++
    made.roundTrips++
  })
  count('startup', () => made.connections++)
  return made
}

/** Which server a URL leads to, and how every connection to it is set up. */

import type { ClientBase, ClientConfig } from 'pg'
import { VarveError } from 'varve/engine'

/** Statements here name their index by what they ask for; a plan that was right for an empty table must not stay wrong. */
const settings = [
  ['plan_cache_mode', 'force_generic_plan'],
  ['enable_seqscan', 'off'],
  ['enable_bitmapscan', 'off'],
  ['enable_hashjoin', 'off'],
  ['enable_mergejoin', 'off'],
  ['enable_material', 'off'],
  ['max_parallel_workers_per_gather', '0'],
  ['jit', 'off'],
  ['standard_conforming_strings', 'on'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
  ['default_transaction_isolation', 'read committed'],
  ['idle_in_transaction_session_timeout', '60000'],
  // A machine that is gone must not keep a store's row locked for hours: the server notices within a minute.
  ['tcp_keepalives_idle', '20'],
  ['tcp_keepalives_interval', '10'],
  ['tcp_keepalives_count', '3'],
] as const

const oldestVersion = 130_000

const setUp = `SELECT pg_is_in_recovery(), current_setting('server_version_num')::int, current_setting('server_encoding'),
  pg_postmaster_start_time()::text, set_config('statement_timeout', $1, false), ${settings.map(([name, value]) => `set_config('${name}', '${value}', false)`).join(', ')}`

/** Host, port and database of a URL. Throws `INVALID`, which never shows what was given. */
export function shownUrl(text: string): string {
  // The standard's own error carries the text, and with it the password.
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    throw new VarveError(
      'INVALID',
      'The URL of a PostgreSQL server must be "postgres://user:password@host:port/database"',
    )
  }
  const host = url.searchParams.get('host') ?? (url.hostname === '' ? 'localhost' : url.hostname)
  return `${host}:${url.port === '' ? '5432' : url.port}${url.pathname === '/' ? '' : url.pathname}`
}

export function connectionOf(url: string): ClientConfig {
  return { connectionString: url, application_name: 'varve' }
}

/** Sets a new connection up in one round trip; gives when the server started. Fails where stores cannot be kept. */
export async function checkServer(client: ClientBase, statementMs: number): Promise<string> {
  const { rows } = await client.query<unknown[]>({ text: setUp, values: [String(statementMs)], rowMode: 'array' })
  const [standby, version, encoding, started] = rows[0] ?? []
  if (standby === true) throw Object.assign(new Error('a standby'), { code: '25006' })
  if (Number(version) < oldestVersion) {
    throw new VarveError('UNSUPPORTED_VERSION', 'The server runs a PostgreSQL before 13: use a newer one', {
      details: { version },
    })
  }
  if (encoding !== 'UTF8') {
    throw new VarveError('UNSUPPORTED', 'The database is not encoded as UTF8: create it with ENCODING UTF8', {
      details: { encoding },
    })
  }
  return String(started)
}

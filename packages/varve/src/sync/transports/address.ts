/** The URL of a node, as people give it, and the two URLs of its sync endpoint. */

import { VarveError } from '../../errors.ts'

export interface SyncAddress {
  /** ws: or wss:, ending in `/v1/sync`. */
  readonly webSocket: string
  /** The same by http: or https:. */
  readonly http: string
}

const endpoint = '/v1/sync'

/**
 * Reads `wss://host`, `https://host/path` and the like; a path is where the server's own paths begin. Throws `INVALID`
 * for other schemes, and for anything that would be sent along or lost unnoticed: a name, a password, a query, a
 * fragment.
 */
export function syncAddress(url: string): SyncAddress {
  const { protocol, host, pathname, username, password, search, hash } = parsed(url)
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(protocol)) throw bad('begins with none of ws, wss, http and https')
  if (username + password + search + hash !== '') throw bad('has more than a scheme, a host and a path')
  const secure = protocol === 'wss:' || protocol === 'https:'
  const base = pathname.replace(/\/+$/, '').replace(/\/v1\/sync$/, '')
  const place = `//${host}${base}${endpoint}`
  return { webSocket: (secure ? 'wss:' : 'ws:') + place, http: (secure ? 'https:' : 'http:') + place }
}

function parsed(url: string): URL {
  try {
    return new URL(url)
  } catch {
    // The error of the platform would repeat the URL, which may hold a password.
    throw bad('cannot be read')
  }
}

function bad(what: string): VarveError {
  return new VarveError('INVALID', `The URL of the node ${what}: give one like wss://example.org`)
}

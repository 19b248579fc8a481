/** Names and numbers in URLs, checked before anything looks them up. */

import type { Context } from 'hono'
import { fromHex, VarveError } from 'varve/engine'
import { invalid } from '../decode.ts'
import { fixed } from '../limits.ts'
import type { AppEnv } from './context.ts'

/** A parameter of the path that is an id of `bytes` bytes in lower-case hex; `INVALID` otherwise. */
export function hexParam(c: Context<AppEnv>, name: string, bytes: number): string {
  const value = c.req.param(name)
  if (value === undefined || value.length !== 2 * bytes || !/^[0-9a-f]+$/.test(value)) {
    return invalid(name, `${2 * bytes} lower-case hex digits`)
  }
  return value
}

export function tenantParam(c: Context<AppEnv>): string {
  return hexParam(c, 'tenant', 16)
}

export function databaseParam(c: Context<AppEnv>): string {
  return hexParam(c, 'database', 16)
}

export function commitParam(c: Context<AppEnv>): Uint8Array {
  return fromHex(hexParam(c, 'commit', 32))
}

/** The id that the admin gave an invitation: 16 to 64 characters of base64url. */
export function invitationParam(c: Context<AppEnv>): string {
  const value = c.req.param('invitation')
  if (value === undefined || !/^[A-Za-z0-9_-]{16,64}$/.test(value)) {
    return invalid('invitation', '16 to 64 characters of A–Z, a–z, 0–9, "-" and "_"')
  }
  return value
}

/** A whole number in the query; `INVALID` when it is absent or none. */
export function numberQuery(c: Context<AppEnv>, name: string): number {
  const value = c.req.query(name)
  if (value === undefined || !/^(?:0|[1-9][0-9]{0,15})$/.test(value)) return invalid(name, 'a whole number')
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : invalid(name, 'a whole number')
}

/** How long a long poll waits, in milliseconds; 0 when the query does not say. */
export function waitQuery(c: Context<AppEnv>): number {
  if (c.req.query('wait') === undefined) return 0
  const seconds = numberQuery(c, 'wait')
  if (seconds > fixed.waitSeconds) {
    throw new VarveError('INVALID', `"wait" should be at most ${fixed.waitSeconds} seconds`, {
      details: { path: 'wait' },
    })
  }
  return seconds * 1000
}

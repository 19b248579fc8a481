/** The one place where access tokens are checked, and the publish token. */

import type { MiddlewareHandler } from 'hono'
import { VarveError } from 'varve/engine'
import { tokenHash } from '../publish-token.ts'
import type { Caller } from '../sessions/sessions.ts'
import { sameBytes, unauthenticated } from '../sessions/token.ts'
import type { AppContext, AppEnv, AppParts } from './context.ts'
import { tenantParam } from './params.ts'

/** Lets a device of the tenant in the path pass: 401 without a valid access token, 403 for another tenant. */
export function member(parts: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set('caller', await memberOf(parts, c))
    await next()
  }
}

/** The same, for admins only. */
export function admin(parts: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set('caller', await adminOf(parts, c))
    await next()
  }
}

/** Checked again after a wait, in which the device may have been revoked. */
export async function memberOf(parts: AppParts, c: AppContext): Promise<Caller> {
  const caller = await parts.sessions.authenticate(bearer(c))
  if (caller.tenant !== tenantParam(c)) {
    throw new VarveError('FORBIDDEN', 'The access token is for another tenant: use one of this tenant')
  }
  return caller
}

/** The same for admins. */
export async function adminOf(parts: AppParts, c: AppContext): Promise<Caller> {
  const caller = await memberOf(parts, c)
  if (caller.level !== 'admin') {
    throw new VarveError('FORBIDDEN', 'Only an admin of the tenant may do this: ask one')
  }
  return caller
}

/** Throws unless the request brings the publish token, where one is needed. */
export function assertMayPublish(parts: AppParts, c: AppContext): void {
  if (parts.publishHash === null || sameBytes(tokenHash(bearer(c)), parts.publishHash)) return
  throw unauthenticated('The publish token is not the one of this server: ask who runs it')
}

function bearer(c: AppContext): string {
  const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(c.req.header('authorization') ?? '')?.[1]
  if (token !== undefined) return token
  throw unauthenticated('This needs a token: send it as "Authorization: Bearer …"')
}
